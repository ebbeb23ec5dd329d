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
        return load(self.table_file, Table)


class Index:
    """Different values, large binary, found by their hash. `hashes` ascend, `places` says whose they are."""

    def __init__(self, values, hashes, places):
        values = values.combine_chunks() if len(values) else None
        self.values = pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values
        self.hashes, self.places = to_numpy(hashes), to_numpy(places)

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


class Table(Index):
    """Learned values, in id order."""

    def __init__(self, arrow):
        super().__init__(arrow.column("value"), arrow.column("hash"), arrow.column("place"))
        self.counts = to_numpy(arrow.column("count"))
        self.positives = to_numpy(arrow.column("positives"))
        self.fold_counts = self.fold_positives = None
        if "fold_counts" in arrow.column_names:
            self.fold_counts = to_numpy(arrow.column("fold_counts").combine_chunks().flatten())
            self.fold_positives = to_numpy(arrow.column("fold_positives").combine_chunks().flatten())


_loaded = {}


def load(name, make):
    """What `make` makes of the Arrow table in a file that Spark has sent along; once in a process."""
    if name not in _loaded:
        from pyspark import SparkFiles

        _loaded[name] = make(pa.ipc.open_file(pa.memory_map(SparkFiles.get(name))).read_all())
    return _loaded[name]


def hashed(chunks):
    """Of the values in arrays of binary: their hashes in ascending order, and whose they are."""
    hashes = [hashing.fnv(chunk.cast(pa.binary())) for chunk in chunks]
    hashes = np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    return hashes[order], order.astype(np.int64)


def table_to_arrow(values, counts, positives=None, fold_counts=None, fold_positives=None, folds=0):
    """The file's content. `values` is a chunked array of binary."""
    hashes, places = hashed(values.chunks)
    columns = {
        "value": values.cast(pa.large_binary()),
        "count": pa.array(counts, pa.int64()),
        "positives": pa.array(positives if positives is not None else np.zeros(len(counts), dtype=np.int64)),
        "hash": pa.array(hashes),
        "place": pa.array(places),
    }
    if folds:
        columns["fold_counts"] = pa.FixedSizeListArray.from_arrays(pa.array(fold_counts), folds)
        columns["fold_positives"] = pa.FixedSizeListArray.from_arrays(pa.array(fold_positives), folds)
    return pa.table(columns)
