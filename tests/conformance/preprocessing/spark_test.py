"""Every operation of pipelines through Apache Spark: the digest, and so every dictionary, row and statistic, is that of
the other engine, on random tables with every kind of missing value. One Spark on local[2] serves all tests.

Environment: SDA_SPARK_PIPELINE, a program of this folder; SDA_BIN, the program sda; SDA_SPARK_LONG=1 for 250,000 rows
beyond what is counted exactly.
"""

import gzip
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PACKAGE = ROOT / "services" / "preprocessing" / "spark"
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "integration"), str(PACKAGE)]

os.environ.setdefault("SDA_PIPELINE_ROWS", "")  # of pipelines_test, whose tables are used
import pipelines_test  # noqa: E402
import wheels  # noqa: E402
from pipelines_test import NAMES, table, tables_to_join, write  # noqa: E402
from pipelines_under_test import JOINS, PIPELINES  # noqa: E402

SPARK_PROGRAM = os.environ["SDA_SPARK_PIPELINE"]
SDA = os.environ["SDA_BIN"]
SKIPPED = 77  # exit code, for CTest
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # short tests end before better code pays off
SHARD_ROWS = 64
BLOCK_BYTES = 16_000  # several tasks even for small tables


def breakable_package(folder, mark):
    """A copy of the job's package for the executors, in which a task fails right after it has published a shard, once
    for each time that the file `mark` is made."""
    copy = pathlib.Path(folder) / "package"
    shutil.copytree(PACKAGE / "sda_spark", copy / "sda_spark", ignore=shutil.ignore_patterns("__pycache__"))
    with open(copy / "sda_spark" / "files.py", "a", encoding="utf-8") as file:
        file.write(f"""

_write = Store.write


def _write_and_break(self, path, data):
    _write(self, path, data)
    if path.endswith("shard-00001.arrow"):
        try:
            os.unlink({str(mark)!r})
        except FileNotFoundError:
            return
        raise OSError("broken by the test")


Store.write = _write_and_break
""")
    return str(copy)


