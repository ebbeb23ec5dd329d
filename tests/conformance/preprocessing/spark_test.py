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
import wheels  # noqa: E402
from pipelines_test import NAMES, table, write  # noqa: E402
from pipelines_under_test import PIPELINES  # noqa: E402

SPARK_PROGRAM = os.environ["SDA_SPARK_PIPELINE"]
SDA = os.environ["SDA_BIN"]
SKIPPED = 77  # exit code, for CTest
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # short tests end before better code pays off
SHARD_ROWS = 64
BLOCK_BYTES = 16_000  # several tasks even for small tables


def python_path():
    """Folders with PySpark and what the job needs; SkipTest says what is missing."""
    if shutil.which("java") is None:
        raise unittest.SkipTest("there is no java: run deploy/install-deps.sh --test")
    if sys.version_info[:2] != wheels.PYTHON:
        raise unittest.SkipTest(f"the wheels are for Python {wheels.PYTHON}, this is {sys.version.split()[0]}")
    folders = []
    for name, pin in (("pyspark", "PYSPARK"), ("numpy", "NUMPY"), ("arrow", "ARROW")):
        version = wheels.pinned(pin)
        folder = wheels.DEPS / f"{name}-{version}"
        if not folder.is_dir():
            raise unittest.SkipTest(f"{folder} is not there: run deploy/install-deps.sh --test")
        folders.append(str(folder))
    folders += [str(p) for p in (pathlib.Path(folders[0]) / "pyspark" / "python" / "lib").glob("py4j-*.zip")]
    return folders


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
        cls.folders = python_path()
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

    def ours(self, pipeline, seed, data, test=(), split="", shard_rows=SHARD_ROWS):
        """What the other engine says, its digest or its error, and where the dataset is if there is one."""
        root = tempfile.mkdtemp(dir=self.path)
        return self.program("alone", root, self.arguments(pipeline, seed, data, test, split, root, shard_rows, BLOCK_BYTES))

    def sparks(self, pipeline, seed, data, test=(), split="", shard_rows=SHARD_ROWS, block_bytes=BLOCK_BYTES):
        """The same by Spark."""
        from sda_spark import job

        root = tempfile.mkdtemp(dir=self.path)
        arguments = self.arguments(pipeline, seed, data, test, split, root, shard_rows, block_bytes)
        staging = pathlib.Path(root) / "datasets" / "rows" / "spark"
        staging.mkdir(parents=True)
        plan = subprocess.run([SPARK_PROGRAM, "plan", *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(plan.returncode, 0, plan.stderr)
        (staging / "plan.json").write_text(plan.stdout, encoding="utf-8")
        job.run(self.spark, root, "datasets/rows/spark", progress=Silent())
        return self.program("finish", root, arguments)

    def arguments(self, pipeline, seed, data, test, split, root, shard_rows, block_bytes):
        words = [self.pipeline_file(pipeline), str(seed), str(shard_rows), str(block_bytes), root, *data]
        return words + (["--test", *test] if test else []) + (["--split", split] if split else [])

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
        ready = self.path / "ready.yaml"
        ready.write_text(run("pipeline", "show", "criteo_dlrm").stdout, encoding="utf-8")
        expected, _ = self.ours(str(ready), 0, [str(log)], shard_rows=65536)
        root = self.path / "artefacts"
        request = ["dataset", "create", "--engine", "spark", "--master", "local-cluster[2,1,700]", "--data", str(log), "--pipeline",
                   "criteo_dlrm", "--artefacts", str(root), "--name", "clicks", "--output", "json", "--state",
                   str(self.path / "state"), "--spark-conf", "spark.driver.memory=600m",
                   "spark.executor.memory=500m", "spark.ui.enabled=false",
                   f"spark.driver.extraJavaOptions={QUICK_JAVA}", f"spark.executor.extraJavaOptions={QUICK_JAVA}"]
        made = run(*request)
        self.assertEqual(made.returncode, 0, made.stderr)
        said = json.loads(made.stdout)
        self.assertEqual("digest\t" + said["digest"], expected)
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

    def test_what_the_job_does_not_know_is_refused(self):
        import pyarrow as pa

        log, users = self.path / "log.csv", self.path / "users.csv"
        log.write_text("y,u\n0,1\n1,2\n", encoding="utf-8")
        users.write_text("u,age\n1,20\n", encoding="utf-8")
        arrow = self.path / "log.arrow"
        with pa.ipc.new_file(str(arrow), pa.schema([("y", pa.int64()), ("u", pa.int64())])) as writer:
            writer.write_table(pa.table({"y": [0, 1], "u": [1, 2]}))
        steps = [{"operation": "hash", "inputs": ["u"], "buckets": 9}]
        joined = {"version": 1, "label": "y", "joins": [{"files": [str(users)], "key": "u"}], "steps": steps}
        for pipeline, data, said in ((joined, log, "pipeline.joins"),
                                     ({"version": 1, "label": "y", "steps": steps}, arrow, "Arrow files")):
            plan = subprocess.run([SPARK_PROGRAM, "plan", self.pipeline_file(pipeline), "1", "64", "4096",
                                   str(self.path / "root"), str(data)], capture_output=True, text=True, check=False)
            self.assertNotEqual(plan.returncode, 0)
            self.assertIn(said, plan.stderr)

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
            self.assert_same(PIPELINES[name], 77, [one], [two])

    setattr(SparkTest, f"test_{name}", test)


for each in PIPELINES:
    add(each)

if __name__ == "__main__":
    try:
        python_path()
    except unittest.SkipTest as reason:
        print(reason)
        sys.exit(SKIPPED)
    unittest.main()
