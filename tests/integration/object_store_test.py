"""Logs and datasets in an object store: the same work over s3:// as over local files, with the same digests."""

import json
import os
import sys

import harness
import wheels
from object_store import ObjectStore
from services import Services

ROWS = 20_000
PIPELINE = """version: 1
steps:
  - {operation: split, by: fraction}
  - {operation: fill_missing, inputs: ["I*"], strategy: mean}
  - {operation: standardise, inputs: ["I*"]}
  - {operation: categorify, inputs: ["C*"], frequency_threshold: 2}
"""


class ObjectStoreTest(harness.SdaTestCase):
    def setUp(self):
        super().setUp()
        self.store = ObjectStore(self.folder)
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.update(self.store.environment)
        self.addCleanup(self.store.kill)
        self.store.start()
        self.clicks_in_parts()

    def clicks_in_parts(self):
        """One click log, in three parts in the store and whole on the disk."""
        self.log = self.clicks(ROWS)
        lines = self.log.read_bytes().splitlines(keepends=True)
        for part in range(3):
            piece = self.folder / f"part-{part}.tsv"
            piece.write_bytes(b"".join(lines[part * ROWS // 3:(part + 1) * ROWS // 3]))
            self.store.put(piece, f"logs/{piece.name}")

    def services(self, name, artefacts=None):
        services = Services(self.folder / name, artefacts=artefacts)
        self.addCleanup(services.stop_all)
        return services

    def start_service(self, services, name):
        harness.eventually(services.start(name), f"{name} is ready")

    def create(self, services, name, data, *options):
        return self.sda("dataset", "create", "--preprocessing", services.address["preprocessing"], "--data", data,
                        "--label", "label", "--name", name, *options, "--output", "json")

    def test_a_run_on_logs_in_the_store(self):
        runs = {}
        for name, data in (("remote", self.store.uri("logs/part-*.tsv")), ("local", self.folder / "part-*.tsv")):
            run = self.sda("run", "--state", self.folder / name, "--data", data, "--label", "label", "--budget", 2,
                           "--seed", 3, "--threads-per-slot", 1, "--output", "json")
            self.assertEqual(run.process.returncode, 0, run.err)
            runs[name] = json.loads(run.out)
            self.check_report(runs[name], budget=2)
        self.assertEqual(*[run["best"]["metrics"]["test_auc"] for run in runs.values()])

    def test_pipelines_replacement_and_deletion(self):
        services = self.services("remote", self.store.uri("deep/in/the/bucket"))
        self.start_service(services, "preprocessing")
        local = self.services("local")
        self.start_service(local, "preprocessing")
        pipeline = self.write("pipeline.yaml", PIPELINE)
        remote = self.create(services, "datasets/one", self.store.uri("logs/"), "--pipeline", pipeline)
        self.assertEqual(remote.process.returncode, 0, remote.err)
        whole = self.create(local, "datasets/one", self.log, "--pipeline", pipeline)
        self.assertEqual(whole.process.returncode, 0, whole.err)
        self.assertEqual(json.loads(remote.out)["digest"], json.loads(whole.out)["digest"])
        again = self.create(services, "datasets/one", self.store.uri("logs/part-0.tsv"), "--pipeline", pipeline)
        self.assertNotEqual(again.process.returncode, 0)
        self.assertIn("datasets/one exists", again.err)
        replaced = self.create(services, "datasets/one", self.store.uri("logs/part-0.tsv"), "--pipeline", pipeline,
                               "--replace")
        self.assertEqual(replaced.process.returncode, 0, replaced.err)
        self.assertNotEqual(json.loads(replaced.out)["digest"], json.loads(remote.out)["digest"])
        left = [path for path in self.store.files("deep/in/the/bucket/datasets/one") if "/" not in path or "fit" in path]
        self.assertEqual(sorted(left), ["manifest.json", "pipeline.arrow"])
        deleted = self.sda("dataset", "delete", "one", "--preprocessing", services.address["preprocessing"])
        self.assertEqual(deleted.process.returncode, 0, deleted.err)
        self.assertEqual(self.store.files("deep/in/the/bucket/datasets"), [])

    def test_spark_reads_and_writes_the_store(self):
        folders = wheels.spark_folders()
        pipeline = self.write("pipeline.yaml", PIPELINE)
        local = self.services("local")
        self.start_service(local, "preprocessing")
        whole = self.create(local, "datasets/one", self.log, "--pipeline", pipeline)
        self.assertEqual(whole.process.returncode, 0, whole.err)
        spark = self.sda("dataset", "create", "--engine", "spark", "--master", "local[2]", "--spark-submit",
                         f"{folders[0]}/pyspark/bin/spark-submit", "--artefacts", self.store.uri("by/spark"), "--data",
                         self.store.uri("logs/part-*.tsv"), "--label", "label", "--name", "datasets/one", "--pipeline",
                         pipeline, "--block-mib", 1, "--output", "json",
                         env={"SPARK_HOME": f"{folders[0]}/pyspark", "PYTHONPATH": os.pathsep.join(folders),
                              "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"})
        self.assertEqual(spark.process.returncode, 0, spark.err)
        self.assertEqual(json.loads(spark.out)["digest"], json.loads(whole.out)["digest"])
        left = [path for path in self.store.files("by/spark") if not path.endswith(".arrow")]
        self.assertEqual(left, ["datasets/one/manifest.json"])

    def test_what_is_missing_is_named(self):
        services = self.services("remote", self.store.uri("sda"))
        self.start_service(services, "preprocessing")
        for path in ("logs/none.tsv", "logs/none-*.tsv", "nowhere/"):
            with self.subTest(path):
                refused = self.create(services, "datasets/none", self.store.uri(path))
                self.assertEqual(refused.process.returncode, 2, refused.err)
                self.assertIn(f"s3://sda-test/{path}", refused.err)
        self.assertEqual([path for path in self.store.files("sda/datasets") if "/jobs/" not in path], [])

    def test_killed_services_and_a_store_that_was_away(self):
        services = self.services("remote", self.store.uri("sda"))
        self.start_service(services, "preprocessing")
        big = self.clicks(300_000, name="big.tsv")
        self.store.put(big, "logs-big/big.tsv")
        whole = self.create(services, "datasets/whole", self.store.uri("logs-big/big.tsv"))
        self.assertEqual(whole.process.returncode, 0, whole.err)
        command = self.start(harness.SDA, "dataset", "create", "--preprocessing", services.address["preprocessing"],
                             "--data", self.store.uri("logs-big/big.tsv"), "--label", "label", "--name",
                             "datasets/killed", "--output", "json")
        harness.eventually(lambda: [path for path in self.store.files("sda/datasets/killed") if "shard" in path],
                           "a shard is finished")
        services.kill("preprocessing")
        self.start_service(services, "preprocessing")
        self.assertEqual(command.wait(), 0, command.err)
        self.assertEqual(json.loads(command.out)["digest"], json.loads(whole.out)["digest"])

        self.store.kill()
        refused = self.create(services, "datasets/away", self.store.uri("logs/part-0.tsv"))
        self.assertNotEqual(refused.process.returncode, 0)
        self.store.start()
        accepted = self.create(services, "datasets/away", self.store.uri("logs/part-0.tsv"))
        self.assertEqual(accepted.process.returncode, 0, accepted.err)


if __name__ == "__main__":
    harness.main()
