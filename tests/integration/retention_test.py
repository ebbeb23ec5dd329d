"""Of an experiment the best models stay on the disk, and nothing that only a running trial needs."""

import json
import time

import harness
from services import Services

KEPT = 2
BUDGET = 5


class RetentionTest(harness.SdaTestCase):
    def setUp(self):
        super().setUp()
        self.services = Services(self.state, slots=1)
        self.services.arguments["worker"] += ["--keep-models", str(KEPT)]
        self.services.start_all()

    def tearDown(self):
        self.services.stop_all()
        super().tearDown()

    def trials_folder(self, report):
        return self.state / "artefacts" / report["experiment"] / "trials"

    def models(self, report):
        """The trials whose models lie there, by number."""
        return {path.parts[-3] for path in self.trials_folder(report).glob("*/attempt-*/model")}

    def leftovers(self, report):
        found = self.trials_folder(report).glob("*/attempt-*/*")
        return [str(path) for path in found if path.name != "model"]

    def expect_only_the_best(self, report):
        succeeded = [t for t in report["trials"] if t["state"] == "SUCCEEDED"]
        succeeded.sort(key=lambda t: -t["metrics"]["auc"])
        best = {t["trial"].split("/")[-1] for t in succeeded[:KEPT]}
        # The last trial is looked after when the run may already have ended.
        harness.eventually(lambda: self.models(report) == best and not self.leftovers(report),
                           f"models of {best}, not of {self.models(report)}; left: {self.leftovers(report)}")
        self.assertIn(report["best"]["trial"].split("/")[-1], best)
        delivered = self.state / "artefacts" / report["best"]["model"]
        self.assertTrue((delivered / "weights.bin").exists(), delivered)

    def start_run(self):
        return self.start(harness.SDA, "run", "--advisor", self.services.address["advisor"], "--data",
                          self.clicks(20000), "--label", "0", "--goal", "maximize auc", "--budget", BUDGET,
                          "--output", "json")

    def finish(self, run):
        self.assertEqual(run.wait(), 0, run.err)
        return json.loads(run.out)

    def test_worker_killed_between_trials_and_after_the_last(self):
        run = self.start_run()
        run.wait_for_line(r"trial \d+ SUCCEEDED")
        time.sleep(0.2)  # layering-allow: chooses the moment of the kill
        self.services.kill("worker")
        harness.eventually(self.services.start("worker"), "the worker is back")
        report = self.finish(run)
        self.expect_only_the_best(report)

        # As a worker leaves it that dies before it has freed the disk.
        self.services.kill("worker")
        trials = self.trials_folder(report)
        removed = next(n for n in sorted(p.name for p in trials.iterdir()) if n not in self.models(report))
        (trials / removed / "attempt-1").mkdir(exist_ok=True)
        (trials / removed / "attempt-1" / "checkpoint-7.ckpt").write_bytes(b"x" * 100)
        (trials / removed / "attempt-1" / "model.tmp.removed.1").mkdir()
        (trials / removed / "attempt-1" / "model").mkdir()
        harness.eventually(self.services.start("worker"), "the worker is back")
        self.expect_only_the_best(report)
        log = (self.state / "worker.log").read_text()
        self.assertIn("model removed: not among the best", log)


if __name__ == "__main__":
    harness.main()
