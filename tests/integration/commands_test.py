"""The other commands of `sda`, against one suite."""

import json
import re

import harness


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


if __name__ == "__main__":
    harness.main()
