"""Bad input is refused with a message that names the place, the documented exit code, and nothing left half-written."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess

import harness

GOOD_ROWS = "".join(f"{i % 2},{i % 7},{i % 3}.5,v{i % 11}\n" for i in range(400))
HEADER = "click,count,price,kind\n"


class BadLogTest(harness.SdaTestCase):
    """Through `sda run` with a suite of its own, as most people meet it."""

    def refuse(self, *args, expect, code=2):
        run = self.sda("run", "--state", self.state, "--budget", 2, *args, "--output", "json")
        self.assertEqual(run.process.returncode, code, run.err)
        for text in expect:
            self.assertIn(text, run.err)
        for jargon in ("INVALID_ARGUMENT", "NOT_FOUND", "grpc", "Status", "absl", "::"):
            self.assertNotIn(jargon, run.err)
        self.check_nothing_half_written()
        self.assertFalse(list((self.state / "artefacts" / "datasets").glob("*/manifest.json")))
        self.assertEqual(harness.processes_with(str(self.folder)), [])
        return run

    def test_missing_file(self):
        path = self.folder / "none.csv"
        self.refuse("--data", path, "--label", "click", expect=[str(path), "does not exist"])
        self.assertFalse(self.state.exists(), "nothing may be started for it")

    def test_empty_file(self):
        path = self.write("empty.csv", "")
        self.refuse("--data", path, "--label", "click", expect=[str(path), "empty"])

    def test_file_with_a_header_only(self):
        path = self.write("header.csv", HEADER)
        self.refuse("--data", path, "--label", "click", expect=[str(path)])

    def test_ragged_row(self):
        path = self.write("ragged.csv", HEADER + GOOD_ROWS + "1,2,3\n" + GOOD_ROWS)
        run = self.refuse("--data", path, "--label", "click", expect=[str(path), "402"])
        self.assertEqual(json.loads(run.out)["state"], "FAILED")

    def test_ragged_row_in_the_test_file(self):
        good = self.write("good.csv", HEADER + GOOD_ROWS)
        path = self.write("ragged_test.csv", HEADER + "1,2,3.5,a,b\n")
        self.refuse("--data", good, "--test", path, "--label", "click", expect=[str(path), "2"])

    def test_label_neither_0_nor_1(self):
        path = self.write("label.csv", HEADER + GOOD_ROWS + "yes,1,2.5,v1\n")
        self.refuse("--data", path, "--label", "click", expect=[str(path), "402", "click", "yes", "--positive"])

    def test_label_column_that_does_not_exist(self):
        path = self.write("clicks.csv", HEADER + GOOD_ROWS)
        self.refuse("--data", path, "--label", "clicked", expect=["--label", "clicked", "click"])

    def test_label_position_beyond_the_columns(self):
        path = self.write("clicks.csv", HEADER + GOOD_ROWS)
        self.refuse("--data", path, "--label", "9", expect=["--label", "9"])

    def test_schema_column_that_does_not_exist(self):
        path = self.write("clicks.csv", HEADER + GOOD_ROWS)
        schema = self.write("schema.yaml", "columns:\n  - {name: colour, role: categorical}\n")
        self.refuse("--data", path, "--label", "click", "--schema", schema, expect=["colour"])

    def test_schema_with_an_unknown_key(self):
        path = self.write("clicks.csv", HEADER + GOOD_ROWS)
        schema = self.write("schema.yaml", "columns:\n  - name: count\n    kind: dense\n")
        self.refuse("--data", path, "--label", "click", "--schema", schema, expect=[f"{schema}:3:5", "kind"])

    def test_split_column_that_does_not_exist(self):
        path = self.write("clicks.csv", HEADER + GOOD_ROWS)
        self.refuse("--data", path, "--label", "click", "--split", "hash:user", expect=["--split", "user"])

    def test_only_one_class(self):
        path = self.write("ones.csv", HEADER + "1,2,3.5,a\n" * 300)
        self.refuse("--data", path, "--label", "click", expect=["ones.csv"])


class BadOptionTest(harness.SdaTestCase):
    """Refused before anything is started."""

    def refuse(self, *args, expect):
        path = self.write("clicks.csv", HEADER + GOOD_ROWS)
        run = self.sda("run", "--state", self.state, "--data", path, "--label", "click", *args)
        self.assertEqual(run.process.returncode, 2, run.err)
        for text in expect:
            self.assertIn(text, run.err)
        self.assertEqual(run.out, "")
        self.assertFalse(self.state.exists())

    def test_budget_of_0(self):
        self.refuse("--budget", 0, expect=["--budget: '0' is not a whole number from 1 to 1000000"])

    def test_bad_goals(self):
        self.refuse("--budget", 2, "--goal", "auc>=nan", expect=["--goal", "nan"])
        self.refuse("--budget", 2, "--goal", "maximise profit", expect=["--goal", "profit", "auc"])

    def test_other_options(self):
        self.refuse("--budget", 2, "--parallel", 0, expect=["--parallel: '0'"])
        self.refuse("--budget", 2, "--output", "xml", expect=["--output: 'xml' is not one of table, json, yaml"])
        self.refuse("--budget", 2, "--split", "half", expect=["--split: 'half' is not"])
        self.refuse("--budget", 2, "--no-such-option", expect=["--no-such-option"])
        self.refuse("--budget", 2, "--threads-per-slot", 100000, expect=["--threads-per-slot"])


class BadRecipeTest(harness.SdaTestCase):
    """Recipes are checked with line, column, field and rule."""

    def setUp(self):
        super().setUp()
        self.start_local()
        clicks = self.write("clicks.csv", HEADER + GOOD_ROWS * 5)
        dataset = self.sda_json("dataset", "create", "--state", self.state, "--data", clicks, "--label", "click")
        recipe = self.sda("recipe", "create", "--state", self.state, "--dataset", dataset["name"], "--budget", 2)
        self.assertEqual(recipe.process.returncode, 0, recipe.err)
        self.good = recipe.out

    def refuse(self, yaml, expect):
        path = self.write("recipe.yaml", yaml)
        for command in (("recipe", "validate", path), ("recipe", "create", "--file", path), ("run", "--recipe", path)):
            done = self.sda(*command, "--state", self.state)
            self.assertEqual(done.process.returncode, 2, f"{command}: {done.out}{done.err}")
            for text in expect:
                self.assertIn(text, done.out + done.err)
            self.assertRegex(done.out + done.err, r"recipe\.yaml:\d+:\d+: ")

    def line_with(self, text):
        lines = self.good.splitlines()
        return next(i for i, line in enumerate(lines) if text in line)

    def test_the_written_one_is_good(self):
        path = self.write("recipe.yaml", self.good)
        self.assertEqual(self.sda("recipe", "validate", path, "--state", self.state).process.returncode, 0)

    def test_unknown_key(self):
        self.refuse(self.good + "colour: green\n", expect=["colour"])

    def test_inverted_range(self):
        lines = self.good.splitlines()
        at = self.line_with("min:")
        self.assertIn("min:", lines[at])
        inverted = self.good.replace(lines[at], lines[at].replace("min:", "mix:").replace("max:", "min:").replace(
            "mix:", "max:"), 1) if "max:" in lines[at] else None
        if inverted is None:
            low, high = lines[at], lines[at + 1]
            lines[at], lines[at + 1] = low.replace("min:", "max:"), high.replace("max:", "min:")
            inverted = "\n".join(lines) + "\n"
        self.refuse(inverted, expect=["min", "max"])

    def test_nan_bound(self):
        lines = self.good.splitlines()
        at = self.line_with("min:")
        head, tail = lines[at].split("min:", 1)
        value = tail.split(",")[0].split("}")[0]
        lines[at] = head + "min:" + tail.replace(value, " .nan", 1)
        self.refuse("\n".join(lines) + "\n", expect=["min"])

    def test_budget_of_0(self):
        lines = self.good.splitlines()
        at = self.line_with("trials:")  # of the section budget
        lines[at] = lines[at].split("trials:")[0] + "trials: 0"
        self.refuse("\n".join(lines) + "\n", expect=["budget"])

    def test_text_that_is_no_yaml(self):
        self.refuse("model: [\n", expect=["recipe.yaml"])


class FullDiskTest(harness.SdaTestCase):
    """The state folder lies on a file system that is too small."""

    def mount(self, size):
        self.state.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.state)],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"file systems cannot be mounted here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.state)], check=False)

    def test_while_encoding(self):
        clicks = self.clicks(200000)
        self.mount("20m")
        run = self.sda("run", "--state", self.state, "--data", clicks, "--label", "0", "--budget", 2, "--output", "json")
        self.assertEqual(run.process.returncode, 1, run.err)
        self.assertRegex(run.err, r"(?i)no space left|disk.*full|full.*disk")
        self.check_nothing_half_written()
        self.assertFalse(list((self.state / "artefacts" / "datasets").glob("*/manifest.json")))

    def test_while_starting(self):
        self.mount("64k")
        with contextlib.suppress(OSError):
            (self.state / "filler").write_bytes(b"x" * 65536)
        local = self.sda("local", "--state", self.state)
        self.assertEqual(local.process.returncode, 1, local.err)
        self.assertRegex(local.err, r"(?i)no space left|full")

    def test_datagen_leaves_no_file(self):
        self.mount("1m")
        path = self.state / "clicks.tsv"
        made = self.sda("datagen", "criteo", "--rows", 100000, "--output", path)
        self.assertEqual(made.process.returncode, 1, made.err)
        self.assertIn(str(path), made.err)
        self.assertEqual(list(self.state.iterdir()), [])


class PortInUseTest(harness.SdaTestCase):
    def test_every_server_names_the_port(self):
        with contextlib.closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            artefacts = str(self.folder / "artefacts")
            commands = {
                "sda-optimizer": ["--database", str(self.folder / "o.db")],
                "sda-preprocessing": ["--artefacts", artefacts],
                "sda-trainer-worker": ["--optimizer", "127.0.0.1:1", "--artefacts", artefacts],
                "sda-advisor": ["--database", str(self.folder / "a.db"), "--artefacts", artefacts, "--optimizer",
                                "127.0.0.1:1", "--preprocessing", "127.0.0.1:1", "--trainer", "127.0.0.1:1"],
            }
            for binary, args in commands.items():
                server = self.start(harness.BIN / binary, "--listen", address, *args)
                self.assertEqual(server.wait(60), 1, f"{binary}: {server.err}")
                last = server.err.strip().splitlines()[-1]
                self.assertIn(address, last, binary)
                self.assertRegex(last, r"in use", binary)

    def test_state_folder_in_use(self):
        local, _ = self.start_local()
        second = self.sda("local", "--state", self.state)
        self.assertEqual(second.process.returncode, 1)
        self.assertIn(f"in use by `sda local` (process {local.process.pid})", second.err)


if __name__ == "__main__":
    harness.main()
