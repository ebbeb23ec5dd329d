"""`sda-bench train` beside PyTorch, in turns, on the same machine at the same time.

    python3 -m venv /somewhere && /somewhere/bin/pip install torch numpy
    python3 tests/benchmarks/peers/train_peers.py --bench build/release/bin/sda-bench --python /somewhere/bin/python

For every configuration and number of threads: a turn each of PyTorch (eager fp32 and the other --modes), fp32 and
bf16, as many rounds as fit into --minutes, then one run that measures the ceilings. A line of JSON a case: samples a
second of the median step (median over the rounds, and the best), the ratio of fp32 to eager PyTorch and of bf16 to
the fastest of its modes, the share of `limit_samples_per_s`, of the rate of gathers and of memory, and what was
asked for. `cpu_*` compare processor time of the fastest step, which other
programs disturb least; PyTorch's counts all its threads, so that they are given for one thread only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

CONFIGS = ("kaggle", "kaggle128", "mlperf_small", "sc20_small")
# Asked for: times PyTorch's eager fp32 by threads, or LEAST_SHARE of the limit, whichever is lower.
LEAST_RATIO = {"kaggle": {1: 1.7, 2: 1.8, 16: 3.0}, "kaggle128": {1: 1.7, 2: 2.5, 16: 5.0},
               "mlperf_small": {1: 1.2, 2: 1.5, 16: 1.6}, "sc20_small": {1: 1.5, 2: 2.0, 16: 2.5}}
LEAST_SHARE = 0.8
# bf16 on a CPU with AMX: times the best of PyTorch's modes, or LEAST_SHARE of its limit, whichever is lower.
LEAST_AMX_RATIO = {"kaggle": {16: 4.0}, "kaggle128": {16: 5.0}, "mlperf_small": {16: 2.5}, "sc20_small": {16: 3.0}}
LEAST_BF16 = {"kaggle": 1.6, "mlperf_small": 1.6}
LEAST_GATHER = {"sc20_small": 0.8}
MEMORY_SHARE, MEMORY_BYTES = 0.15, 200_000_000  # beyond model and optimizer state, whichever is more


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="build/release/bin/sda-bench")
    parser.add_argument("--python", default=sys.executable, help="a Python that has torch")
    parser.add_argument("--peer", default="", help="another PyTorch script for eager, called as SCRIPT CONFIG THREADS STEPS")
    parser.add_argument("--configs", nargs="+", default=list(CONFIGS), choices=CONFIGS)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--modes", nargs="*", default=["bf16"], choices=["bf16", "compile", "compile_bf16"],
                        help="of PyTorch, beside eager; those that compile need half a minute a turn before they begin")
    parser.add_argument("--minutes", type=float, default=11, help="for everything")
    parser.add_argument("--rounds", type=int, default=5, help="at most so many turns")
    parser.add_argument("--seconds", type=float, default=2, help="of timed steps in a turn of sda-bench")
    return parser.parse_args()


def run(command):
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def torch_turn(option, config, threads, steps, mode="eager"):
    if option.peer and mode == "eager":
        return run([option.python, option.peer, config, str(threads), str(steps)])
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_train.py")
    return run([option.python, script, "--config", config, "--threads", str(threads), "--steps", str(steps), "--mode", mode])


def bench_turn(option, config, threads, precision, steps, ceilings=False):
    command = [option.bench, "train", "--config", config, "--threads", str(threads), "--precision", precision, "--json"]
    command += ["--steps", str(steps)]
    return run(command if ceilings else [*command, "--no-ceilings"])


def rate(turns):
    """Samples a second: of the median turn, and of the best."""
    rates = [turn["samples_per_s"] for turn in turns]
    return {"median": round(statistics.median(rates)), "best": round(max(rates))}


def least_processor_ms(turns):
    return min(turn["cpu_ms_per_step_best"] for turn in turns)


def fields_of(config, threads, torch, modes, fp32, bf16, ceilings):
    report = {"config": config, "threads": threads, "rounds": len(torch), "torch": rate(torch), "fp32": rate(fp32),
              "bf16": rate(bf16)}
    rates = {"eager": report["torch"], **{mode: rate(turns) for mode, turns in modes.items()}}
    fastest = max(rates, key=lambda mode: rates[mode]["median"])
    report["torch_modes"], report["torch_fastest"] = rates, fastest
    report["bf16_over_torch_fastest"] = round(report["bf16"]["median"] / rates[fastest]["median"], 2)
    report["ratio"] = {which: round(report["fp32"][which] / report["torch"][which], 2) for which in ("median", "best")}
    report["bf16_over_fp32"] = round(report["bf16"]["best"] / report["fp32"]["best"], 2)
    limit = ceilings["fp32"]["limit_samples_per_s"]
    report["limit_samples_per_s"] = round(limit)
    report["share_of_limit"] = {which: round(report["fp32"][which] / limit, 2) for which in ("median", "best")}
    report["bf16_limit_samples_per_s"] = round(ceilings["bf16"]["limit_samples_per_s"])
    report["bf16_share_of_limit"] = {which: round(report["bf16"][which] / ceilings["bf16"]["limit_samples_per_s"], 2)
                                     for which in ("median", "best")}
    report["amx"] = bf16[0]["isa_used"] == "amx"
    report["gains_from_bf16"] = bf16[0]["precision_used"] == "bf16"
    if threads == 1:
        report["cpu_share_of_limit"] = round(
            1e3 * fp32[0]["batch"] / least_processor_ms(fp32) / limit, 2)
        report["cpu_bf16_over_fp32"] = round(least_processor_ms(fp32) / least_processor_ms(bf16), 2)
        if all("cpu_ms_per_step_best" in turn for turn in torch):
            report["cpu_ratio"] = round(least_processor_ms(torch) / least_processor_ms(fp32), 2)
    for name in ("ceiling_gflops", "ceiling_gather_gb_per_s", "triad_gb_per_s"):
        report[name] = round(ceilings["fp32"][name], 1)
    report["share_of_gather"] = round(max(turn["best_gather_gb_per_s"] for turn in [*fp32, *bf16]) /
                                      ceilings["fp32"]["ceiling_gather_gb_per_s"], 2)
    model = fp32[0]["model_bytes"] + fp32[0]["optimizer_bytes"]
    extra = max(turn["peak_rss_bytes"] for turn in [*fp32, *bf16]) - model
    report["model_bytes"], report["memory_beyond_model_bytes"] = model, extra
    return report


def verdicts(report):
    """What was asked for, and whether it was reached."""
    config, threads = report["config"], report["threads"]
    asked = {}
    if threads in LEAST_RATIO[config]:
        needed = min(LEAST_RATIO[config][threads] * report["torch"]["median"], LEAST_SHARE * report["limit_samples_per_s"])
        asked["fp32_samples_per_s"] = {"asked": round(needed), "reached": report["fp32"]["median"] >= needed}
    if report["amx"] and threads in LEAST_AMX_RATIO[config]:
        needed = min(LEAST_AMX_RATIO[config][threads] * report["torch_modes"][report["torch_fastest"]]["median"],
                     LEAST_SHARE * report["bf16_limit_samples_per_s"])
        asked["bf16_samples_per_s"] = {"asked": round(needed), "reached": report["bf16"]["median"] >= needed}
    if report["gains_from_bf16"] and config in LEAST_BF16:
        asked["bf16_over_fp32"] = {"asked": LEAST_BF16[config], "reached": report["bf16_over_fp32"] >= LEAST_BF16[config]}
    if config in LEAST_GATHER:
        asked["share_of_gather"] = {"asked": LEAST_GATHER[config],
                                    "reached": report["share_of_gather"] >= LEAST_GATHER[config]}
    allowed = max(MEMORY_SHARE * report["model_bytes"], MEMORY_BYTES)
    asked["memory_beyond_model_bytes"] = {"asked": round(allowed),
                                          "reached": report["memory_beyond_model_bytes"] <= allowed}
    return asked


def main():
    option = options()
    cases = [(config, threads) for config in option.configs for threads in option.threads]
    end = time.monotonic() + 60 * option.minutes
    for number, (config, threads) in enumerate(cases):
        share_end = time.monotonic() + (end - time.monotonic()) / (len(cases) - number)
        ceilings = {precision: bench_turn(option, config, threads, precision, 20, ceilings=True)
                    for precision in ("fp32", "bf16")}
        step_seconds = ceilings["fp32"]["ms_per_step"] / 1e3
        steps = max(20, min(2000, int(option.seconds / step_seconds)))
        torch, fp32, bf16 = [], [], []
        modes = {mode: [] for mode in option.modes}
        round_seconds = 0
        while not torch or (len(torch) < option.rounds and time.monotonic() + round_seconds < share_end):
            begin = time.monotonic()
            torch.append(torch_turn(option, config, threads, max(10, steps // 3)))
            for mode, turns in modes.items():
                turns.append(torch_turn(option, config, threads, max(10, steps // 3), mode))
            fp32.append(bench_turn(option, config, threads, "fp32", steps))
            bf16.append(bench_turn(option, config, threads, "bf16", steps))
            round_seconds = time.monotonic() - begin
        report = fields_of(config, threads, torch, modes, fp32, bf16, ceilings)
        report["load"] = round(os.getloadavg()[0], 1)
        report["asked"] = verdicts(report)
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
