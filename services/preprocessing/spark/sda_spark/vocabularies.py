"""From counts to what a node knows: which values are kept, and in which order."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sda_spark.learning import in_order, number_of_key
from sda_spark.operations import enum

# Values seen less often cannot be learned: docs/preprocessing.md.
THRESHOLDS = ((2_000, 1), (10_000, 3), (1_000_000, 6), (30_000_000, 10))


def threshold_of(options, rows):
    given = options.get("frequency_threshold", 0)
    return given or next((least for below, least in THRESHOLDS if rows < below), 15)


def wanted_of(node, rows):
    """What the driver needs of the counts of a node, for learning.select."""
    if node["operation"] == "fill_missing":
        return "best", 1
    if node["operation"] == "multi_hot":
        return "best", node["options"]["max_values"]
    if node["operation"] in ("categorify", "group_categorify"):
        return "least", threshold_of(node["options"], rows)
    return "least", 1


class LearnedTable:
    """Values with their counts, in the order of the fitted state; or the one value of a most frequent one."""

    def __init__(self):
        self.values, self.counts, self.positives = None, None, None
        self.fold_counts = self.fold_positives = None
        self.text = self.number = None


def learned_table(index, node, table):
    """`table` holds the counts of all nodes, those not wanted left out."""
    mine = table.filter(pc.equal(table.column("node"), index)).combine_chunks()
    learned = LearnedTable()
    operation, options = node["operation"], node["options"]
    if operation == "fill_missing":
        best = mine.take(in_order(mine)[:1])
        key = best.column("key")[0].as_py() if best.num_rows else None
        if node["output_type"] == "text":
            learned.text = (key or b"").decode()
        else:
            learned.number = 0.0 if key is None else number_of_key(key)
        return learned
    if operation == "target_encode":
        return _by_folds(mine, options.get("folds", 5), learned)
    if operation in ("count_encode", "frequency_encode"):
        mine = mine.sort_by("key")
    else:
        mine = mine.take(in_order(mine))
        most = options.get("max_values" if operation == "multi_hot" else "max_size", 0)
        if most:
            mine = mine.slice(0, most)
        if enum(options, "order", "frequency") == "first_appearance":
            # Stable: as they stand where places are the same, at the end of very long lists.
            order = np.argsort(mine.column("first").to_numpy(), kind="stable")
            mine = mine.take(pa.array(order))
    learned.values = mine.column("key")
    learned.counts = mine.column("count").to_numpy()
    return learned


def _by_folds(mine, folds, learned):
    mine = mine.sort_by("key").combine_chunks()
    keys = mine.column("key")
    count = mine.num_rows
    if count == 0:
        begins = np.zeros(0, dtype=np.int64)
        place = begins
    else:
        same = pc.equal(keys.slice(1), keys.slice(0, count - 1)).to_numpy() if count > 1 else np.zeros(0, dtype=bool)
        begins = np.flatnonzero(np.concatenate(([True], ~same)))
        place = np.cumsum(np.concatenate(([True], ~same))) - 1
    cells = place * folds + mine.column("fold").to_numpy()
    learned.fold_counts = np.zeros(len(begins) * folds, dtype=np.int64)
    learned.fold_positives = np.zeros(len(begins) * folds, dtype=np.int64)
    learned.fold_counts[cells] = mine.column("count").to_numpy()
    learned.fold_positives[cells] = mine.column("positives").to_numpy()
    learned.values = keys.take(pa.array(begins))
    learned.counts = learned.fold_counts.reshape(-1, folds).sum(axis=1)
    learned.positives = learned.fold_positives.reshape(-1, folds).sum(axis=1)
    return learned
