"""A dataset whose maker is killed, again and again, while it is made: it goes on from its finished shards, and ends equal
in every byte."""

import json
import random
import time
import unittest

import harness
from services import Services

ROWS = 600_000
PIPELINE = """version: 1
steps:
  - {operation: split, by: fraction}
  - {operation: fill_missing, inputs: ["I*"], strategy: mean}
  - {operation: standardise, inputs: ["I*"]}
  - {operation: target_encode, inputs: [C1, C3], suffix: _rate}
  - {operation: categorify, inputs: [C1, C2, C3, C4]}
"""
KILLS = 3  # at random moments, after the one that is sure to fall between two shards


class ResumeDatasetTest(harness.SdaTestCase):
    def setUp(self):
        super().setUp()
        self.services = Services(self.folder / "services")
        self.services.arguments["preprocessing"] += ["--threads", "1"]
        self.addCleanup(self.services.stop_all)
        harness.eventually(self.services.start("preprocessing"), "preprocessing is ready")
        self.log = self.folder / "log.tsv"
        datagen = harness.Command(harness.SDA, "datagen", "criteo", "--rows", ROWS, "--seed", 5, "--output", self.log)
        self.assertEqual(datagen.wait(), 0, datagen.err)

    def create(self, name, *options):
        command = harness.Command(harness.SDA, "dataset", "create", "--preprocessing",
                                  self.services.address["preprocessing"], "--data", self.log, "--label", "label",
                                  "--name", name, *options)
        self.addCleanup(command.kill)
        return command

    def manifest(self, name):
        path = self.services.folder / "artefacts" / name / "manifest.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def shards(self, name):
        """Finished shards of a dataset with what tells whether they were written again."""
        root = self.services.folder / "artefacts" / name
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in root.glob("*/shard-*.arrow")}

    def restart(self):
        self.services.kill("preprocessing")
        return self.services.start("preprocessing")

    def assert_resumed(self, finished):
        """datasets/killed equals datasets/whole, and its finished shards are those of before the kill."""
        manifest = self.manifest("datasets/killed")
        self.assertEqual(manifest["digest"], self.manifest("datasets/whole")["digest"])
        self.assertGreaterEqual(manifest["provenance"].get("resumed_shards", 0), len(finished))
        left = self.shards("datasets/killed")
        for path, identity in finished.items():
            self.assertEqual(left[path], identity, f"{path} was written again")
        folder = self.services.folder / "artefacts" / "datasets" / "killed"
        self.assertEqual(list((folder / "fit").glob("*")), [])
        self.assertEqual(list(folder.rglob("*.partial")), [], "what the kill cut off is still there")

    def test_killed_between_shards_and_at_random_moments(self):
        whole = self.create("datasets/whole")
        self.assertEqual(whole.wait(), 0, whole.err)

        command = self.create("datasets/killed")
        harness.eventually(lambda: self.shards("datasets/killed"), "a shard is finished")
        self.services.kill("preprocessing")
        finished = self.shards("datasets/killed")
        harness.eventually(self.services.start("preprocessing"), "preprocessing is ready")
        seed = time.time_ns()
        print(f"seed {seed}")
        moments = random.Random(seed)
        for _ in range(KILLS):
            time.sleep(moments.uniform(0.05, 0.6))  # layering-allow: chooses the moment of the kill
            harness.eventually(self.restart(), "preprocessing is ready")
        self.assertEqual(command.wait(), 0, command.err)

        self.assert_resumed(finished)

    def test_a_pipeline_killed_between_passes_and_between_shards(self):
        pipeline = self.write("pipeline.yaml", PIPELINE)
        whole = self.create("datasets/whole", "--pipeline", pipeline)
        self.assertEqual(whole.wait(), 0, whole.err)
        command = self.create("datasets/killed", "--pipeline", pipeline)
        folder = self.services.folder / "artefacts" / "datasets" / "killed"
        harness.eventually((folder / "fit" / "pass-1.json").exists, "a pass is done")
        first = (folder / "fit" / "pass-1.json").stat().st_mtime_ns
        harness.eventually(self.restart(), "preprocessing is ready")
        harness.eventually(lambda: self.shards("datasets/killed"), "a shard is finished")
        self.services.kill("preprocessing")
        finished = self.shards("datasets/killed")
        self.assertEqual((folder / "fit" / "pass-1.json").stat().st_mtime_ns, first, "the first pass was made again")
        harness.eventually(self.services.start("preprocessing"), "preprocessing is ready")
        self.assertEqual(command.wait(), 0, command.err)

        self.assert_resumed(finished)


if __name__ == "__main__":
    harness.main()