class SparkTest(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.folders = wheels.spark_folders()
        sys.path[:0] = cls.folders
        cls.home = os.path.join(cls.folders[0], "pyspark")
        cls.work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.work.cleanup)
        cls.breaking = pathlib.Path(cls.work.name) / "break"
        # Spark's scripts and Python processes take these from the environment.
        patch = mock.patch.dict(os.environ, {
            "PYTHONPATH": os.pathsep.join([breakable_package(cls.work.name, cls.breaking), *cls.folders]), "SPARK_HOME": cls.home,
            "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": cls.work.name,
            "PYTHONDONTWRITEBYTECODE": "1"})
        patch.start()
        cls.addClassCleanup(patch.stop)
        from pyspark import SparkConf, SparkContext

        settings = {"spark.ui.enabled": "false", "spark.driver.memory": "700m", "spark.driver.bindAddress": "127.0.0.1",
                    "spark.ui.showConsoleProgress": "false", "spark.shuffle.compress": "false",
                    "spark.driver.extraJavaOptions": QUICK_JAVA}
        cls.spark = SparkContext(conf=SparkConf().setMaster("local[2,3]").setAppName("spark_test").setAll(settings.items()))
        cls.spark.setLogLevel("OFF")  # tasks that are broken on purpose say so at length
        cls.addClassCleanup(cls.spark.stop)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=self.work.name)
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def ours(self, pipeline, seed, data, shard_rows=SHARD_ROWS, **rest):
        """What the other engine says, its digest or its error, and where the dataset is if there is one."""
        root = tempfile.mkdtemp(dir=self.path)
        return self.program("alone", root, self.arguments(pipeline, seed, data, root, shard_rows, BLOCK_BYTES, **rest))

    def sparks(self, pipeline, seed, data, shard_rows=SHARD_ROWS, block_bytes=BLOCK_BYTES, **rest):
        """The same by Spark."""
        from sda_spark import job

        root = tempfile.mkdtemp(dir=self.path)
        arguments = self.arguments(pipeline, seed, data, root, shard_rows, block_bytes, **rest)
        error, _ = self.program("plan", root, arguments)
        if error:
            return error, None
        job.run(self.spark, root, "datasets/rows/spark", progress=Silent())
        return self.program("finish", root, arguments)

    def arguments(self, pipeline, seed, data, root, shard_rows, block_bytes, test=(), split="", bad_rows=""):
        words = [self.pipeline_file(pipeline), str(seed), str(shard_rows), str(block_bytes), root, *data]
        return words + [word for option, values in (("--test", test), ("--split", [split] if split else []),
                                                    ("--bad-rows", [bad_rows] if bad_rows else []))
                        if values for word in (option, *values)]

    def program(self, what, root, arguments):
        done = subprocess.run([SPARK_PROGRAM, what, *arguments], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip(), pathlib.Path(root) / "datasets" / "rows"
        return done.stderr.strip(), None

    def pipeline_file(self, pipeline):
        if isinstance(pipeline, str):
            return pipeline
        file = self.path / "pipeline.yaml"
        file.write_text(json.dumps(pipeline, ensure_ascii=False), encoding="utf-8")
        return str(file)

    def assert_same(self, *arguments, block_bytes=BLOCK_BYTES, **options):
        expected, ours = self.ours(*arguments, **options)
        found, theirs = self.sparks(*arguments, block_bytes=block_bytes, **options)
        self.assertEqual(ours is None, theirs is None, f"{expected}\n{found}")
        if ours is not None and expected != found:
            self.explain(ours, theirs)
        self.assertEqual(expected, found)
        if ours is not None:
            said = [json.loads((folder / "manifest.json").read_text())["provenance"] for folder in (ours, theirs)]
            for key in ("bad_rows", "inputs"):
                self.assertEqual(said[0].get(key), said[1].get(key), key)
            self.bad_rows = said[0].get("bad_rows")
        return expected

    def test_splits_that_the_request_asks_for(self):
        data = write(self.path / "one.csv", table(random.Random("request"), 400))
        for split in ("hash:user", "time:time"):
            with self.subTest(split):
                self.assertIn("digest", self.assert_same(PIPELINES["sort_label"], 5, [data], split=split))
        said = self.assert_same(PIPELINES["sort_label"], 5, [data], split="time:when")
        self.assertIn("is neither a number nor an ISO 8601 date or time", said)

    def test_quotes_long_delimiters_and_compression(self):
        pipeline = {"version": 1, "label": "y", "steps": [
            {"operation": "categorify", "inputs": ["text", "more"], "frequency_threshold": 1, "order": "first_appearance"},
            {"operation": "fill_missing", "inputs": ["n"], "strategy": "mean"}]}
        rng = random.Random("formats")
        rows = [[str(rng.randrange(2)), rng.choice(["a", "b b", "ç", "x::y", ""]), str(rng.randrange(9) / 4), f"m{rng.randrange(40)}"]
                for _ in range(900)]
        quoted = [[r[0], f'"{r[1]}, ""so""\nit is"' if i % 7 == 0 else r[1], r[2], r[3]] for i, r in enumerate(rows)]
        names = ["y", "text", "n", "more"]

        def text(delimiter, lines, end="\n"):
            return end.join(delimiter.join(line) for line in [names, *lines]).encode()

        cases = {
            "quotes.csv": text(",", quoted) + b"\n",
            "blanks.tsv": text("\t", rows).replace(b"\n", b"\n\n", 50) + b"\n\n",
            "colons.txt": text("::", [[r[0], r[1].replace("::", ":"), *r[2:]] for r in rows]) + b"\n",
            "packed.csv.gz": gzip.compress(text(",", rows, "\r\n")),
            # A byte order mark; a byte that readers like to take for the end of a line.
            "marks.tsv": b"\xef\xbb\xbf" + text("\t", [[r[0], r[1] + "\r" + r[3], *r[2:]] for r in rows]),
        }
        for name, data in cases.items():
            with self.subTest(name):
                (self.path / name).write_bytes(data)
                self.assertIn("digest", self.assert_same(pipeline, 3, [str(self.path / name)], block_bytes=8000))

    @unittest.skipUnless(os.environ.get("SDA_SPARK_LONG"), "takes a minute; SDA_SPARK_LONG=1 runs it")
    def test_more_numbers_than_are_counted_exactly(self):
        rng = random.Random(3)
        log = self.path / "numbers.csv"
        with log.open("w", encoding="utf-8") as file:
            file.write("y,a,b,c,t\n")
            for _ in range(250_000):
                small = rng.random() * 10.0 ** rng.randrange(-200, 140)
                file.write(f"{rng.randrange(2)},{rng.gauss(0, 1e3)!r},{small!r},{rng.randrange(5)},{rng.randrange(10**9)}\n")
        pipeline = {"version": 1, "label": "y", "steps": [
            {"operation": "split", "by": "time", "inputs": ["t"], "test_share": 0.3},
            {"operation": "quantile_bucket", "inputs": ["a", "b"], "buckets": 20, "suffix": "_q"},
            {"operation": "fill_missing", "inputs": ["a"], "strategy": "median", "outputs": ["a_m"]},
            {"operation": "standardise", "inputs": ["a", "b"], "suffix": "_s"},
            {"operation": "log", "inputs": ["a", "b"]},
            {"operation": "target_encode", "inputs": ["t"], "suffix": "_te"},
            {"operation": "sort", "inputs": ["c", "t"], "compare": ["number", "time"], "orders": ["descending", "ascending"]}],
            "output": {"features": ["*_q", "a_m", "*_s", "a", "b", "t_te"]}}
        self.assertIn("digest", self.assert_same(pipeline, 1, [str(log)], shard_rows=65536, block_bytes=2 << 20))

    def test_parquet_and_exports(self):
        import pyarrow as pa
        import pyarrow.parquet as pq

        rng = random.Random("parquet")
        count = 500
        columns = {
            "y": pa.array([rng.random() < 0.4 for _ in range(count)]),
            "n": pa.array([rng.choice([None, 1e20, 123456789012345680000.0, 0.0001, 1e-05, -2.5, 3.0]) for _ in range(count)]),
            "f": pa.array([rng.choice([None, 0.1, 16777216.0, 1e-7]) for _ in range(count)], pa.float32()),
            "i": pa.array([rng.choice([None, 7, -3, 10**12]) for _ in range(count)], pa.int64()),
            "t": pa.array([rng.choice([None, "a", "dé", ""]) for _ in range(count)]),
            "d": pa.array([rng.choice(["u", "v"]) for _ in range(count)]).dictionary_encode(),
        }
        file = self.path / "log.parquet"
        pq.write_table(pa.table(columns), file, row_group_size=120)
        pipeline = {"version": 1, "label": "y", "steps": [
            {"operation": "categorify", "inputs": ["n", "f", "t", "d"], "suffix": "_id", "frequency_threshold": 1},
            {"operation": "cast", "inputs": ["n", "f"], "to": "number"},
            {"operation": "clip", "inputs": ["i"], "min": 0, "max": 100},
            {"operation": "cast", "inputs": ["i"], "to": "integer", "outputs": ["whole"]}],
            "output": {"parquet": True, "mlperf_binary": {"integers": ["whole"], "categories": ["?_id"]}}}
        self.assertIn("digest", self.assert_same(pipeline, 3, [str(file)]))

    def test_errors_are_worded_alike(self):
        good = ["y,n,when,t"] + [f"{i % 2},{i},2020-01-01,a" for i in range(400)]
        number = {"operation": "cast", "inputs": ["n"], "to": "number"}
        cases = {
            "label": ({280: "7,1,2020-01-01,a"}, number),
            "ragged": ({150: "1,2,3"}, number), "first of two": ({150: "1,2,3", 60: "x,2,2020-01-01,a"}, number),
            "number": ({333: "1,1e200,2020-01-01,a"}, number), "quote": ({222: '1,"2" 3,2020-01-01,a'}, number),
            "nul": ({100: "1,2,2020-01-01,a\0b"}, {"operation": "hash", "inputs": ["t"], "buckets": 9}),
            "bytes": ({100: "1,2,2020-01-01,\udcff\udcfe"}, {"operation": "hash", "inputs": ["t"], "buckets": 9}),
            "time": ({17: "1,2,2020-02-30,a"}, {"operation": "date_parts", "inputs": ["when"], "parts": ["hour"]}),
            "no time": ({17: "1,2,,a"}, {"operation": "split", "by": "time", "inputs": ["when"]}),
            "nothing left": ({}, {"operation": "filter", "inputs": ["t"], "comparison": "equal", "values": ["z"]}),
        }
        for name, (changes, step) in cases.items():
            with self.subTest(name):
                lines = list(good)
                for at, line in changes.items():
                    lines[at] = line
                file = self.path / f"{name}.csv"
                file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape") + b"\n")
                pipeline = {"version": 1, "label": "y", "steps": [step, {**number, "outputs": ["made"]}]}
                if step["inputs"] == ["n"]:
                    pipeline["steps"].pop()
                said = self.assert_same(pipeline, 1, [str(file)], block_bytes=3000)
                self.assertNotIn("digest", said)
                if changes:
                    self.assertIn(f"{file}:{min(changes) + 1}", said)

    def test_a_task_that_fails_is_done_again(self):
        data = write(self.path / "one.csv", table(random.Random("again"), 400))
        self.breaking.touch()
        self.assertIn("digest", self.assert_same(PIPELINES["categories"], 5, [data]))
        self.assertFalse(self.breaking.exists(), "no task has failed")

    def test_a_request_to_a_cluster(self):
        log = self.path / "criteo.tsv"
        # Executors in processes of their own; nothing but --py-files brings them the package.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(self.folders)}
        run = lambda *words: subprocess.run(  # noqa: E731
            [SDA, *words], capture_output=True, text=True, check=False, env=environment)
        self.assertEqual(run("datagen", "criteo", "--rows", "3000", "--seed", "5", "--output", str(log)).returncode, 0)
        with log.open("a", encoding="utf-8") as file:
            file.write("1\t2\n")
        ready = self.path / "ready.yaml"
        ready.write_text(run("pipeline", "show", "criteo_dlrm").stdout, encoding="utf-8")
        expected, _ = self.ours(str(ready), 0, [str(log)], shard_rows=65536, bad_rows="skip")
        root = self.path / "artefacts"
        request = ["dataset", "create", "--engine", "spark", "--master", "local-cluster[2,1,700]", "--data", str(log), "--pipeline",
                   "criteo_dlrm", "--bad-rows", "skip", "--artefacts", str(root), "--name", "clicks", "--output", "json", "--state",
                   str(self.path / "state"), "--spark-conf", "spark.driver.memory=600m",
                   "spark.executor.memory=500m", "spark.ui.enabled=false",
                   f"spark.driver.extraJavaOptions={QUICK_JAVA}", f"spark.executor.extraJavaOptions={QUICK_JAVA}"]
        made = run(*request)
        self.assertEqual(made.returncode, 0, made.stderr)
        said = json.loads(made.stdout)
        self.assertEqual("digest\t" + said["digest"], expected)
        self.assertEqual(said["profile"]["bad_rows"], {"RAGGED_ROW": 1})
        folder = root / "datasets" / "clicks"
        self.assertEqual(json.loads((folder / "manifest.json").read_text())["digest"], said["digest"])
        self.assertEqual([p.name for p in folder.glob("spark*")], [], "the staging folder stays")
        before = (folder / "manifest.json").read_bytes()
        again = run(*request)
        self.assertEqual(again.returncode, 2, again.stderr)
        self.assertIn("--replace", again.stderr)
        missing = run(*request, "--replace", "--spark-submit", str(self.path / "nothing"))
        self.assertNotEqual(missing.returncode, 0)
        self.assertEqual((folder / "manifest.json").read_bytes(), before)

    def test_a_killed_command_leaves_no_dataset(self):
        log = self.path / "log.csv"
        log.write_text("y,a\n" + "0,1\n1,2\n" * 500, encoding="utf-8")
        pipeline = self.pipeline_file({"version": 1, "label": "y", "steps": [
            {"operation": "hash", "inputs": ["a"], "buckets": 9}]})
        root = self.path / "artefacts"
        command = subprocess.Popen(
            [SDA, "dataset", "create", "--engine", "spark", "--master", "local[1]", "--data", str(log), "--pipeline",
             pipeline, "--artefacts", str(root), "--name", "gone", "--state", str(self.path / "state")],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with command:
            # It says so before anything of a dataset is written.
            for line in command.stderr:
                if "scan" in line:
                    break
            command.kill()
        self.assertTrue(list((root / "datasets" / "gone").glob("spark-*/plan.json")))
        self.assertFalse((root / "datasets" / "gone" / "manifest.json").exists())

    def test_joins(self):
        rng = random.Random("spark joins")
        data = table(rng, 340)
        made = tables_to_join(rng)
        tables = [made[join["files"][0]] for join in JOINS["joins"]["joins"]]
        pipeline = pipelines_test.PipelinesTest.with_files(self, JOINS["joins"], tables, 3)
        one, two = write(self.path / "one.csv", data[:280]), write(self.path / "two.csv", data[280:])
        self.assertIn("digest", self.assert_same(pipeline, 5, [one, two]))
        self.assertIn("digest", self.assert_same(pipeline, 6, [one], test=[two], bad_rows="null"))

    def test_errors_of_joins_are_worded_alike(self):
        log, users = self.path / "log.csv", self.path / "users.csv"
        log.write_text("y,u\n" + "".join(f"{i % 2},{i % 7}\n" for i in range(2000)), encoding="utf-8")
        steps = [{"operation": "cast", "inputs": ["age"], "to": "number"}]
        for said, text in {"DUPLICATE": b"u,age\n1,20\n2,21\n1,22\n", "UTF-8": b"u,age\n1,20\n2,\xff\xfe\n",
                           "age": b"u,age\n1,20\n3,young\n", "there is no column": b"v,age\n1,20\n"}.items():
            with self.subTest(said):
                users.write_bytes(text)
                pipeline = {"version": 1, "label": "y", "joins": [{"files": [str(users)], "key": "u"}], "steps": steps}
                self.assertNotIn("digest", self.assert_same(pipeline, 1, [str(log)], block_bytes=3000))

    def test_arrow_files_and_streams(self):
        import pyarrow as pa

        rng = random.Random("arrow")

        def columns(count):
            pick = lambda values, type_=None: pa.array([rng.choice(values) for _ in range(count)], type_)  # noqa: E731
            moments = [None, 0, 1_400_000_000_123, -5_000]
            return pa.table({
                "y": pick([True, False]), "n": pick([None, 1e20, 0.0001, -2.5]), "f": pick([None, 0.1, 1e-7], pa.float32()),
                "i": pick([None, 7, -(2**62)]), "u": pick([None, 2**63 + 1], pa.uint64()), "s": pick([None, 7], pa.uint8()),
                "t": pick([None, "a", "d\u00e9", ""]), "l": pick([None, "x", "y"], pa.large_string()), "b": pick([None, b"raw"]),
                "d": pick(["u", "v", None]).dictionary_encode(), "day": pick([None, 0, 17_000, -3], pa.date32()),
                "day64": pick([0, 86_400_000 * 400], pa.date64()), "seconds": pick([None, 0, 1_400_000_001], pa.timestamp("s")),
                "ms": pick(moments, pa.timestamp("ms")), "us": pick(moments, pa.timestamp("us")),
                "ns": pick(moments, pa.timestamp("ns")), "utc": pick(moments, pa.timestamp("ms", "UTC")),
                "price": pa.array([rng.choice(["1.50", "-0.07", None]) for _ in range(count)]).cast(pa.decimal128(9, 2)),
            })

        def files(name, count, form, options=None):
            data, path = columns(count), self.path / name
            with form(str(path), data.schema, options=options) as writer:
                writer.write_table(data, max_chunksize=70)
            return str(path)

        names = [name for name in columns(1).column_names if name != "y"]
        pipeline = {"version": 1, "label": "y", "steps": [
            {"operation": "categorify", "inputs": names, "suffix": "_id", "frequency_threshold": 1},
            {"operation": "cast", "inputs": ["n", "f"], "to": "number"}]}
        packed = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=True)
        one, two = files("one.arrow", 700, pa.ipc.new_file), files("two.arrow", 300, pa.ipc.new_stream)
        self.assertIn("digest", self.assert_same(pipeline, 3, [one, two]))
        plain = columns(600).drop_columns(["d"])
        with pa.ipc.new_stream(str(self.path / "plain.arrows"), plain.schema, options=packed) as writer:
            writer.write_table(plain, max_chunksize=50)
        pipeline["steps"][0]["inputs"] = [name for name in names if name != "d"]
        self.assertIn("digest", self.assert_same(pipeline, 3, [str(self.path / "plain.arrows")]))

    def test_errors_of_arrow_files_are_worded_alike(self):
        import pyarrow as pa

        def write_file(name, data, form=pa.ipc.new_file):
            with form(str(self.path / name), data.schema) as writer:
                writer.write_table(data, max_chunksize=50)
            return self.path / name

        good = pa.table({"y": [0, 1] * 200, "t": ["a", "b"] * 200})
        first = write_file("0.arrow", good)
        bytes_ = pa.array([b"a"] * 399 + [b"\xff"])
        label = pa.table({"y": [0, 1] * 199 + [1, 7], "t": ["a", "b"] * 200})
        stream = write_file("1.arrows", good, pa.ipc.new_stream)
        whole = stream.read_bytes()
        cases = {
            "label": write_file("2.arrow", label), "text": write_file("3.arrow", pa.table({"y": [0, 1] * 200, "t": bytes_})),
            "columns": write_file("4.arrow", good.rename_columns(["y", "other"])),
            "type": write_file("5.arrow", pa.table({"y": [0, 1], "t": [["a"], ["b"]]})),
            "empty": write_file("6.arrow", good.slice(0, 0)),
            "empty stream": write_file("7.arrow", good.slice(0, 0), pa.ipc.new_stream),
            "not arrow": self.path / "8.arrow", "cut": self.path / "9.arrow", "no end": self.path / "10.arrow",
            "behind": self.path / "11.arrow",
        }
        cases["not arrow"].write_bytes(b"y,t\n0,a\n")
        cases["cut"].write_bytes(whole[: len(whole) - 300])
        cases["no end"].write_bytes(whole[:-8])
        cases["behind"].write_bytes(whole + b"more")
        pipeline = {"version": 1, "label": "y", "steps": [{"operation": "hash", "inputs": ["t"], "buckets": 9}]}
        for name, file in cases.items():
            with self.subTest(name):
                said = self.assert_same(pipeline, 1, [str(first), str(file)], block_bytes=6000)
                self.assertIn(str(file), said)

    STEPS_OF_BAD_ROWS = [
        {"operation": "split", "by": "time", "inputs": ["when"]},
        {"operation": "cast", "inputs": ["n"], "to": "number"},
        {"operation": "cast", "inputs": ["i"], "to": "integer"},
        {"operation": "hex_to_integer", "inputs": ["hex"], "modulus": 1000},
        {"operation": "date_parts", "inputs": ["day"], "parts": ["weekday"]},
        {"operation": "categorify", "inputs": ["text"], "frequency_threshold": 1, "order": "first_appearance"}]

    def bad_table(self, rng, count, quotes):
        """Lines of which about one in eight is bad, each in another way."""
        lines = [b"y,n,i,hex,day,when,text"]
        for row in range(count):
            text = rng.choice([b"a", b"bb", "d\u00e9".encode(), b"", b"NULL"])
            if quotes and rng.random() < 0.3:
                text = b'"' + text + rng.choice([b"", b"\n", b'""', b",\r\n,"]) + b'x"'
            fields = [str(rng.randrange(2)).encode(), str(rng.randrange(50) / 4).encode(), str(rng.randrange(9)).encode(),
                      b"%x" % rng.randrange(1 << 20), b"2014-%02d-01" % rng.randrange(1, 13), str(row).encode(), text]
            if rng.random() < 0.12:
                self.spoil(rng, fields, quotes)
            lines.append(b",".join(fields))
        return lines

    @staticmethod
    def spoil(rng, fields, quotes):
        kind = rng.randrange(14 if quotes else 9)
        if kind < 6:
            fields[kind] = rng.choice([b"x", b"", b"1e200", b"-", b"\xff\xfe", b"a\0b", b"7" * 70])
        elif kind == 6:
            fields[6] = rng.choice([b"\xc3", b"\0", b"ok \xf0\x28", b"\xed\xa0\x80"])
        elif kind == 7:
            del fields[rng.randrange(1, 7) :]
            fields[-1] += rng.choice([b"", b"\r", b"\r\r"])
        elif kind == 8:
            fields += rng.choice([[b""], [b"1", b"2"], [b"z\r"]])
            fields[6] += rng.choice([b"", b"\r"])
        elif kind == 9:
            fields[6] = b'say "so"'
        elif kind == 10:
            fields[rng.randrange(7)] = b'"opened'
        elif kind == 11:
            fields[rng.randrange(7)] = b'"closed" early'
        elif kind == 12:
            fields[6] = b'"over\nlines"z'
        else:
            fields[2] = b'"1\n'

    def test_bad_rows(self):
        rng = random.Random("bad rows")
        pipeline = {"version": 1, "label": "y", "steps": self.STEPS_OF_BAD_ROWS}
        # Longer than what the service reads at a time where there are quotes: there the cut of its blocks matters.
        for name, quotes, count, block_bytes in (("plain.csv", False, 1500, 20_000), ("quoted.csv", True, 15_000, 100_000)):
            log = self.path / name
            log.write_bytes(b"\n".join(self.bad_table(rng, count, quotes)) + b"\n")
            for policy in ("skip", "null"):
                with self.subTest(name, policy=policy):
                    said = self.assert_same(pipeline, 5, [str(log)], bad_rows=policy, shard_rows=8192,
                                            block_bytes=block_bytes)
                    self.assertIn("digest", said)
                    reasons = {"BAD_LABEL", "BAD_NUMBER", "BAD_TIME", "BAD_TEXT", "RAGGED_ROW"}
                    self.assertEqual(set(self.bad_rows["counts"]), reasons | ({"BAD_QUOTING"} if quotes else set()))

    def test_bad_rows_of_damaged_and_columnar_files(self):
        import pyarrow as pa

        rng = random.Random("damaged")
        pipeline = {"version": 1, "label": "y", "steps": self.STEPS_OF_BAD_ROWS[1:]}
        first, cut, long, arrow = (self.path / name for name in ("0.csv", "1.csv.gz", "2.csv", "3.arrow"))
        lines = self.bad_table(rng, 400, False)
        first.write_bytes(b"\n".join(lines))
        packed = gzip.compress(b"\n".join(self.bad_table(rng, 25_000, False)), mtime=0)
        cut.write_bytes(packed[: len(packed) * 9 // 10])
        good = [line.split(b",") for line in lines[1:] if line.count(b",") == 6]
        names = lines[0].decode().split(",")
        data = pa.table({name: pa.array([row[i] for row in good], pa.binary()) for i, name in enumerate(names)})
        with pa.ipc.new_file(str(arrow), data.schema) as writer:
            writer.write_table(data, max_chunksize=60)
        with self.subTest("a long line"):
            good = [b"y,n,i,hex,day,when,text"] + [b"%d,1,1,a,2014-01-01,1,x" % (i % 2) for i in range(400)]
            long.write_bytes(b"\n".join([*good, b"0," + b"1" * (65 << 20), b"7"]))
            said = self.assert_same(pipeline, 5, [str(long)], block_bytes=16 << 20)
            self.assertIn(f"{long}:402: has more than", said)
            long.write_bytes(b"\n".join([*lines[:200], b"0," + b"1" * (65 << 20), *lines[200:]]))
        for files, policy, split, reason, block_bytes in (
                ([first, cut], "skip", "", "TRUNCATED_FILE", 200_000), ([first, long], "null", "time:when", "ROW_TOO_LONG", 8000),
                ([arrow], "null", "time:when", "BAD_TEXT", 6000)):
            with self.subTest(files):
                said = self.assert_same(pipeline, 5, [str(file) for file in files], split=split, bad_rows=policy,
                                        shard_rows=16_384, block_bytes=block_bytes)
                self.assertIn("digest", said)
                self.assertIn(reason, self.bad_rows["counts"])

    def explain(self, ours, theirs):
        """Says which file or entry of the manifest differs, before the digests do."""
        for file in sorted(p for p in ours.rglob("*") if p.is_file() and p.name != "manifest.json"):
            other = theirs / file.relative_to(ours)
            self.assertTrue(other.is_file(), f"{file.relative_to(ours)} is missing")
            if file.suffix == ".arrow" and file.read_bytes() != other.read_bytes():
                import pyarrow as pa

                a, b = (pa.ipc.open_file(str(f)).read_all() for f in (file, other))
                self.assertEqual(a.schema.metadata, b.schema.metadata, file.name)
                self.assertEqual(a.to_pydict(), b.to_pydict(), file.name)
            self.assertEqual(file.read_bytes(), other.read_bytes(), f"{file.relative_to(ours)} differs in bytes")
        a, b = (json.loads((folder / "manifest.json").read_text()) for folder in (ours, theirs))
        for key in ("columns", "splits", "exports", "options"):
            self.assertEqual(a.get(key), b.get(key), key)


class Silent:
    """Progress of nobody's interest."""

    steps = 0

    def stage(self, name):
        import contextlib

        return contextlib.nullcontext()


# Where rows of test files are not simply the test split.
WITH_TEST_FILES = ("dates", "distinct", "distinct_rows", "filters")


def add(name):
    def test(self):
        rng = random.Random(f"spark {name}")
        data = table(rng, 340)
        one = write(self.path / "one.csv", data[:280])
        two = write(self.path / "two.csv", data[280:])
        self.assert_same(PIPELINES[name], 5, [one, two])
        if name in WITH_TEST_FILES:
            self.assert_same(PIPELINES[name], 77, [one], test=[two])

    setattr(SparkTest, f"test_{name}", test)


for each in PIPELINES:
    add(each)

if __name__ == "__main__":
    try:
        wheels.spark_folders()
    except unittest.SkipTest as reason:
        print(reason)
        sys.exit(SKIPPED)
    unittest.main()
