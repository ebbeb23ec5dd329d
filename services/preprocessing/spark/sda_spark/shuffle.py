"""Arrow tables through Spark's shuffles: few large records instead of many small ones."""

import numpy as np
import pyarrow as pa

from sda_spark.learning import merge_counts, partitions_of

MERGE_ROWS = 4_000_000  # of counts that a reducer holds before it merges them


def pack(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(data):
    return pa.ipc.open_stream(data).read_all()


def deal(table, reducers, count):
    """(reducer, part of the table) for every reducer that gets rows."""
    order = np.argsort(reducers, kind="stable")
    table = table.take(pa.array(order)).combine_chunks()
    bounds = np.searchsorted(reducers[order], np.arange(count + 1))
    for reducer in range(count):
        if bounds[reducer] < bounds[reducer + 1]:
            yield reducer, table.slice(bounds[reducer], bounds[reducer + 1] - bounds[reducer])


def deal_by_key(table, count):
    """The same for counts, by node and key."""
    table = table.combine_chunks()
    keys = table.column("key").combine_chunks()
    if isinstance(keys, pa.ChunkedArray):
        keys = pa.concat_arrays(keys.chunks)
    nodes = table.column("node").to_numpy()
    return deal(table, partitions_of(keys, nodes, count), count)


class CountsMerger:
    """Takes tables of counts, keeps what they add up to."""

    def __init__(self):
        self.tables, self.rows = [], 0

    def add(self, table):
        self.tables.append(table)
        self.rows += table.num_rows
        if self.rows > MERGE_ROWS and len(self.tables) > 1:
            merged = merge_counts(self.tables)
            self.tables = [merged]
            # What does not get smaller is not merged again with every table.
            self.rows = max(0, merged.num_rows - MERGE_ROWS)

    def result(self):
        return merge_counts(self.tables) if self.tables else None
