"""One split seed of each real click log reaches the quality that the mean over five must reach (real_data.py)."""

import unittest

import harness
import real_data


class RealDataTest(unittest.TestCase):
    def reach(self, name):
        report = real_data.run(harness.SDA, harness.data_folder(), name, seed=1)
        auc = report["best"]["metrics"]["test_auc"]
        print(f"{name}: test_auc {auc:.4f} in {report['seconds']:.0f} s")
        self.assertGreaterEqual(auc, real_data.CASES[name]["target"])
        self.assertEqual(len(report["trials"]), 8)

    def test_tencent_click_small(self):
        self.reach("tencent")

    def test_adult(self):
        self.reach("adult")

    def test_criteo_kaggle(self):
        self.reach("criteo")


if __name__ == "__main__":
    harness.main()
