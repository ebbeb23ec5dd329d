"""What the end-to-end tests share: running the real programs, watching them, writing reports.

Only Python's standard library is used. The programs are those of the build that CTest runs in (environment SDA_BIN);
every test works in a folder of its own, whose path no other process has on its command line.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree as ElementTree

BIN = pathlib.Path(os.environ.get("SDA_BIN", "build/release/bin")).resolve()
SDA = str(BIN / "sda")

# The machine may be busy with other things; nothing takes this long that is not stuck.
PATIENCE = 240.0

COUNTED = {"SUCCEEDED", "STOPPED", "INFEASIBLE"}


def eventually(condition, what, timeout=PATIENCE):
    """Waits until `condition` returns something true, and returns it."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what}")
        time.sleep(0.02)


def processes_with(text):
    """Ids of the processes that have `text` on their command line, this one apart."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if text.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def free_ports(count):
    """Loopback ports outside the range the system gives to outgoing connections."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports, port = [], 20000 + os.getpid() * 7 % (low - 21000)
    while len(ports) < count:
        port = port + 1 if port + 1 < low else 20000
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
    return ports


class Command:
    """A running program; its standard error is read line by line while it runs."""

    def __init__(self, *args, cwd=None, env=None):
        self.args = [str(a) for a in args]
        self.process = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, cwd=cwd,
                                        env={**os.environ, **(env or {})})
        self.lines = []
        self.out = ""
        self._readers = [threading.Thread(target=self._read_errors), threading.Thread(target=self._read_output)]
        for reader in self._readers:
            reader.start()

    def _read_errors(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def _read_output(self):
        self.out = self.process.stdout.read()

    @property
    def err(self):
        return "\n".join(self.lines)

    def wait_for_line(self, pattern, timeout=PATIENCE):
        """The first line of standard error that matches; fails when the program ends without it."""

        def look():
            for line in list(self.lines):
                match = re.search(pattern, line)
                if match:
                    return match
            if self.process.poll() is not None:
                self._join()
                raise AssertionError(f"{' '.join(self.args)} ended with {self.process.returncode} before "
                                     f"/{pattern}/ was seen:\n{self.err}")
            return None

        return eventually(look, f"/{pattern}/ in the output of {self.args[:2]}:\n{self.err}", timeout)

    def wait(self, timeout=PATIENCE):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{' '.join(self.args)} did not end within {timeout:.0f} s:\n{self.err}") from None
        self._join()
        return self.process.returncode

    def _join(self):
        for reader in self._readers:
            reader.join()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._join()

    def stop(self, timeout=60.0):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)


