"""Pipelines from the command line: a log through a file's operations into a dataset, a model and predictions."""

import json

import harness

PIPELINE = """version: 1
label: label
steps:
  - {operation: split, by: fraction, test_share: 0.2}
  - {operation: sample_negatives, keep_share: 0.9}
  - {operation: log, inputs: ["I*"]}
  - {operation: fill_missing, inputs: ["I*"], strategy: median, indicator: true}
  - {operation: standardise, inputs: [I1, I2, I3]}
  - {operation: quantile_bucket, inputs: [I5], buckets: 10, suffix: _q}
  - {operation: group_categorify, inputs: [C1, C2], outputs: [C1_x_C2], frequency_threshold: 2}
  - {operation: target_encode, inputs: [C3, C4], suffix: _te}
  - {operation: categorify, inputs: ["C?", "C1?"]}
"""


class PipelineTest(harness.SdaTestCase):
    def test_from_log_to_predictions(self):
        self.start_local()
        at = ["--state", self.state]
        clicks = self.clicks(4000)
        file = self.write("pipeline.yaml", PIPELINE)
        self.assertEqual(self.sda("pipeline", "validate", file).process.returncode, 0)

        made = self.sda_json("dataset", "create", *at, "--data", clicks, "--pipeline", file, "--name", "mine")
        columns = {column["name"]: column for column in made["profile"]["columns"]}
        self.assertEqual(columns["I5_q"]["table_rows_count"], 11)
        self.assertIn("C1_x_C2", columns)
        self.assertIn("C3_te", columns)
        self.assertEqual(len(made["spec"]["pipeline"]["steps"]), 9)

        other = self.write("other.yaml", PIPELINE.replace("keep_share: 0.9", "keep_share: 0.5"))
        again = ["dataset", "create", *at, "--data", clicks, "--pipeline", other, "--name", "mine"]
        refused = self.sda(*again)
        self.assertEqual(refused.process.returncode, 2)
        self.assertIn("exists", refused.err)
        self.assertEqual(self.sda_json("dataset", "get", *at, "mine")["digest"], made["digest"])
        replaced = self.sda_json(*again, "--replace")
        self.assertNotEqual(replaced["digest"], made["digest"])

        report = self.sda_json("run", *at, "--data", clicks, "--pipeline", file, "--budget", 1, "--run-id", "piped")
        self.check_report(report, budget=1)
        self.assertGreater(report["best"]["metrics"]["test_auc"], 0.55)
        model = self.sda_json("model", "list", *at)[0]["name"]
        predicted = self.sda_json("model", "predict", *at, model, "--data", clicks)
        labels = [line.split("\t")[0] == "1" for line in clicks.read_text().splitlines()]
        self.assertEqual(len(predicted), len(labels))
        clicked = [p for p, label in zip(predicted, labels) if label]
        others = [p for p, label in zip(predicted, labels) if not label]
        self.assertGreater(sum(clicked) / len(clicked), sum(others) / len(others) + 0.02)
        self.check_nothing_half_written()

    def test_what_is_wrong_is_named_with_its_place(self):
        self.start_local()
        at = ["--state", self.state]
        clicks = self.clicks(500)
        unknown_key = self.write("key.yaml", PIPELINE.replace("buckets", "bukets"))
        done = self.sda("dataset", "create", *at, "--data", clicks, "--pipeline", unknown_key)
        self.assertEqual(done.process.returncode, 2)
        self.assertRegex(done.err, r"key\.yaml:9:\d+: steps\[5\]\.bukets: is not a known key, did you mean \"buckets\"")
        missing = self.write("missing.yaml", PIPELINE.replace("[C3, C4]", "[C3, C44]"))
        done = self.sda("dataset", "create", *at, "--data", clicks, "--pipeline", missing)
        self.assertEqual(done.process.returncode, 2)
        self.assertRegex(done.err, r"missing\.yaml:11:\d+: steps\[7\]\.inputs\[1\]: names \"C44\", which is no column")
        bad = self.write("bad.yaml", PIPELINE.replace("[I1, I2, I3]", "[C26]"))
        done = self.sda("dataset", "create", *at, "--data", clicks, "--pipeline", bad)
        self.assertEqual(done.process.returncode, 2)
        self.assertRegex(done.err, r"clicks\.tsv:\d+.*C26.*is not a number.*steps\[4\]")

    def test_joins_and_bad_rows(self):
        self.start_local()
        at = ["--state", self.state]
        clicks = self.clicks(1000)
        hashes = sorted({line.split("\t")[14] for line in clicks.read_text().splitlines()} - {""})
        self.write("sites.csv", "hash,size\n" + "".join(f"{h},{i}\n" for i, h in enumerate(hashes[::2])))
        joined = PIPELINE.replace("steps:", f"joins:\n  - {{files: [{self.folder}/s*.csv], key: C1, file_key: hash, prefix: site_}}\nsteps:")
        joined += "  - {operation: fill_missing, inputs: [site_size], value: -1, indicator: true}\n"
        file = self.write("joined.yaml", joined)
        self.assertEqual(self.sda("pipeline", "validate", file).process.returncode, 0)
        create = ["dataset", "create", *at, "--data", clicks, "--pipeline", file]
        made = self.sda_json(*create)
        columns = {column["name"]: column for column in made["profile"]["columns"]}
        self.assertEqual(columns["site_size"]["min"], -1)
        self.assertIn("site_size_missing", columns)

        with clicks.open("a") as log:
            log.write("1\ttoo few\n")
        done = self.sda(*create)
        self.assertEqual(done.process.returncode, 2)
        self.assertRegex(done.err, r"clicks\.tsv:1001: has 2 fields; must have 40")
        skipped = self.sda_json(*create, "--bad-rows", "skip")
        self.assertEqual(skipped["digest"], made["digest"])
        self.assertEqual(skipped["profile"]["bad_rows"], {"RAGGED_ROW": 1})

        self.write("sites.csv", "hash,size\na,1\nb,2\na,3\n")
        done = self.sda(*create)
        self.assertEqual(done.process.returncode, 2)
        self.assertRegex(done.err, r'sites\.csv:4: column "hash": key "a" stands in .*sites\.csv:2 too')

    def test_ready_and_automatic(self):
        self.start_local()
        at = ["--state", self.state]
        clicks = self.clicks(1000)
        names = [each["name"] for each in self.sda_json("pipeline", "list")]
        self.assertEqual(names, ["criteo_dlrm", "mlperf", "movielens", "adult"])
        made = self.sda_json("dataset", "create", *at, "--data", clicks, "--pipeline", "criteo_dlrm", "--name", "ready")
        rows = {name: split["rows_count"] for name, split in made["profile"]["splits"].items()}
        self.assertEqual(rows, {"train": 858, "test": 71, "validation": 71})
        folder = self.state / "artefacts" / "datasets" / "ready"
        manifest = json.loads((folder / "manifest.json").read_text())
        for export in manifest["exports"]:
            self.assertEqual((folder / export["path"]).stat().st_size, export["rows"] * 160)
        own = self.write("own.yaml", self.sda("pipeline", "show", "criteo_dlrm").out)
        same = self.sda_json("dataset", "create", *at, "--data", clicks, "--pipeline", own, "--name", "own")
        self.assertEqual(same["digest"], made["digest"])

        automatic = self.sda("dataset", "create", *at, "--data", clicks, "--label", "label", "--auto", "--output", "json")
        self.assertEqual(automatic.process.returncode, 0, automatic.err)
        self.assertIn("C1: a hash in Criteo's click log", automatic.err)
        shown = self.sda("dataset", "infer", *at, "--data", clicks, "--label", "label", "--pipeline-yaml")
        edited = self.write("edited.yaml", shown.out)
        by_file = self.sda_json("dataset", "create", *at, "--data", clicks, "--pipeline", edited)
        self.assertEqual(by_file["digest"], json.loads(automatic.out)["digest"])


if __name__ == "__main__":
    harness.main()
