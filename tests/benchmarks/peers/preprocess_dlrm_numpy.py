"""The single-threaded steps by which facebookresearch/dlrm prepares a Criteo log, written from their description:

1. The log is cut into seven files, as if they were days.
2. Each line is cut in Python; missing fields become 0, counts int32, values int(hex) stored as int32; each column's
   values enter a dictionary. Written as X_int, X_cat (transposed), y, compressed like all files here.
3. Each value is replaced by its dictionary's number, in order of first appearance; negative counts become 0.
4. The days are written as one file with the number of values of each column. (The original may shuffle them here;
   left out, so that rows can be compared.)

    python tests/benchmarks/peers/preprocess_dlrm_numpy.py log.tsv out

The ids differ from those of sda-bench by name (order of first appearance, nothing reserved, no threshold), and the
logarithm is left to the reader of the batches; preprocess_verify.py knows that. Prints one line of JSON.
"""

import argparse
import os

import numpy as np
from preprocess_common import CATEGORICAL, DENSE, Measurement, sync

DAYS = 7
KINDS = len(CATEGORICAL)
COUNTS = len(DENSE)


def cut_into_days(path, folder):
    """Writes the log as DAYS files of equal length, as the original does for the Kaggle log; the lines of each."""
    with open(path, encoding="ascii") as log:
        total = sum(1 for _ in log)
    lines = [total // DAYS + (day < total % DAYS) for day in range(DAYS)]
    with open(path, encoding="ascii") as log:
        for day, count in enumerate(lines):
            with open(os.path.join(folder, f"day_{day}"), "w", encoding="ascii") as out:
                for _ in range(count):
                    out.write(log.readline())
    return lines


def records(folder, day):
    """Label, counts and hashed values of each line of a day."""
    with open(os.path.join(folder, f"day_{day}"), encoding="ascii") as log:
        for line in log:
            label, *fields = (field or "0" for field in line.rstrip("\n").split("\t"))
            yield label, fields[:COUNTS], [int(field, 16) for field in fields[COUNTS:]]


def parse(folder, day, rows, numbers):
    """Notes in `numbers` which values there are, column by column, in order of first appearance."""
    labels = np.zeros(rows, dtype=np.int32)
    counts = np.zeros((rows, COUNTS), dtype=np.int32)
    values = np.zeros((rows, KINDS), dtype=np.int32)
    for row, (label, count_fields, hashes) in enumerate(records(folder, day)):
        labels[row] = np.int32(label)
        counts[row] = np.array(count_fields, dtype=np.int32)
        # NumPy 2 refuses numbers beyond int32, which the original lets wrap.
        values[row] = np.array(hashes, dtype=np.uint32).view(np.int32)
        for seen, value in zip(numbers, values[row]):
            seen.setdefault(value, len(seen))
    np.savez_compressed(os.path.join(folder, f"day_{day}.npz"), X_int=counts, X_cat_t=values.T, y=labels)


def write_numbers(folder, numbers):
    """A file for each column with its values by number, and one with how many there are."""
    for column, seen in enumerate(numbers):
        values = np.array(list(seen), dtype=np.int32)
        np.savez_compressed(os.path.join(folder, f"fea_dict_{column}.npz"), unique=values)
    sizes = np.array([len(seen) for seen in numbers], dtype=np.int32)
    np.savez_compressed(os.path.join(folder, "fea_count.npz"), counts=sizes)
    return sizes


def apply_numbers(folder, day, numbers):
    with np.load(os.path.join(folder, f"day_{day}.npz")) as parsed:
        arrays = {name: parsed[name] for name in ["X_int", "X_cat_t", "y"]}
    by_column = arrays.pop("X_cat_t")
    numbered = np.zeros(by_column.shape)  # float64, as the original leaves it
    for seen, values, out in zip(numbers, by_column, numbered):
        for row, value in enumerate(values):
            out[row] = seen[value]
    np.maximum(arrays["X_int"], 0, out=arrays["X_int"])
    np.savez_compressed(os.path.join(folder, f"day_{day}_processed.npz"), X_cat=numbered.T, **arrays)


def gather(folder, counts):
    days = []
    for day in range(DAYS):
        with np.load(os.path.join(folder, f"day_{day}_processed.npz")) as processed:
            days.append({name: processed[name] for name in ["X_int", "X_cat", "y"]})
    whole = {name: np.concatenate([day[name] for day in days]) for name in days[0]}
    np.savez_compressed(os.path.join(folder, "processed.npz"), counts=counts, **whole)
    sync(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("output")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    measurement = Measurement(f"dlrm steps, numpy {np.__version__}", 1)
    lines = cut_into_days(options.log, options.output)
    measurement.lap("cut")
    numbers = [{} for _ in range(KINDS)]
    for day, rows in enumerate(lines):
        parse(options.output, day, rows, numbers)
    counts = write_numbers(options.output, numbers)
    measurement.lap("parse")
    for day in range(DAYS):
        apply_numbers(options.output, day, numbers)
    measurement.lap("number")
    gather(options.output, counts)
    measurement.lap("gather")
    measurement.report(sum(lines))


if __name__ == "__main__":
    main()