class SdaTestCase(unittest.TestCase):
    """A test with a folder of its own, in which nothing survives it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sda-it-"))
        self.state = self.folder / "state"
        self.commands = []

    def tearDown(self):
        for command in self.commands:
            command.kill()
        for pid in processes_with(str(self.folder)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._failed() and os.environ.get("SDA_KEEP_FAILED"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _failed(self):
        return any(error for _, error in getattr(self._outcome, "errors", []))

    def start(self, *args, **kwargs):
        command = Command(*args, **kwargs)
        self.commands.append(command)
        return command

    def sda(self, *args, timeout=PATIENCE, **kwargs):
        """Runs `sda` to its end."""
        command = self.start(SDA, *args, **kwargs)
        command.wait(timeout)
        return command

    def sda_json(self, *args, **kwargs):
        """Runs `sda … --output json`, expects success, returns the document."""
        command = self.sda(*args, "--output", "json", **kwargs)
        self.assertEqual(command.process.returncode, 0, command.err)
        return json.loads(command.out)

    def clicks(self, rows, seed=1, name="clicks.tsv"):
        """A made-up click log in Criteo's layout."""
        path = self.folder / name
        made = self.sda("datagen", "criteo", "--rows", rows, "--seed", seed, "--output", path)
        self.assertEqual(made.process.returncode, 0, made.err)
        return path

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def start_local(self, *args):
        """A suite by `sda local`; its announcement is returned too."""
        local = self.start(SDA, "local", "--state", self.state, *args)
        announcement = self.state / "local.json"

        def ready():
            if local.process.poll() is not None:
                local.wait()
                raise AssertionError(f"sda local ended:\n{local.err}")
            # An earlier suite that was killed leaves its announcement; the file is replaced by rename.
            return announcement.exists() and json.loads(announcement.read_text())["pid"] == local.process.pid

        eventually(ready, "the suite announces itself")
        return local, json.loads(announcement.read_text())

    def child_pid(self, name, state=None):
        """The process id of a child of the suite over a state folder, once it has one."""

        def look():
            with contextlib.suppress(OSError, ValueError):
                return json.loads(((state or self.state) / "local.json").read_text())["children"][name]["pid"]
            return 0

        return eventually(look, f"{name} runs")

    def check_report(self, report, budget, state="SUCCEEDED"):
        """A finished run as the contract has it, every trial counted once."""
        self.assertEqual(report["state"], state, report.get("reason"))
        self.assertTrue(report["run"].startswith("runs/"))
        self.assertTrue(report["dataset"].startswith("datasets/"))
        self.assertTrue(report["recipe"].startswith("recipes/"))
        self.assertTrue(report["experiment"].startswith("experiments/"))
        self.assertIsInstance(report["goal_met"], bool)
        self.assertIsInstance(report["reason"], str)
        self.assertGreater(report["seconds"], 0)
        trials = report["trials"]
        names = [trial["trial"] for trial in trials]
        self.assertEqual(len(set(names)), len(names), "a trial is listed twice")
        counted = [trial for trial in trials if trial["state"] in COUNTED]
        self.assertEqual(len(counted), budget, f"states: {[trial['state'] for trial in trials]}")
        points = [json.dumps(trial["parameters"], sort_keys=True) for trial in counted]
        self.assertEqual(len(set(points)), len(points), "a point was tried twice")
        for trial in counted:
            self.assertGreaterEqual(trial["attempts"], 1)
            if trial["state"] == "SUCCEEDED":
                for metric in ("auc", "logloss", "train_seconds"):
                    self.assertIsInstance(trial["metrics"][metric], float, trial)
        best = report["best"]
        self.assertIn(best["trial"], names)
        for metric in ("auc", "logloss", "train_seconds", "test_auc", "test_logloss"):
            self.assertIsInstance(best["metrics"][metric], float, best)
        self.assertTrue(best["parameters"])
        self.assertTrue(pathlib.Path(best["model"]).is_dir(), best["model"])
        for point in report["pareto"]:
            self.assertIn(point["trial"], names)
            self.assertTrue(point["metrics"])

    def check_nothing_half_written(self, state=None):
        """Every dataset and model folder is whole; no temporary files lie about."""
        artefacts = (state or self.state) / "artefacts"
        for dataset in (artefacts / "datasets").glob("*"):
            parts = [p for p in dataset.rglob("*") if p.is_file() and "jobs" not in p.relative_to(dataset).parts]
            if parts:
                self.assertTrue((dataset / "manifest.json").exists(), f"no manifest beside {parts[:5]}")
        for model in (artefacts / "models").glob("*"):
            self.assertTrue((model / "model.json").exists(), f"{model} has no model.json")
        left = [p for p in artefacts.rglob("*") if p.is_file() and re.search(r"\.tmp|\.partial|~$", p.name)]
        self.assertEqual(left, [])


def data_folder():
    """Where real data lies; skips the test where it does not."""
    folder = os.environ.get("SDA_TEST_DATA")
    if not folder or not pathlib.Path(folder).is_dir():
        raise unittest.SkipTest("SDA_TEST_DATA does not name a folder with real data")
    return pathlib.Path(folder)


class _Recorder(unittest.TextTestResult):
    """Keeps what the report needs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.records = []
        self._begin = 0.0

    def startTest(self, test):
        self._begin = time.monotonic()
        super().startTest(test)

    def _record(self, test, kind, text=""):
        self.records.append((test, kind, text, time.monotonic() - self._begin))

    def addSuccess(self, test):
        super().addSuccess(test)
        self._record(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._record(test, "failed", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self._record(test, "failed", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)


def _write_report(path, name, records):
    """The same form of XML that GoogleTest writes, so that both are counted alike."""
    failures = sum(kind == "failed" for _, kind, _, _ in records)
    skipped = sum(kind == "skipped" for _, kind, _, _ in records)
    counts = {"tests": str(len(records)), "failures": str(failures), "disabled": "0", "errors": "0"}
    root = ElementTree.Element("testsuites", name=name, **counts)
    suite = ElementTree.SubElement(root, "testsuite", name=name, skipped=str(skipped), **counts)
    for test, kind, text, seconds in records:
        case = ElementTree.SubElement(suite, "testcase", name=test.id().split(".")[-1], classname=name, status="run",
                                      result="skipped" if kind == "skipped" else "completed", time=f"{seconds:.3f}")
        if kind == "failed":
            ElementTree.SubElement(case, "failure", message=text.strip().splitlines()[-1]).text = text
        elif kind == "skipped":
            ElementTree.SubElement(case, "skipped", message=text)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def main():
    """Runs the tests of the calling script, all or those named; the report goes to $SDA_TEST_REPORTS."""
    script = pathlib.Path(sys.argv[0]).stem
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if len(sys.argv) > 1:
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=2, resultclass=_Recorder).run(suite)
    reports = os.environ.get("SDA_TEST_REPORTS")
    if reports:
        _write_report(pathlib.Path(reports) / f"{script}.xml", script, result.records)
    sys.exit(0 if result.wasSuccessful() else 1)
