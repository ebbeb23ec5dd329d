"""Nothing is lost: any process may be killed at any moment of a run."""

import json
import os
import signal
import time

import harness
from services import Services

BUDGET = 5
ROWS = 60000

# Where in a run the blow falls: a line that announces the stage, and a little later.
MOMENTS = {
    "encode": (r"\[1/4\] encode", 0.15),
    "tune": (r"\[3/4\] tune", 0.5),
    "mid_tune": (r"trial \d+ SUCCEEDED", 0.3),
    "deliver": (r"\[4/4\] deliver", 0.0),
}


class KillTestCase(harness.SdaTestCase):
    def run_arguments(self, clicks):
        return ["--data", clicks, "--label", "0", "--budget", BUDGET, "--parallel", 2, "--output", "json"]

    def finish(self, run):
        self.assertEqual(run.wait(), 0, run.err)
        report = json.loads(run.out)
        self.check_report(report, budget=BUDGET)
        return report


class KilledServiceUnderTheCommandLineTest(KillTestCase):
    """`sda run` starts what dies again, on its old port, and says so."""

    def kill_once(self, child, moment):
        clicks = self.clicks(ROWS)
        run = self.start(harness.SDA, "run", "--state", self.state, *self.run_arguments(clicks))
        pattern, delay = MOMENTS[moment]
        run.wait_for_line(pattern)
        time.sleep(delay)  # layering-allow: chooses the moment of the kill
        before = self.child_pid(child)
        os.kill(before, signal.SIGKILL)
        report = self.finish(run)
        self.assertRegex(run.err, rf"{child} was killed by signal 9")
        self.check_nothing_half_written()
        self.assertEqual(harness.processes_with(str(self.folder)), [])
        return report

    def test_worker_while_encoding(self):
        self.kill_once("worker-1", "encode")

    def test_worker_while_tuning(self):
        report = self.kill_once("worker-1", "tune")
        self.assertTrue(any(trial["attempts"] > 1 for trial in report["trials"]), report["trials"])

    def test_worker_between_trials(self):
        self.kill_once("worker-1", "mid_tune")

    def test_worker_while_delivering(self):
        self.kill_once("worker-1", "deliver")

    def test_optimizer_while_encoding(self):
        self.kill_once("optimizer", "encode")

    def test_optimizer_while_tuning(self):
        self.kill_once("optimizer", "tune")

    def test_optimizer_between_trials(self):
        self.kill_once("optimizer", "mid_tune")

    def test_optimizer_while_delivering(self):
        self.kill_once("optimizer", "deliver")

    def test_preprocessing_while_encoding(self):
        self.kill_once("preprocessing", "encode")

    def test_preprocessing_while_tuning(self):
        self.kill_once("preprocessing", "tune")

    def test_advisor_while_encoding(self):
        self.kill_once("advisor", "encode")

    def test_advisor_while_tuning(self):
        self.kill_once("advisor", "tune")

    def test_advisor_between_trials(self):
        self.kill_once("advisor", "mid_tune")

    def test_advisor_while_delivering(self):
        self.kill_once("advisor", "deliver")

    def test_every_service_one_after_the_other(self):
        clicks = self.clicks(ROWS)
        run = self.start(harness.SDA, "run", "--state", self.state, *self.run_arguments(clicks))
        run.wait_for_line(r"\[3/4\] tune")
        for child in ("worker-1", "optimizer", "advisor", "preprocessing"):
            time.sleep(0.4)  # layering-allow: chooses the moment of the kill
            os.kill(self.child_pid(child), signal.SIGKILL)
        self.finish(run)


class KilledServiceStartedByHandTest(KillTestCase):
    """Services that nobody supervises, started again on the same port after a while."""

    def setUp(self):
        super().setUp()
        self.services = Services(self.folder / "services")
        self.addCleanup(self.services.stop_all)
        self.services.start_all()

    def kill_once(self, name, moment):
        clicks = self.clicks(ROWS)
        run = self.start(harness.SDA, "run", "--advisor", self.services.address["advisor"], "--state", self.state,
                         *self.run_arguments(clicks))
        pattern, delay = MOMENTS[moment]
        run.wait_for_line(pattern)
        time.sleep(delay)  # layering-allow: chooses the moment of the kill
        self.services.kill(name)
        time.sleep(1)  # layering-allow: the service stays away for a while
        self.services.start(name)
        self.assertEqual(run.wait(), 0, run.err)
        report = json.loads(run.out)
        # Where artefacts lie is the services' affair here; all else is as ever.
        report["best"]["model"] = str(self.model_folder(report["best"]["model"]))
        self.check_report(report, budget=BUDGET)
        self.assertFalse(self.state.exists(), "a state folder was made although the advisor is elsewhere")

    def model_folder(self, uri):
        return self.services.folder / "artefacts" / uri

    def test_worker_while_tuning(self):
        self.kill_once("worker", "tune")

    def test_optimizer_while_tuning(self):
        self.kill_once("optimizer", "tune")

    def test_preprocessing_while_encoding(self):
        self.kill_once("preprocessing", "encode")

    def test_advisor_while_tuning(self):
        self.kill_once("advisor", "tune")

    def test_optimizer_while_delivering(self):
        self.kill_once("optimizer", "deliver")

    def test_worker_while_delivering(self):
        self.kill_once("worker", "deliver")


class KilledCommandLineTest(KillTestCase):
    """`sda run` itself is killed: nothing stays behind, and the run can be resumed."""

    def kill_and_resume(self, moment):
        clicks = self.clicks(ROWS)
        run = self.start(harness.SDA, "run", "--state", self.state, *self.run_arguments(clicks))
        name = run.wait_for_line(r"(runs/[a-z0-9-]+)").group(1)
        pattern, delay = MOMENTS[moment]
        run.wait_for_line(pattern)
        time.sleep(delay)  # layering-allow: chooses the moment of the kill
        run.kill()
        harness.eventually(lambda: not harness.processes_with(str(self.folder)), "no process is left behind", 15)
        resumed = self.start(harness.SDA, "run", "--state", self.state, "--resume", name, "--output", "json")
        report = self.finish(resumed)
        self.assertEqual(report["run"], name)
        self.check_nothing_half_written()

    def test_while_encoding(self):
        self.kill_and_resume("encode")

    def test_while_tuning(self):
        self.kill_and_resume("tune")

    def test_between_trials(self):
        self.kill_and_resume("mid_tune")

    def test_while_delivering(self):
        self.kill_and_resume("deliver")

    def test_killed_twice(self):
        clicks = self.clicks(ROWS)
        run = self.start(harness.SDA, "run", "--state", self.state, *self.run_arguments(clicks))
        name = run.wait_for_line(r"(runs/[a-z0-9-]+)").group(1)
        run.wait_for_line(r"\[3/4\] tune")
        run.kill()
        second = self.start(harness.SDA, "run", "--state", self.state, "--resume", name, "--output", "json")
        second.wait_for_line(r"trial \d+ SUCCEEDED")
        second.kill()
        third = self.start(harness.SDA, "run", "--state", self.state, "--resume", name, "--output", "json")
        self.finish(third)

    def test_killed_sda_local_leaves_nothing_behind(self):
        local, announcement = self.start_local()
        local.kill()
        harness.eventually(lambda: not harness.processes_with(str(self.folder)), "no process is left behind", 15)
        # The folder can be taken at once, stale announcement or not.
        again, fresh = self.start_local()
        self.assertNotEqual(fresh["pid"], announcement["pid"])
        self.assertEqual(again.stop(), 0, again.err)


if __name__ == "__main__":
    harness.main()
