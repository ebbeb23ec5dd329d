"""Runs the main job on real click logs and prints the winner's test AUC for split seeds 1 to 5, and the mean.

    python3 tests/integration/real_data.py [--data FOLDER] [--bin FOLDER] [--seeds 1,2,3,4,5] [NAME…]

NAME is tencent, adult or criteo; all three without. Each has the AUC that a mean over five seeds must reach.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

CASES = {
    "tencent": {
        "target": 0.67,
        "arguments": lambda d: ["--data", d / "tencent_click_small" / "Click_prediction_small.csv", "--label", "click",
                                "--split", "fraction=0.2"],
    },
    "adult": {
        "target": 0.90,
        "arguments": lambda d: ["--data", d / "adult" / "adult.data", "--test", d / "adult" / "adult.test",
                                "--label", "14", "--positive", ">50K,>50K."],
    },
    "criteo": {
        "target": 0.74,
        "arguments": lambda d: ["--data", d / "criteo_kaggle_dac" / "criteo_kaggle_all.tsv", "--label", "0", "--split",
                                "fraction=0.2"],
    },
}


def run(sda, data, name, seed, budget=8, parallel=2, say=True):
    """The report of one run over a fresh state folder."""
    with tempfile.TemporaryDirectory(prefix="sda-real-") as folder:
        command = [sda, "run", *CASES[name]["arguments"](data), "--budget", budget, "--parallel", parallel, "--seed",
                   seed, "--state", f"{folder}/state", "--output", "json"]
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=False,
                              stderr=None if say else subprocess.PIPE)
        if done.returncode != 0:
            raise RuntimeError(f"{name}, seed {seed}: exit code {done.returncode}\n{done.stderr or ''}")
        return json.loads(done.stdout)


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CASES), metavar="NAME")
    parser.add_argument("--data", default=os.environ.get("SDA_TEST_DATA", here.parent / "shared" / "data"))
    parser.add_argument("--bin", default=os.environ.get("SDA_BIN", here / "build" / "release" / "bin"))
    parser.add_argument("--seeds", default="1,2,3,4,5")
    options = parser.parse_args()
    reached = True
    for name in options.names:
        values = []
        for seed in options.seeds.split(","):
            report = run(pathlib.Path(options.bin) / "sda", pathlib.Path(options.data), name, seed, say=False)
            metrics = report["best"]["metrics"]
            values.append(metrics["test_auc"])
            print(f"{name} seed {seed}: test_auc {metrics['test_auc']:.4f}, validation auc {metrics['auc']:.4f}, "
                  f"{report['seconds']:.0f} s", flush=True)
        mean = sum(values) / len(values)
        target = CASES[name]["target"]
        reached = reached and mean >= target
        print(f"{name}: mean test_auc {mean:.4f} over {len(values)} seeds, target {target:.2f}: "
              f"{'reached' if mean >= target else 'NOT REACHED'}", flush=True)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
