"""Every operation of pipelines against plain Python, on random tables with every kind of missing value; the same
digest for 1, 2 and 8 threads, and for one file and the same rows in 50.

Environment: SDA_PIPELINE_ROWS, the program that prints a dataset's rows. SDA_CONFORMANCE_SEEDS: tables a
pipeline, default 2.
"""

import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import unittest

import reference
from pipelines_under_test import JOINS, PIPELINES

ALL = {**PIPELINES, **JOINS}
PROGRAM = os.environ["SDA_PIPELINE_ROWS"]
SEEDS = int(os.environ.get("SDA_CONFORMANCE_SEEDS", "2"))
NAMES = ["user", "label", "n1", "n2", "n3", "i1", "i2", "c1", "c2", "c3", "hex", "time", "when", "tags", "same", "empty"]
SHARD_ROWS = 64
# Logarithms may differ in the last bit of a double from library to library; floats then by at most this many
# steps. Everything else is equal in bits.
LOG_STEPS = 1


def missing(rng):
    return rng.choice(["", "", "NULL", "NA", "?"])


def number(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return missing(rng)
    if kind == 1:
        return rng.choice(["0", "-0", "1e3", "-2.5E-3", ".5", " 7 ", "+3"])
    if kind < 5:
        return str(rng.randint(-20, 40))
    return f"{rng.gauss(0, 100):.{rng.randrange(1, 6)}f}"


def table(rng, rows):
    cities = ["a", "b", "c", "dé", "日本", "x\\y", "x\\", "a\x1fb", "b ", "N", "\\N"]
    made = []
    for i in range(rows):
        some = rng.random() < 0.15
        when = f"20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        if rng.random() < 0.7:
            when += rng.choice("T ") + f"{rng.randrange(24):02}:{rng.randrange(60):02}"
            when += rng.choice(["", ":59", ":07.25"]) + rng.choice(["", "Z", "+02:00", "-0530"])
        made.append([
            f"u{rng.randrange(max(2, rows // 5))}" if rng.random() < 0.95 else missing(rng),
            str(int(rng.random() < 0.35)),
            number(rng),
            number(rng),
            missing(rng) if rng.random() < 0.5 else number(rng),
            missing(rng) if some else str(min(int(rng.paretovariate(0.8)), 10**6)),
            str(rng.randint(-3, 3)),
            missing(rng) if some else "v" + str(min(int(rng.paretovariate(0.7)), 500)),
            missing(rng) if rng.random() < 0.2 else rng.choice(cities[:5]),
            missing(rng) if rng.random() < 0.2 else rng.choice(cities),
            missing(rng) if some else f"{rng.getrandbits(rng.choice([8, 12, 32, 64])):0{rng.choice([1, 8])}x}",
            str(1_400_000_000 + rng.randrange(0, 10**7, 3600)),
            missing(rng) if some else when,
            missing(rng) if some else "|".join(rng.choice(["Drama", " Comedy ", "Cab", "", "Zoo ab"]) for _ in range(rng.randrange(4))),
            "4.5",
            missing(rng),
        ])
    for i in rng.sample(range(rows), rows // 10):
        made[i] = list(made[rng.randrange(rows)])
    return made


def write(path, rows, names=NAMES, delimiter=","):
    text = [delimiter.join(names)] + [delimiter.join(row) for row in rows]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return str(path)


def tables_to_join(rng):
    """Users, kinds and towns: keys that the log does not have, keys that are missing here, values of every kind."""
    towns = ["Köln", "a b", "x", "never", "nowhere"]
    users = [[f"u{i}", number(rng) if i % 5 else "30", rng.choice(towns + [missing(rng)])] for i in range(0, 120, 2)]
    kinds = [[rng.choice(["k", "l", missing(rng)]), f"v{i}", number(rng), f"n{i % 3}", "unused"] for i in range(1, 40)]
    sizes = [[town, str(10 ** i)] for i, town in enumerate(towns[:4])]
    made = {
        "users": (["id", "age", "town"], users + [[missing(rng), "1", "x"], [missing(rng), "2", "x"]]),
        "kinds": (["kind", "c1", "price", "name", "other"], kinds),
        "towns": (["town", "size"], sizes),
    }
    for _, rows in made.values():
        rng.shuffle(rows)
    return made


def steps_between(a, b):
    """How many floats lie between two, given their bits in hexadecimal."""
    ordered = []
    for bits in (a, b):
        (value,) = struct.unpack(">i", bytes.fromhex(bits))
        ordered.append(value if value >= 0 else -(2**31) - value)
    return abs(ordered[0] - ordered[1])


class PipelinesTest(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def make(self, pipeline, seed, data, test=(), threads=1):
        """What the program prints: digest, table rows by column, rows."""
        file = self.path / "pipeline.yaml"
        file.write_text(json.dumps(pipeline, ensure_ascii=False), encoding="utf-8")
        out = tempfile.mkdtemp(dir=self.path)
        command = [PROGRAM, str(file), str(seed), str(threads), str(SHARD_ROWS), out, *data]
        if test:
            command += ["--test", *test]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        tables = {line[1]: int(line[2]) for line in lines if line[0] == "table"}
        return lines[0][1], tables, [line for line in lines if line[0] not in ("digest", "table")]

    def with_files(self, pipeline, tables, pieces):
        """The pipeline with its joins' tables in files, each cut into pieces."""
        if not tables:
            return pipeline
        joins = []
        for join, (names, rows) in zip(pipeline["joins"], tables, strict=True):
            folder = pathlib.Path(tempfile.mkdtemp(dir=self.path))
            for i in range(pieces):
                piece = rows[len(rows) * i // pieces : len(rows) * (i + 1) // pieces]
                write(folder / f"{i}.csv", piece, names, join.get("delimiter", ","))
            joins.append({**join, "files": [str(folder)]})
        return {**pipeline, "joins": joins}

    def compare(self, pipeline, expected, got):
        self.assertEqual([r[0] for r in expected], [r[0] for r in got], "rows of the splits")
        near = any(step["operation"] == "log" for step in pipeline["steps"])
        for i, (want, have) in enumerate(zip(expected, got)):
            self.assertEqual(len(want), len(have), i)
            for column, (a, b) in enumerate(zip(want, have)):
                if a != b and not (near and len(a) == 8 and len(b) == 8 and steps_between(a, b) <= LOG_STEPS):
                    self.fail(f"row {i}, column {column}: expected {a}, got {b}\n{want}\n{have}")

    def check(self, name, seed, rows, test_rows=0):
        rng = random.Random(f"{name} {seed}")
        data = table(rng, rows + test_rows)
        pipeline = ALL[name]
        made = tables_to_join(rng)
        joined = [made[join["files"][0]] for join in pipeline.get("joins", ())]
        expected, tables = reference.Run(pipeline, NAMES, data[:rows], data[rows:], seed, joined).run()
        pipeline = self.with_files(ALL[name], joined, 1)
        one = write(self.path / "one.csv", data[:rows])
        test = [write(self.path / "test.csv", data[rows:])] if test_rows else []
        digest, got_tables, got = self.make(pipeline, seed, [one], test)
        self.assertEqual(tables, got_tables)
        self.compare(pipeline, expected, got)
        for threads in (2, 8):
            self.assertEqual(digest, self.make(pipeline, seed, [one], test, threads)[0], f"{threads} threads")
        pieces = []
        for i in range(50):
            piece = data[rows * i // 50 : rows * (i + 1) // 50]
            if piece:
                pieces.append(write(self.path / f"piece{i:02}.csv", piece))
        pipeline = self.with_files(ALL[name], joined, 3)
        self.assertEqual(digest, self.make(pipeline, seed, pieces, test, 2)[0], "50 files")


def add(name):
    def test(self):
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                self.check(name, seed, rows=300 + 200 * seed)
        with self.subTest("test files"):
            self.check(name, 77, rows=200, test_rows=60)

    setattr(PipelinesTest, f"test_{name}", test)


for each in ALL:
    add(each)

if __name__ == "__main__":
    unittest.main()
