"""What nodes have learned, as tasks see it: numbers travel with the task, tables in files that every executor has once
and maps into memory, so that its Python processes share them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark import hashing
from sda_spark.columns import to_numpy


class NodeState:
    """`table_file` names a file that Spark has sent along; `within` and `values` are a row operation's for one block."""

    def __init__(self):
        self.numbers, self.text = [], None
        self.table_file = None
        self.fold_rows, self.fold_positives = [], []
        self.within = self.values = None

    @property
    def table(self):
        return load_table(self.table_file)


class Table:
    """Learned values, in id order, found by their hash."""

    def __init__(self, arrow):
        self.values = arrow.column("value").combine_chunks() if arrow.num_rows else None
        if isinstance(self.values, pa.ChunkedArray):
            self.values = pa.concat_arrays(self.values.chunks)
        self.hashes = to_numpy(arrow.column("hash"))
        self.places = to_numpy(arrow.column("place"))
        self.counts = to_numpy(arrow.column("count"))
        self.positives = to_numpy(arrow.column("positives"))
        self.fold_counts = self.fold_positives = None
        if "fold_counts" in arrow.column_names:
            self.fold_counts = to_numpy(arrow.column("fold_counts").combine_chunks().flatten())
            self.fold_positives = to_numpy(arrow.column("fold_positives").combine_chunks().flatten())

    def find(self, keys):
        """The place of each key (binary or text, no nulls), -1 where it is none of the values."""
        found = np.full(len(keys), -1, dtype=np.int64)
        if self.values is None or len(keys) == 0:
            return found
        keys = keys.cast(pa.binary())
        hashes = hashing.fnv(keys)
        at = np.searchsorted(self.hashes, hashes, side="left")
        keys = keys.cast(pa.large_binary())
        pending = np.arange(len(keys))
        while len(pending):
            inside = at < len(self.hashes)
            same = np.zeros(len(pending), dtype=bool)
            same[inside] = self.hashes[at[inside]] == hashes[pending[inside]]
            pending, at = pending[same], at[same]
            places = self.places[at]
            equal = to_numpy(pc.equal(self.values.take(pa.array(places)), keys.take(pa.array(pending))))
            found[pending[equal]] = places[equal]
            # Two values of one hash lie side by side.
            pending, at = pending[~equal], at[~equal] + 1
        return found


_tables = {}


def load_table(name):
    if name not in _tables:
        from pyspark import SparkFiles

        _tables[name] = Table(pa.ipc.open_file(pa.memory_map(SparkFiles.get(name))).read_all())
    return _tables[name]


def table_to_arrow(values, counts, positives=None, fold_counts=None, fold_positives=None, folds=0):
    """The file's content. `values` is a chunked array of binary."""
    hashes = [hashing.fnv(chunk) for chunk in values.chunks]
    hashes = np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    columns = {
        "value": values.cast(pa.large_binary()),
        "count": pa.array(counts, pa.int64()),
        "positives": pa.array(positives if positives is not None else np.zeros(len(counts), dtype=np.int64)),
        "hash": pa.array(hashes[order]),
        "place": pa.array(order.astype(np.int64)),
    }
    if folds:
        columns["fold_counts"] = pa.FixedSizeListArray.from_arrays(pa.array(fold_counts), folds)
        columns["fold_positives"] = pa.FixedSizeListArray.from_arrays(pa.array(fold_positives), folds)
    return pa.table(columns)
