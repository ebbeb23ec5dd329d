"""What the peers of `sda-bench preprocess` share: the columns of the log, the rule that deals rows to splits, the
threshold of rare values, files that survive a crash, and the measurement. docs/preprocessing.md defines the work."""

import json
import os
import resource
import time

DENSE = [f"I{i}" for i in range(1, 14)]
CATEGORICAL = [f"C{i}" for i in range(1, 27)]
COLUMNS = ["label"] + DENSE + CATEGORICAL
SPLITS = ["train", "validation", "test"]

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
TEST_STREAM = 1
VALIDATION_STREAM = 2

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB


def mix64(x):
    x = (x + GOLDEN) & MASK
    x = ((x ^ (x >> 30)) * FIRST) & MASK
    x = ((x ^ (x >> 27)) * SECOND) & MASK
    return x ^ (x >> 31)


def stream_key(stream, seed=0):
    """A row's draw is mix64(stream_key ^ row) >> 11, in units of 2^-53."""
    return mix64(mix64(seed) ^ stream)


def threshold(train_rows):
    for bound, value in [(2_000, 1), (10_000, 3), (1_000_000, 6), (30_000_000, 10)]:
        if train_rows < bound:
            return value
    return 15


def splits_of(rows):
    """The split (position in SPLITS) of each row, as NumPy finds it."""
    import numpy as np

    def unit(stream):
        x = np.arange(rows, dtype=np.uint64) ^ np.uint64(stream_key(stream))
        with np.errstate(over="ignore"):
            x += np.uint64(GOLDEN)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(FIRST)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(SECOND)
        x ^= x >> np.uint64(31)
        return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53

    test = unit(TEST_STREAM) < TEST_SHARE
    validation = ~test & (unit(VALIDATION_STREAM) < VALIDATION_SHARE)
    return np.where(test, 2, np.where(validation, 1, 0)).astype(np.uint8)


def sync(folder):
    """Waits until the files of a folder, and the folder, are on disk."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            _fsync(path)
    _fsync(folder)


def _fsync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class Measurement:
    """Wall time, CPU time of the process and its peak memory, from construction to report()."""

    def __init__(self, peer, threads):
        self._fields = {"area": "preprocess", "peer": peer, "threads": threads}
        self._began = time.perf_counter()
        self._last = self._began
        self._cpu = self._cpu_seconds()
        self._passes = {}

    @staticmethod
    def _cpu_seconds():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def lap(self, name):
        now = time.perf_counter()
        self._passes[name] = round(now - self._last, 3)
        self._last = now

    def report(self, rows):
        seconds = time.perf_counter() - self._began
        print(json.dumps({
            **self._fields, "rows": rows, "seconds": round(seconds, 3), "rows_per_s": round(rows / seconds),
            "cpu_seconds": round(self._cpu_seconds() - self._cpu, 3), "pass_seconds": self._passes,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)
