"""The single-threaded steps by which facebookresearch/dlrm prepares a Criteo log, written from their description:

1. The log is cut into seven files, as if they were days.
2. Each line is cut in Python; missing fields become 0, counts int32, values int(hex) stored as int32; each column's
   values enter a dictionary. Written as X_int, X_cat (transposed), y, compressed like all files here.
3. Each value is replaced by its dictionary's number, in order of first appearance; negative counts become 0.
4. The days are written as one file with the number of values of each column. (The original may shuffle them here;
   left out, so that rows can be compared.)

    /somewhere/bin/python tests/benchmarks/peers/preprocess_dlrm_numpy.py log.tsv out

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


def parse(folder, day, rows, dictionaries):
    y = np.zeros(rows, dtype=np.int32)
    x_int = np.zeros((rows, COUNTS), dtype=np.int32)
    x_cat = np.zeros((rows, KINDS), dtype=np.int32)
    with open(os.path.join(folder, f"day_{day}"), encoding="ascii") as log:
        for row, line in enumerate(log):
            fields = [field if field else "0" for field in line.rstrip("\n").split("\t")]
            y[row] = np.int32(fields[0])
            x_int[row] = np.array(fields[1:1 + COUNTS], dtype=np.int32)
            # NumPy 2 refuses numbers beyond int32, which the original lets wrap.
            x_cat[row] = np.array([int(field, 16) for field in fields[1 + COUNTS:]], dtype=np.uint32).view(np.int32)
            for column in range(KINDS):
                dictionaries[column][x_cat[row][column]] = 1
    np.savez_compressed(os.path.join(folder, f"day_{day}.npz"), X_int=x_int, X_cat_t=x_cat.T, y=y)


def number_values(folder, dictionaries):
    counts = np.zeros(KINDS, dtype=np.int32)
    for column, dictionary in enumerate(dictionaries):
        for place, value in enumerate(dictionary):
            dictionary[value] = place
        counts[column] = len(dictionary)
        np.savez_compressed(os.path.join(folder, f"fea_dict_{column}.npz"),
                            unique=np.array(list(dictionary), dtype=np.int32))
    np.savez_compressed(os.path.join(folder, "fea_count.npz"), counts=counts)
    return counts


def apply_numbers(folder, day, dictionaries):
    with np.load(os.path.join(folder, f"day_{day}.npz")) as parsed:
        x_int, x_cat_t, y = parsed["X_int"], parsed["X_cat_t"], parsed["y"]
    numbered = np.zeros(x_cat_t.shape)
    for column, dictionary in enumerate(dictionaries):
        for row, value in enumerate(x_cat_t[column]):
            numbered[column, row] = dictionary[value]
    x_int[x_int < 0] = 0
    np.savez_compressed(os.path.join(folder, f"day_{day}_processed.npz"), X_int=x_int, X_cat=numbered.T, y=y)


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
    dictionaries = [{} for _ in range(KINDS)]
    for day, rows in enumerate(lines):
        parse(options.output, day, rows, dictionaries)
    counts = number_values(options.output, dictionaries)
    measurement.lap("parse")
    for day in range(DAYS):
        apply_numbers(options.output, day, dictionaries)
    measurement.lap("number")
    gather(options.output, counts)
    measurement.lap("gather")
    measurement.report(sum(lines))


if __name__ == "__main__":
    main()
