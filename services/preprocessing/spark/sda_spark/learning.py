"""What a block contributes to what nodes learn. Keyed things (counts of values) go through a shuffle by key; sums and
quantiles are merged by node; the rest goes to the driver."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark import hashing
from sda_spark.columns import Distinct, all_missing, big_endian, key_of
from sda_spark.operations import enum
from sda_spark.stats import DenseStats, Moments

# Places in lists: element e of row r is at r · LIST_PLACES + e.
LIST_PLACES = 1 << 20
COUNTS = pa.schema([("node", pa.int32()), ("key", pa.binary()), ("fold", pa.int32()), ("count", pa.int64()),
                    ("positives", pa.int64()), ("first", pa.int64())])

KEYED = ("categorify", "group_categorify", "count_encode", "frequency_encode", "target_encode", "multi_hot")


def learns_counts(node):
    return node["operation"] in KEYED or (
        node["operation"] == "fill_missing" and enum(node["options"], "strategy", "constant") == "most_frequent")


class Learned:
    """Of one block: `counts` tables in the form COUNTS, `stats` by node, `rows` and `folds` by node for the driver."""

    def __init__(self):
        self.counts, self.stats, self.rows, self.folds = [], {}, {}, {}


def learn(index, node, columns, rows, learned):
    """Adds what the batch teaches column operation `index`."""
    use = np.ones(len(rows), dtype=bool) if node["fit_on_all"] else rows.splits == 0
    learned.rows[index] = int(use.sum())
    if learns_counts(node):
        table = _COUNTS.get(node["operation"], _count_keys)(index, node, columns, rows, use, learned)
        if table is not None and table.num_rows:
            learned.counts.append(table)
        return
    present = use & ~columns[0].missing_flags()
    values = columns[0].values[present]
    mean_only = node["operation"] == "fill_missing" and enum(node["options"], "strategy", "constant") == "mean"
    if node["operation"] == "standardise" or mean_only:
        learned.stats[index] = Moments(values, mean_only)
    else:
        learned.stats[index] = DenseStats(values)


def counts_table(index, keys, counts, positives=None, folds=None, firsts=None):
    zeros = np.zeros(len(counts), dtype=np.int64)
    return pa.table([
        pa.array(np.full(len(counts), index, dtype=np.int32)), keys,
        pa.array((folds if folds is not None else zeros).astype(np.int32)), pa.array(counts.astype(np.int64)),
        pa.array((positives if positives is not None else zeros).astype(np.int64)),
        pa.array((firsts if firsts is not None else zeros).astype(np.int64)),
    ], schema=COUNTS)


def _count(index, keys, firsts=None):
    """Counts of the keys of an Arrow binary array; `firsts` are the ascending places they stand at."""
    if len(keys) == 0:
        return None
    distinct = Distinct(keys)
    counts = np.bincount(distinct.codes, minlength=len(distinct.values))
    first = None
    if firsts is not None:
        # Places ascend: what is written last, from behind, is the first.
        first = np.zeros(len(distinct.values), dtype=np.int64)
        first[distinct.codes[::-1]] = firsts[::-1]
    return counts_table(index, distinct.values, counts, firsts=first)


def _vocabulary(index, node, columns, rows, use, learned):
    if columns[0].kind == "text list":
        lists = columns[0].take_ranges(columns[0].offsets[:-1][use], columns[0].offsets[1:][use])
        sizes = np.diff(lists.offsets)
        elements = np.arange(len(lists.texts)) - np.repeat(lists.offsets[:-1], sizes)
        places = np.repeat(rows.numbers[use], sizes) * LIST_PLACES + np.minimum(elements, LIST_PLACES - 1)
        return _count(index, lists.texts.cast(pa.binary()), places)
    if node["options"].get("reserve_missing", True):
        use = use & ~all_missing(columns)
    return _count(index, key_of(columns).filter(pa.array(use)), rows.numbers[use] * LIST_PLACES)


def _count_keys(index, node, columns, rows, use, learned):
    return _count(index, key_of(columns).filter(pa.array(use)))


def _target(index, node, columns, rows, use, learned):
    folds = node["options"].get("folds", 5)
    fold = (hashing.hash_rows(rows.seed, hashing.FOLD, rows.numbers[use]) % np.uint64(folds)).astype(np.int64)
    labels = rows.labels[use]
    learned.folds[index] = (np.bincount(fold, minlength=folds), np.bincount(fold[labels == 1], minlength=folds))
    keys = key_of(columns).filter(pa.array(use))
    if len(keys) == 0:
        return None
    distinct = Distinct(keys)
    cells = distinct.codes * folds + fold
    counts = np.bincount(cells, minlength=len(distinct.values) * folds)
    positives = np.bincount(cells[labels == 1], minlength=len(counts))
    some = np.flatnonzero(counts)
    return counts_table(index, distinct.values.take(pa.array(some // folds)), counts[some], positives[some], some % folds)


def _most_frequent(index, node, columns, rows, use, learned):
    column = columns[0]
    present = use & ~column.missing_flags()
    if column.kind == "text":
        return _count(index, column.texts.filter(pa.array(present)).cast(pa.binary()))
    values, counts = np.unique(column.values[present].astype(np.float64) + 0.0, return_counts=True)
    return counts_table(index, pa.array(number_keys(values), pa.binary()), counts)


def number_keys(values):
    """Eight bytes for each number, in the order of the numbers."""
    bits = values.view(np.uint64)
    negative = (bits >> np.uint64(63)).astype(bool)
    return big_endian(np.where(negative, ~bits, bits | np.uint64(1 << 63)))


def number_of_key(key):
    ordered = int.from_bytes(key, "big")
    bits = ordered ^ (1 << 63) if ordered >> 63 else ordered ^ ((1 << 64) - 1)
    return float(np.array([bits], dtype=np.uint64).view(np.float64)[0])


def _multi_hot(index, node, columns, rows, use, learned):
    lists = columns[0].take_ranges(columns[0].offsets[:-1][use], columns[0].offsets[1:][use])
    distinct = Distinct(lists.texts.cast(pa.binary()))
    row_of = np.repeat(np.arange(len(lists.offsets) - 1), np.diff(lists.offsets))
    # A list counts once.
    pairs = np.unique(row_of * max(len(distinct.values), 1) + distinct.codes)
    counts = np.bincount(pairs % max(len(distinct.values), 1), minlength=len(distinct.values))
    return counts_table(index, distinct.values, counts)


_COUNTS = {"categorify": _vocabulary, "group_categorify": _vocabulary, "target_encode": _target,
           "fill_missing": _most_frequent, "multi_hot": _multi_hot}


def merge_counts(tables):
    """One table in the form COUNTS without repetitions."""
    merged = pa.concat_tables(tables).group_by(["node", "key", "fold"], use_threads=False).aggregate(
        [("count", "sum"), ("positives", "sum"), ("first", "min")])
    return merged.rename_columns([_plain_name(name) for name in merged.column_names]).select(COUNTS.names).cast(COUNTS)


def _plain_name(name):
    return name.rsplit("_", 1)[0] if name.endswith(("_sum", "_min")) else name


def select(table, wanted):
    """Of merged counts what the driver needs: for each node ("least", count) or ("best", how many)."""
    parts = []
    for node, (what, number) in wanted.items():
        part = table.filter(pc.equal(table.column("node"), node))
        if what == "least":
            part = part.filter(pc.greater_equal(part.column("count"), number))
        else:
            part = part.take(in_order(part)[:number])
        if part.num_rows:
            parts.append(part)
    return pa.concat_tables(parts).combine_chunks() if parts else None


def in_order(table):
    """By descending count, ties by bytes."""
    return pc.sort_indices(table, sort_keys=[("count", "descending"), ("key", "ascending")])


def partitions_of(keys, node_numbers, count):
    """The reducer of each key; of rows of a table."""
    hashes = hashing.fnv(keys) ^ hashing.mix(node_numbers.astype(np.uint64))
    return (hashing.mix(hashes) % np.uint64(count)).astype(np.int64)
