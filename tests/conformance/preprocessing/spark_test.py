"""Every operation of pipelines through Apache Spark: the digest, and so every dictionary, row and statistic, is that of
the other engine, on random tables with every kind of missing value. One Spark on local[2] serves all tests.

Environment: SDA_PIPELINE_ROWS and SDA_SPARK_PIPELINE, programs of this folder; SDA_BIN, the program sda.
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

import wheels  # noqa: E402
from pipelines_test import NAMES, table, write  # noqa: E402
from pipelines_under_test import PIPELINES  # noqa: E402

ROWS_PROGRAM = os.environ["SDA_PIPELINE_ROWS"]
SPARK_PROGRAM = os.environ["SDA_SPARK_PIPELINE"]
SDA = os.environ["SDA_BIN"]
SHARD_ROWS = 64
BLOCK_BYTES = 9000  # several tasks even for small tables


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


class SparkTest(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.folders = python_path()
        sys.path[:0] = cls.folders
        cls.home = os.path.join(cls.folders[0], "pyspark")
        cls.work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.work.cleanup)
        # Spark's scripts and Python processes take these from the environment.
        patch = mock.patch.dict(os.environ, {
            "PYTHONPATH": os.pathsep.join([str(PACKAGE), *cls.folders]), "SPARK_HOME": cls.home,
            "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": cls.work.name,
            "PYTHONDONTWRITEBYTECODE": "1"})
        patch.start()
        cls.addClassCleanup(patch.stop)
        from pyspark import SparkConf, SparkContext

        settings = {"spark.ui.enabled": "false", "spark.driver.memory": "700m", "spark.driver.bindAddress": "127.0.0.1",
                    "spark.ui.showConsoleProgress": "false"}
        cls.spark = SparkContext(conf=SparkConf().setMaster("local[2]").setAppName("spark_test").setAll(settings.items()))
        cls.spark.setLogLevel("ERROR")
        cls.addClassCleanup(cls.spark.stop)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=self.work.name)
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def ours(self, pipeline, seed, data, test=(), shard_rows=SHARD_ROWS):
        """Exit code and what the other engine says: its digest, or its error."""
        out = tempfile.mkdtemp(dir=self.path)
        command = [ROWS_PROGRAM, self.pipeline_file(pipeline), str(seed), "2", str(shard_rows), out, *data]
        done = subprocess.run(command + (["--test", *test] if test else []), capture_output=True, text=True, check=False)
        return (done.stdout.splitlines()[0], out) if done.returncode == 0 else (done.stderr.strip(), None)

    def sparks(self, pipeline, seed, data, test=(), shard_rows=SHARD_ROWS, block_bytes=BLOCK_BYTES):
        from sda_spark import job

        root = tempfile.mkdtemp(dir=self.path)
        arguments = [self.pipeline_file(pipeline), str(seed), str(shard_rows), str(block_bytes), root, *data]
        arguments += ["--test", *test] if test else []
        plan = subprocess.run([SPARK_PROGRAM, "plan", *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(plan.returncode, 0, plan.stderr)
        staging = pathlib.Path(root) / "datasets" / "rows" / "spark"
        staging.mkdir(parents=True)
        (staging / "plan.json").write_text(plan.stdout, encoding="utf-8")
        job.run(self.spark, root, "datasets/rows/spark", progress=Silent())
        done = subprocess.run([SPARK_PROGRAM, "finish", *arguments], capture_output=True, text=True, check=False)
        folder = pathlib.Path(root) / "datasets" / "rows"
        return (done.stdout.strip(), folder) if done.returncode == 0 else (done.stderr.strip(), None)

    def pipeline_file(self, pipeline):
        if isinstance(pipeline, str):
            return pipeline
        file = self.path / "pipeline.yaml"
        file.write_text(json.dumps(pipeline, ensure_ascii=False), encoding="utf-8")
        return str(file)

    def assert_same(self, *arguments, **options):
        expected, ours = self.ours(*arguments, **options)
        found, theirs = self.sparks(*arguments, **options)
        self.assertEqual(ours is None, theirs is None, f"{expected}\n{found}")
        if ours is not None and expected != found:
            self.explain(pathlib.Path(ours), theirs)
        self.assertEqual(expected, found)
        return expected

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


def add(name):
    def test(self):
        rng = random.Random(f"spark {name}")
        data = table(rng, 340)
        one = write(self.path / "one.csv", data[:280])
        two = write(self.path / "two.csv", data[280:300])
        with self.subTest("two files"):
            self.assert_same(PIPELINES[name], 5, [one, two])
        with self.subTest("test files"):
            self.assert_same(PIPELINES[name], 77, [one], [write(self.path / "test.csv", data[300:])])

    setattr(SparkTest, f"test_{name}", test)


for each in PIPELINES:
    add(each)

if __name__ == "__main__":
    unittest.main()
