"""Whether a peer's output is that of `sda-bench preprocess --keep DATASET` on the same log.

    /somewhere/bin/python tests/benchmarks/peers/preprocess_verify.py DATASET OUTPUT

Compares every row of every split in order: labels and ids exactly, dense values within 1e-5, vocabularies exactly. For
the output of preprocess_dlrm_numpy.py, whose ids are named otherwise, every id of SDA that stands for a value must be
one of the peer's and the other way round, and the counts must agree after logarithm and scaling. Exits 1 where they
differ.
"""

import argparse
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from preprocess_common import CATEGORICAL, DENSE, SPLITS, splits_of

TOLERANCE = 1e-5


class Dataset:
    def __init__(self, folder):
        self._folder = folder
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            self.manifest = json.load(file)
        self.columns = {column["name"]: column for column in self.manifest["columns"]}

    def split(self, name):
        shards = [self._read(shard["path"]) for shard in self.manifest["splits"][name]["shards"]]
        return pa.concat_tables(shards).combine_chunks()

    def vocabulary(self, column):
        return self._read(self.columns[column]["vocabulary_path"])["value"].to_pylist()

    def _read(self, path):
        return pa.ipc.open_file(pa.memory_map(os.path.join(self._folder, path))).read_all()


def peer_table(folder, name):
    path = os.path.join(folder, name)
    if os.path.exists(path + ".arrow"):
        return pa.ipc.open_file(pa.memory_map(path + ".arrow")).read_all()
    return pq.read_table(path + ".parquet")


def values(table, column):
    return table[column].to_numpy()


def compare_tables(dataset, folder):
    for split in SPLITS:
        ours, peer = dataset.split(split), peer_table(folder, split)
        if len(ours) != len(peer):
            yield f"{split}: {len(peer)} rows instead of {len(ours)}"
            continue
        for column in ["label"] + CATEGORICAL:
            wrong = np.flatnonzero(values(ours, column) != values(peer, column))
            if len(wrong):
                yield (f"{split}: {column} of row {wrong[0]} is {values(peer, column)[wrong[0]]} instead of "
                       f"{values(ours, column)[wrong[0]]}, {len(wrong)} in all")
        for column in DENSE:
            worst = np.abs(values(ours, column) - values(peer, column)).max(initial=0)
            if not worst <= TOLERANCE:
                yield f"{split}: {column} differs by {worst}"
    for column in CATEGORICAL:
        if peer_table(folder, f"vocabulary-{column}")["value"].to_pylist() != dataset.vocabulary(column):
            yield f"vocabulary of {column} differs"


def compare_dlrm(dataset, folder):
    with np.load(os.path.join(folder, "processed.npz")) as peer:
        y, x_int, x_cat = peer["y"], peer["X_int"], peer["X_cat"]
    dealt = splits_of(len(y))
    pairs = {column: set() for column in CATEGORICAL}
    for number, split in enumerate(SPLITS):
        ours, rows = dataset.split(split), np.flatnonzero(dealt == number)
        if len(ours) != len(rows):
            yield f"{split}: {len(rows)} rows instead of {len(ours)}"
            continue
        if (values(ours, "label") != y[rows]).any():
            yield f"{split}: labels differ"
        for i, column in enumerate(DENSE):
            transform = dataset.columns[column]["transform"]
            expected = (values(ours, column) * transform["scale"]) + transform["mean"]
            # The original has no negative counts left: those rows say nothing.
            kept = expected > -TOLERANCE
            worst = np.abs(expected - np.log1p(x_int[rows, i]))[kept].max(initial=0)
            if not worst <= 10 * TOLERANCE:
                yield f"{split}: {column} differs by {worst}"
        for i, column in enumerate(CATEGORICAL):
            both = values(ours, column).astype(np.int64) << 32 | x_cat[rows, i].astype(np.int64)
            pairs[column].update(np.unique(both).tolist())
    for column, found in pairs.items():
        named = [(pair >> 32, pair & 0xFFFFFFFF) for pair in found]
        kept = [pair for pair in named if pair[0] >= 2]
        if len({ours for ours, _ in kept}) != len(kept) or len({peer for _, peer in named}) != len(named):
            yield f"{column}: ids are not the same values under other names"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("output")
    options = parser.parse_args()
    dlrm = os.path.exists(os.path.join(options.output, "processed.npz"))
    differences = list((compare_dlrm if dlrm else compare_tables)(Dataset(options.dataset), options.output))
    print("\n".join(differences) if differences else "equal")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
