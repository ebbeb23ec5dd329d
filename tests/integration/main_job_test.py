"""The main job on made-up clicks, end to end: a click log and a goal in, a trained model out."""

import json
import pathlib
import signal

import harness


class MainJobTest(harness.SdaTestCase):
    def test_log_and_goal_in_model_out(self):
        clicks = self.clicks(20000)
        run = self.sda("run", "--state", self.state, "--data", clicks, "--label", "0", "--budget", 4, "--parallel", 2,
                       "--goal", "auc>=0.6", "--output", "json")
        self.assertEqual(run.process.returncode, 0, run.err)
        report = json.loads(run.out)
        self.check_report(report, budget=4)
        self.assertTrue(report["goal_met"])
        self.assertGreater(report["best"]["metrics"]["auc"], 0.6)
        self.check_nothing_half_written()
        self.assertEqual(harness.processes_with(str(self.folder)), [])
        self.assertFalse((self.state / "local.json").exists())

    def test_unmet_goal_delivers_the_nearest_trial_with_exit_code_3(self):
        clicks = self.clicks(5000)
        run = self.sda("run", "--state", self.state, "--data", clicks, "--label", "0", "--budget", 2, "--goal",
                       "auc>=0.999", "--output", "json")
        self.assertEqual(run.process.returncode, 3, run.err)
        report = json.loads(run.out)
        self.check_report(report, budget=2)
        self.assertFalse(report["goal_met"])
        self.assertEqual(report["pareto"], [])

    def test_table_shows_trials_best_and_model(self):
        clicks = self.clicks(5000)
        run = self.sda("run", "--state", self.state, "--data", clicks, "--label", "label", "--budget", 2)
        self.assertEqual(run.process.returncode, 0, run.err)
        self.assertRegex(run.out, r"trial +state +attempts +auc")
        self.assertRegex(run.out, r"best: trial \d")
        self.assertRegex(run.out, r"test_auc +0\.\d+")
        model = pathlib.Path(run.out.rsplit("model: ", 1)[1].strip())
        self.assertTrue((model / "model.json").exists(), model)
        # Standard error tells the story in plain lines.
        self.assertRegex(run.err, r"\[1/4\] encode")
        self.assertRegex(run.err, r"trial 1 SUCCEEDED: auc 0\.\d+")
        self.assertNotIn("\x1b", run.err)

    def test_same_seed_same_trials(self):
        clicks = self.clicks(5000)
        reports = []
        for name in ("one", "two"):
            run = self.sda("run", "--state", self.folder / name, "--data", clicks, "--label", "0", "--budget", 3,
                           "--seed", 7, "--threads-per-slot", 1, "--output", "json")
            self.assertEqual(run.process.returncode, 0, run.err)
            reports.append(json.loads(run.out))
        pick = [[(t["parameters"], t["metrics"]["auc"]) for t in report["trials"]] for report in reports]
        self.assertEqual(pick[0], pick[1])
        self.assertEqual(reports[0]["best"]["metrics"]["test_auc"], reports[1]["best"]["metrics"]["test_auc"])

    def test_a_running_suite_is_used_and_survives(self):
        clicks = self.clicks(5000)
        local, announcement = self.start_local()
        run = self.sda("run", "--state", self.state, "--data", clicks, "--label", "0", "--budget", 2, "--output", "json")
        self.assertEqual(run.process.returncode, 0, run.err)
        report = json.loads(run.out)
        self.check_report(report, budget=2)
        by_address = self.sda("run", "--advisor", announcement["services"]["advisor"]["address"], "--data", clicks,
                              "--label", "0", "--budget", 1, "--output", "json", cwd=self.folder)
        self.assertEqual(by_address.process.returncode, 0, by_address.err)
        self.assertEqual(len(json.loads(by_address.out)["trials"]), 1)
        self.assertIsNone(local.process.poll())
        self.assertEqual(local.stop(), 0, local.err)
        self.assertEqual(harness.processes_with(str(self.folder)), [])

    def test_interrupt_keeps_the_run_for_resume(self):
        clicks = self.clicks(20000)
        run = self.start(harness.SDA, "run", "--state", self.state, "--data", clicks, "--label", "0", "--budget", 4,
                         "--parallel", 2, "--output", "json")
        name = run.wait_for_line(r"(runs/[a-z0-9-]+)").group(1)
        run.wait_for_line(r"\[3/4\] tune")
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(), 130, run.err)
        self.assertEqual(run.out, "")
        self.assertIn(f"--resume {name}", run.lines[-1])
        self.assertEqual(harness.processes_with(str(self.folder)), [])
        report = self.sda_json("run", "--state", self.state, "--resume", name)
        self.check_report(report, budget=4)
        self.assertEqual(report["run"], name)
        # Finished is finished: once more is the same report, and nothing is trained.
        again = self.sda_json("run", "--state", self.state, "--resume", name)
        self.assertEqual(again["trials"], report["trials"])


if __name__ == "__main__":
    harness.main()
