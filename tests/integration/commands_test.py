"""The other commands of `sda`, against one suite."""

import json
import re

import harness
import services


class HelpTest(harness.SdaTestCase):
    def test_every_command_explains_itself(self):
        seen = []

        def visit(path):
            done = self.sda(*path, "--help")
            self.assertEqual(done.process.returncode, 0, path)
            self.assertIn("Usage:", done.out)
            seen.append(path)
            _, _, commands = done.out.partition("Subcommands:")
            for line in commands.split("Examples:")[0].splitlines():
                match = re.match(r"  ([a-z]+) +\S", line)
                if match:
                    visit([*path, match.group(1)])

        visit([])
        for path in (["run"], ["runs", "cancel"], ["dataset", "infer"], ["recipe", "validate"], ["experiment", "best"],
                     ["model", "predict"], ["datagen", "criteo"], ["health"], ["local"]):
            self.assertIn(path, seen)

    def test_version(self):
        self.assertRegex(self.sda("--version").out, r"^sda \d+\.\d+\.\d+$")

    def test_mistyped_commands_are_bad_input(self):
        for args in ((), ("rum",), ("runs", "lst"), ("run", "--dta", "x")):
            done = self.sda(*args)
            self.assertEqual(done.process.returncode, 2, args)
            self.assertIn("--help", done.err)

    def test_without_a_suite_it_says_what_to_do(self):
        done = self.sda("runs", "list", "--state", self.state)
        self.assertEqual(done.process.returncode, 1)
        self.assertIn("sda local", done.err)

    def test_an_advisor_that_is_not_there(self):
        port = harness.free_ports(1)[0]
        done = self.sda("runs", "list", "--advisor", f"127.0.0.1:{port}")
        self.assertEqual(done.process.returncode, 1)
        self.assertIn(f"the advisor at 127.0.0.1:{port} cannot be reached", done.err)


class DatagenTest(harness.SdaTestCase):
    def test_same_seed_same_bytes_and_criteo_layout(self):
        one = self.clicks(3000, seed=5, name="one.tsv").read_bytes()
        self.assertEqual(self.clicks(3000, seed=5, name="two.tsv").read_bytes(), one)
        self.assertNotEqual(self.clicks(3000, seed=6, name="three.tsv").read_bytes(), one)
        piped = self.sda("datagen", "criteo", "--rows", 3000, "--seed", 5)
        self.assertEqual(piped.out.encode(), one)
        rows = [line.split("\t") for line in one.decode().splitlines()]
        self.assertEqual({len(row) for row in rows}, {40})
        self.assertEqual({row[0] for row in rows}, {"0", "1"})

    def test_best_auc_is_printed(self):
        path = self.folder / "clicks.tsv"
        made = self.sda("datagen", "criteo", "--rows", 2000, "--output", path)
        self.assertRegex(made.out, r"best reachable AUC 0\.\d+")

    def test_a_folder_that_does_not_exist(self):
        made = self.sda("datagen", "criteo", "--rows", 2000, "--output", self.folder / "no" / "clicks.tsv")
        self.assertEqual(made.process.returncode, 2)
        self.assertIn("is not a folder", made.err)


