"""Sets the searches of sda-bench beside other optimisers' on the same problems.

    for problem in …; do
        sda-bench suggest --problem $problem --seeds 20 --log ours.jsonl
        sda-bench suggest --problem $problem --seeds 20 --algorithm random --log ours.jsonl; done
    python3 tests/benchmarks/peers/suggest_compare.py --bench build/release/bin/sda-bench \
        ours.jsonl tests/benchmarks/peers/results/*.jsonl

The logs are those of `sda-bench suggest --log` and of suggest_peers.py. For each problem the best peer is the one of the
best median. The rule: our median (as regret, floored at a thousandth of random search's) is at least as good on three
quarters of the problems, and on none it is significantly worse (Mann-Whitney, corrected by Holm, p < 0.05) with a
median regret above 1.5 times the best peer's or a hypervolume short of it by over 2 %. Ends with 1 where it is broken.

Where no optimum is known the best value of all logs stands for it. A budget that the logs do not share is cut to the
shorter one.
"""

import argparse
import collections
import json
import math
import statistics
import subprocess
import sys


def describe(bench, problem):
    served = subprocess.run([bench, "suggest", "--problem", problem, "--serve"], input="", text=True,
                            capture_output=True, check=True)
    return json.loads(served.stdout.splitlines()[0])


def quality_after(entry, trials, hypervolume):
    quality = 0.0 if hypervolume else math.inf
    for trial, value in entry["steps"]:
        if trial <= trials:
            quality = value
    return quality


def worse_probability(ours, theirs):
    """The one-sided p of the Mann-Whitney test that ours are larger: normal approximation, corrected for ties."""
    pooled = sorted(ours + theirs)
    ranks = {}
    ties, i = 0, 0
    while i < len(pooled):
        j = i
        while j < len(pooled) and pooled[j] == pooled[i]:
            j += 1
        ranks[pooled[i]] = 0.5 * (i + 1 + j)
        ties += (j - i) ** 3 - (j - i)
        i = j
    n, m = len(ours), len(theirs)
    u = sum(ranks[value] for value in ours) - n * (n + 1) / 2
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    return 0.5 * math.erfc((u - n * m / 2 - 0.5) / math.sqrt(2 * variance))


def holm(probabilities):
    """Adjusted probabilities, in the given order."""
    order = sorted(range(len(probabilities)), key=lambda i: probabilities[i])
    adjusted, largest = [0.0] * len(order), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * probabilities[i]))
        adjusted[i] = largest
    return adjusted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bench", required=True, help="the program sda-bench")
    parser.add_argument("--at", type=int, default=0, help="compare after so many trials; 0: all")
    parser.add_argument("logs", nargs="+")
    options = parser.parse_args()

    found = collections.defaultdict(lambda: collections.defaultdict(dict))  # problem, optimiser, seed
    for path in options.logs:
        with open(path, encoding="utf-8") as log:
            for line in log:
                entry = json.loads(line)
                if entry.get("noise"):
                    continue  # what such a search is worth is not in its steps
                found[entry["problem"]][entry["peer"]][entry["seed"]] = entry

    rows = []
    for problem, by_peer in found.items():
        peers = [p for p in by_peer if p not in ("sda", "random")]
        if "sda" not in by_peer or not peers:
            continue
        description = describe(options.bench, problem)
        hypervolume = sum(not m["constraint"] for m in description["metrics"]) > 1
        budget = min(entry["budget"] for one in by_peer.values() for entry in one.values())
        budget = min(budget, options.at) if options.at else budget
        quality = {p: [quality_after(e, budget, hypervolume) for e in one.values()] for p, one in by_peer.items()}
        if hypervolume:
            losses = {p: [-value for value in values] for p, values in quality.items()}
            floor = -math.inf
        else:
            optimum = description.get("optimum", min(min(values) for values in quality.values()))
            losses = {p: [value - optimum for value in values] for p, values in quality.items()}
            floor = 1e-3 * statistics.median(losses["random"]) if "random" in losses else 0.0
        losses = {p: [max(value, floor) for value in values] for p, values in losses.items()}
        median = {p: statistics.median(values) for p, values in losses.items()}
        best = min(peers, key=lambda p: median[p])
        milliseconds = {p: statistics.median(e["cpu_ms_p50"] for e in one.values()) for p, one in by_peer.items()}
        rows.append(dict(
            problem=problem, budget=budget, seeds=len(losses["sda"]), best=best, best_seeds=len(losses[best]),
            hypervolume=hypervolume, ours=median["sda"], theirs=median[best], median=median,
            p=worse_probability(losses["sda"], losses[best]), milliseconds=milliseconds))

    sign = {True: -1, False: 1}
    adjusted = holm([row["p"] for row in rows])
    peers = sorted({p for row in rows for p in row["median"] if p != "sda"})
    print("| problem | trials | sda | " + " | ".join(peers) + " | worse: p | ms: sda | " + " | ".join(peers) + " |")
    print("|" + "---|" * (5 + 2 * len(peers)))
    good, broken = 0, []
    for row, p in zip(rows, adjusted):
        good += row["ours"] <= row["theirs"]
        limit = -0.98 * -row["theirs"] if row["hypervolume"] else 1.5 * row["theirs"]
        if p < 0.05 and row["ours"] > limit:
            broken.append(row["problem"])
        cell = {q: f"{sign[row['hypervolume']] * m:.4g}" for q, m in row["median"].items()}
        cost = {q: f"{m:.3g}" for q, m in row["milliseconds"].items()}
        print(f"| {row['problem']}{' (hypervolume)' if row['hypervolume'] else ''} | {row['budget']} | {cell['sda']} | "
              + " | ".join(cell.get(q, "-") for q in peers) + f" | {p:.3f} | {cost['sda']} | "
              + " | ".join(cost.get(q, "-") for q in peers) + " |")
    print(f"\nAt least as good as the best peer on {good} of {len(rows)}; significantly worse by more than the rule "
          f"allows on: {', '.join(broken) or 'none'}.")
    return 0 if not broken and 4 * good >= 3 * len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
