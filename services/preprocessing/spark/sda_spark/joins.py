"""Joins: the tables, which `sda` has read, checked and left as Arrow files in the staging folder, and their columns
beside those of the log. docs/pipelines.md, "Joins"."""

import numpy as np
import pyarrow as pa

from sda_spark.columns import Column
from sda_spark.state import Index, hashed


def needed(plan, slots):
    """The joins that fill some of `slots`, by number and in their order; and the slots with the keys of these joins."""
    slots = set(slots)
    numbers = []
    # From the last to the first, as the key of a join may be of an earlier one.
    for number, join in reversed(list(enumerate(plan["joins"]))):
        if _of(join, slots):
            numbers.insert(0, number)
            slots.add(join["key"])
    return numbers, slots


def _of(join, slots):
    return sorted(slot for slot in slots if join["first"] <= slot < join["first"] + join["columns"])


def fill(plan, table_of, slots, columns):
    """Adds those of `slots` that joins fill to `columns`, where those of the log are; `table_of` by number of the join."""
    numbers, slots = needed(plan, slots)
    for number in numbers:
        join = plan["joins"][number]
        wanted = _of(join, slots)
        made = table_of(number).columns_for(columns[join["key"]], [slot - join["first"] for slot in wanted])
        columns.update(zip(wanted, made))


def with_index(table):
    """A table as executors get it."""
    hashes, places = hashed(table.column("key").chunks)
    return table.append_column("hash", pa.array(hashes)).append_column("place", pa.array(places))


class JoinTable:
    """Rows of texts, found by key."""

    def __init__(self, arrow):
        self.rows = arrow
        self.index = Index(arrow.column("key"), arrow.column("hash"), arrow.column("place"))

    def columns_for(self, keys, numbers):
        """The table's columns with these numbers, row by row for a text column of keys."""
        present = ~keys.missing_flags()
        rows = np.full(len(present), -1, dtype=np.int64)
        rows[present] = self.index.find(keys.texts.filter(pa.array(present)))
        rows = pa.array(rows, mask=rows < 0)
        return [Column("text", texts=_one(self.rows.column(str(number)).take(rows)).cast(pa.string())) for number in numbers]


def _one(chunked):
    return pa.concat_arrays(chunked.chunks) if chunked.num_chunks else pa.nulls(len(chunked), chunked.type)