class CommandsTest(harness.SdaTestCase):
    """One story from log to prediction, each step by its own command."""

    def test_step_by_step(self):
        self.start_local()
        at = ["--state", self.state]
        clicks = self.clicks(4000)

        columns = self.sda_json("dataset", "infer", *at, "--data", clicks, "--label", "label")["columns"]
        self.assertEqual(len(columns), 40)
        self.assertEqual(columns[0]["role"], "LABEL")

        dataset = self.sda_json("dataset", "create", *at, "--data", clicks, "--label", "label", "--name", "clicks")
        self.assertEqual(dataset["name"], "datasets/clicks")
        self.assertEqual(sum(s["rows_count"] for s in dataset["profile"]["splits"].values()), 4000)
        self.assertEqual(self.sda_json("dataset", "get", *at, "clicks")["digest"], dataset["digest"])
        self.assertEqual([d["name"] for d in self.sda_json("dataset", "list", *at)], ["datasets/clicks"])
        twice = self.sda("dataset", "create", *at, "--data", clicks, "--label", "label", "--name", "clicks")
        self.assertEqual(twice.process.returncode, 2, twice.err)

        written = self.sda("recipe", "create", *at, "--dataset", "clicks", "--budget", 2, "--name", "first")
        self.assertEqual(written.process.returncode, 0, written.err)
        recipe = self.write("recipe.yaml", written.out)
        self.assertEqual(self.sda("recipe", "validate", *at, recipe).process.returncode, 0)
        self.assertEqual(self.sda("recipe", "get", *at, "first").out, written.out)

        report = self.sda_json("run", *at, "--recipe", recipe, "--run-id", "tuned")
        self.check_report(report, budget=2)
        self.assertEqual(report["run"], "runs/tuned")
        self.assertEqual(report["dataset"], "datasets/clicks")

        experiment = report["experiment"]
        self.assertEqual(self.sda_json("experiment", "get", *at, experiment)["state"], "COMPLETED")
        self.assertEqual(len(self.sda_json("experiment", "trials", *at, experiment)), 2)
        best = self.sda_json("experiment", "best", *at, experiment)
        self.assertEqual(best["recommended"]["name"], report["best"]["trial"])
        self.assertEqual(self.sda_json("experiment", "watch", *at, experiment)["name"], experiment)
        stop = self.sda("experiment", "pause", *at, experiment)
        self.assertEqual(stop.process.returncode, 1, stop.err)  # it has ended

        models = self.sda_json("model", "list", *at)
        self.assertEqual(len(models), 1)
        self.assertEqual(models[0]["run"], "runs/tuned")
        self.assertAlmostEqual(models[0]["metrics"]["test_auc"], report["best"]["metrics"]["test_auc"])
        self.predict(models[0]["name"], clicks, at)

        watched = self.sda("runs", "watch", *at, "tuned", "--output", "json")
        self.assertEqual(watched.process.returncode, 0, watched.err)
        self.assertEqual(json.loads(watched.out)["best"], report["best"])
        self.assertEqual([r["name"] for r in self.sda_json("runs", "list", *at)], ["runs/tuned"])

        health = self.sda_json("health", *at)
        self.assertEqual({entry["state"] for entry in health}, {"SERVING"})
        self.assertEqual(len(health), 4)

        for command in (("model", "delete", models[0]["name"]), ("runs", "delete", "tuned"),
                        ("recipe", "delete", "first"), ("dataset", "delete", "clicks")):
            done = self.sda(*command, *at)
            self.assertEqual(done.process.returncode, 0, f"{command}: {done.err}")
        gone = self.sda("dataset", "get", *at, "clicks")
        self.assertEqual(gone.process.returncode, 2)
        self.assertIn("clicks", gone.err)

    def predict(self, model, clicks, at):
        """Predictions come in order, one a row, and separate clicks from the rest."""
        predicted = self.sda_json("model", "predict", *at, model, "--data", clicks)
        labels = [line.split("\t")[0] == "1" for line in clicks.read_text().splitlines()]
        self.assertEqual(len(predicted), len(labels))
        self.assertTrue(all(0 <= p <= 1 for p in predicted))
        clicked = [p for p, label in zip(predicted, labels) if label]
        others = [p for p, label in zip(predicted, labels) if not label]
        self.assertGreater(sum(clicked) / len(clicked), sum(others) / len(others) + 0.02)

        lines = [line.split("\t") for line in clicks.read_text().splitlines()[:5]]
        lines[2][1] = "old"
        names = ["label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27))]
        bad = self.write("bad.tsv", "".join("\t".join(line) + "\n" for line in (names, *lines)))
        refused = self.sda("model", "predict", *at, model, "--data", bad, "--header", "yes")
        self.assertEqual(refused.process.returncode, 2, refused.err)
        self.assertRegex(refused.err, r'row 3 of the data, column \S+: is "old"')
        strange = self.write("strange.csv", "colour,size\nred,1\n")
        refused = self.sda("model", "predict", *at, model, "--data", strange, "--header", "yes")
        self.assertEqual(refused.process.returncode, 2, refused.err)
        self.assertIn("none of the model's columns", refused.err)

    def test_cancelled_runs_end(self):
        self.start_local()
        clicks = self.clicks(20000)
        run = self.start(harness.SDA, "run", "--state", self.state, "--data", clicks, "--label", "0", "--budget", 50,
                         "--output", "json")
        name = run.wait_for_line(r"(runs/[a-z0-9-]+)").group(1)
        run.wait_for_line(r"\[3/4\] tune")
        self.assertEqual(self.sda_json("runs", "cancel", "--state", self.state, name)["state"], "CANCELLED")
        self.assertEqual(run.wait(), 1, run.err)
        self.assertEqual(json.loads(run.out)["state"], "CANCELLED")

    def test_yaml_says_the_same_as_json(self):
        self.start_local()
        as_yaml = self.sda("health", "--state", self.state, "--output", "yaml")
        self.assertEqual(as_yaml.process.returncode, 0)
        self.assertEqual(as_yaml.out.count("state: SERVING"), 4)


class ExperimentCommandsTest(harness.SdaTestCase):
    """`sda experiment` against the optimizer alone: files, corrections, copies, changes, insights."""

    DEFINITION = {
        "name": "experiments/first", "observation_budget": 40, "parallel_bandwidth": 2,
        "parameters": [{"name": "rate", "double_range": {"min": 0.001, "max": 1}, "scale": "SCALE_LOG"},
                       {"name": "size", "int_range": {"min": 1, "max": 100}},
                       {"name": "kind", "categories": {"values": ["adam", "sgd"]}}],
        "metrics": [{"name": "auc"}, {"name": "seconds", "strategy": "STRATEGY_STORE"}], "state": "STATE_ACTIVE"}
    ROWS = 16

    def setUp(self):
        super().setUp()
        self.suite = services.Services(self.folder / "suite")
        harness.eventually(self.suite.start("optimizer"), "the optimizer is ready")
        records = ({"header": {"format_version": 1}}, {"experiment": {"experiment": self.DEFINITION}}, {"footer": {}})
        self.empty = self.write("empty.jsonl", "".join(json.dumps(record) + "\n" for record in records))

    def tearDown(self):
        self.suite.stop_all()
        super().tearDown()

    def experiment(self, *args, code=0):
        """`sda experiment …` as a person calls it."""
        done = self.sda("experiment", *args, "--optimizer", self.suite.address["optimizer"])
        self.assertEqual(done.process.returncode, code, f"{args}: {done.out}{done.err}")
        return done

    def document(self, *args):
        return json.loads(self.experiment(*args, "--output", "json").out)

    def observations(self):
        lines = ["rate,size,kind,auc,auc.stddev,seconds"]
        for i in range(self.ROWS):
            rate, kind = 10 ** (-3 * i / self.ROWS), "adam" if i % 2 else "sgd"
            lines.append(f'{rate},{1 + 6 * i},"{kind}",{0.8 - abs(rate - 0.1) * 0.3},0.001,{3 * i}')
        return self.write("observations.csv", "\n".join(lines) + "\n")

    def fill(self):
        self.experiment("import", self.empty)
        self.experiment("import-csv", "first", self.observations())

    def test_a_file_goes_out_and_comes_back_equal(self):
        self.fill()
        self.assertEqual(len(self.document("trials", "first")), self.ROWS)
        out = self.folder / "out.jsonl"
        said = self.experiment("export", "first", out)
        self.assertIn(f"experiments/first with {self.ROWS} trials is in {out}", said.out + said.err)
        self.assertEqual(len(self.experiment("export", "first", "-").out.splitlines()),
                         len(out.read_text().splitlines()))
        copy = self.document("import", out, "--name", "experiments/copy")
        self.assertEqual(copy["name"], "experiments/copy")
        self.assertEqual(copy["state"], "PAUSED")
        mine, theirs = self.document("trials", "first"), self.document("trials", "copy")
        for trial in mine + theirs:
            trial["name"] = trial["name"].rsplit("/", 1)[1]
        self.assertEqual(mine, theirs)
        self.assertIn("experiments/copy exists already",
                      self.experiment("import", out, "--name", "copy", code=2).err)

    def test_a_file_without_times_was_made_now(self):
        self.assertGreater(self.document("import", self.empty)["create_time"], "2024")

    def test_bad_files_name_line_and_rule_and_leave_nothing(self):
        self.fill()
        whole = self.folder / "out.jsonl"
        self.experiment("export", "first", whole)
        lines = whole.read_text().splitlines(keepends=True)
        for text, said in ((lines[:5] + [lines[5][:40]], r"line 6: is no record of an export: \S"),
                           (lines[:5], "the file is not whole"),
                           ([line.replace('"adam"', '"nope"') if '"trial"' in line else line for line in lines],
                            r'line \d+.*assignments\[kind\].*one of "adam", "sgd"'),
                           ([line.replace('"format_version":1', '"format_version":99') for line in lines],
                            r"line 1, header.format_version: is 99"),
                           ([], "the stream is empty|is empty")):
            refused = self.experiment("import", self.write("bad.jsonl", "".join(text)), "--name", "bad", code=2)
            self.assertRegex(refused.err, said)
            self.assertNotIn("\n\n", refused.err.strip())
        self.assertEqual(len(self.document("list")), 1)
        for rows, said in ((["0.5,5,adam,0.7", "9,5,adam,0.7"], r"line 3, column 1 \(rate\): is 9; must be a number in "
                                                              r"\[0.001, 1\]"),
                           (["0.5,x,adam,0.7"], r"line 2, column 2 \(size\): is \"x\"; must be an integer"),
                           (["0.5,5,adam,"], r"line 2: has no value of the metric auc"),
                           (["0.5,5,adam"], r"line 2: has 3 cells")):
            table = self.write("bad.csv", "\n".join(["rate,size,kind,auc", *rows]) + "\n")
            self.assertRegex(self.experiment("import-csv", "first", table, code=2).err, said)
        self.assertEqual(len(self.document("trials", "first")), self.ROWS)
        self.experiment("export", "first", self.folder / "no" / "out.jsonl", code=2)
        self.assertIn("experiments/none does not exist",
                      self.experiment("export", "none", self.folder / "none.jsonl", code=2).err)
        self.assertFalse((self.folder / "none.jsonl").exists())

    def test_corrections_count_at_once(self):
        self.fill()
        amended = self.document("amend", "first/trials/3", "--metric", "auc=0.99", "--reason", "a slip")
        self.assertEqual(amended["metrics"]["auc"], 0.99)
        self.assertEqual(self.document("best", "first")["recommended"]["name"], "experiments/first/trials/3")
        voided = self.experiment("void", "experiments/first/trials/3", "--reason", "wrong data")
        self.assertIn("CANCELLED", voided.out)
        self.assertNotEqual(self.document("best", "first")["recommended"]["name"], "experiments/first/trials/3")
        self.assertEqual(self.document("get", "first")["trial_counts"]["succeeded_count"], self.ROWS - 1)
        for args, said in ((("amend", "first/trials/1", "--metric", "auc", "--reason", "x"), "--metric: .*NAME=NUMBER"),
                           (("amend", "first/trials/1", "--metric", "no=1", "--reason", "x"), "no.*is no metric"),
                           (("amend", "first/trials/1", "--metric", "auc=1"), "--reason is required"),
                           (("void", "first/trials/99", "--reason", "x"), "trials/99 does not exist"),
                           (("void", "first", "--reason", "x"), "TRIAL: .*experiments/abc-1/trials/7")):
            self.assertRegex(self.experiment(*args, code=2).err, said)

    def test_copies_and_changes(self):
        self.fill()
        clone = self.document("clone", "first", "--name", "second", "--budget", 50, "--copy-trials")
        self.assertEqual((clone["name"], clone["state"], clone["observation_budget"]),
                         ("experiments/second", "ACTIVE", 50))
        self.assertEqual(clone["trial_counts"]["succeeded_count"], self.ROWS)
        self.assertEqual(self.document("clone", "first")["trial_counts"]["succeeded_count"], 0)
        self.assertIn("trials that are copied",
                      self.experiment("clone", "first", "--budget", 2, "--copy-trials", code=2).err)

        changed = self.document("update", "second", "--budget", 60, "--parallel", 3, "--threshold", "auc=0.7")
        self.assertEqual((changed["observation_budget"], changed["parallel_bandwidth"]), (60, 3))
        self.assertEqual(changed["metrics"][0]["threshold"], 0.7)
        self.assertNotIn("threshold", self.document("update", "second", "--threshold", "auc=")["metrics"][0])
        self.assertIn("is no metric", self.experiment("update", "second", "--threshold", "no=1", code=2).err)
        self.assertIn("nothing to change", self.experiment("update", "second", code=2).err)

        self.experiment("archive", "second", code=1)  # it runs
        self.experiment("resume", "first")
        self.assertEqual(self.document("pause", "second")["state"], "PAUSED")
        self.assertEqual(self.document("stop", "second")["state"], "STOPPED")
        self.assertEqual(self.document("watch", "second")["state"], "STOPPED")
        self.experiment("archive", "second")
        self.assertNotIn("experiments/second", [e["name"] for e in self.document("list")])
        self.experiment("archive", "second", "--undo")
        self.assertIn("experiments/second", [e["name"] for e in self.document("list")])
        self.experiment("delete", "second")
        self.experiment("get", "second", code=2)

    def test_insights_say_what_moves_the_metric(self):
        self.fill()
        insights = self.document("insights", "first")
        self.assertEqual(insights["metric"], "auc")
        self.assertEqual(insights["observation_count"], self.ROWS)
        self.assertEqual(insights["importance"][0]["parameter"], "rate")
        text = self.experiment("insights", "first").out
        self.assertIn("What moves auc", text)
        self.assertNotRegex(text, r"\d\.\d{9}")  # numbers for people
        self.assertIn('metric: is "no"', self.experiment("insights", "first", "--metric", "no", code=2).err)
        self.experiment("import", self.empty, "--name", "few")
        self.assertRegex(self.experiment("insights", "few", code=1).err, r"experiments/few.* observations|at least 4")


if __name__ == "__main__":
    harness.main()
