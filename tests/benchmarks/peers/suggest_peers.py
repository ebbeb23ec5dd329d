"""Other optimisers on the problems of `sda-bench suggest`, for comparison.

    python3 -m venv /somewhere && /somewhere/bin/pip install optuna scipy torch botorch
    /somewhere/bin/python tests/benchmarks/peers/suggest_peers.py --bench build/release/bin/sda-bench \
        --peer optuna-gp --problem hartmann6 --seeds 20 --at 40,60

Peers: random, optuna-tpe, optuna-gp and botorch. The problem itself is evaluated by sda-bench, so that all
optimise the same. Prints one line of JSON with the fields that `sda-bench suggest --json` has.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
import warnings

warnings.filterwarnings("ignore")


class Problem:
    """A problem served by sda-bench: its description, and evaluation of one point at a time."""

    def __init__(self, bench, name):
        self._process = subprocess.Popen([bench, "suggest", "--problem", name, "--serve"], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.description = self._answer()
        self.parameters = self.description["parameters"]
        self.metrics = self.description["metrics"]
        self.objectives = [m for m in self.metrics if not m["constraint"]]
        self.constraints = [m for m in self.metrics if m["constraint"]]

    def _answer(self):
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def _ask(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def reset(self):
        self._ask("reset")

    def evaluate(self, point):
        """The values of all metrics, and the quality of all points since the last reset."""
        answer = self._ask(json.dumps(point))
        return answer["values"], answer["quality"]

    def is_active(self, parameter, point):
        return all(point.get(c["parameter"]) in c["values"] for c in parameter["conditions"])

    def excess(self, values):
        """How far each constraint is broken; at most 0 where it is kept."""
        return [v - m["threshold"] for v, m in zip(values, self.metrics) if m["constraint"]]


class Random:
    def __init__(self, problem, seed, budget):
        self._problem = problem
        self._study = Optuna(problem, seed, budget, "random")

    def suggest(self):
        return self._study.suggest()

    def report(self, values):
        self._study.report(values)


class Optuna:
    """Samplers of Optuna, as they come; constraints by `constraints_func`."""

    def __init__(self, problem, seed, budget, kind):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        constraints = None
        if problem.constraints:
            def constraints(trial):
                return trial.user_attrs["excess"]
        if kind == "random":
            sampler = optuna.samplers.RandomSampler(seed=seed)
        elif kind == "tpe":
            sampler = optuna.samplers.TPESampler(seed=seed, constraints_func=constraints)
        else:
            sampler = optuna.samplers.GPSampler(seed=seed, deterministic_objective=True,
                                                constraints_func=constraints)
        self._problem = problem
        self._study = optuna.create_study(sampler=sampler, directions=["minimize"] * len(problem.objectives))

    def suggest(self):
        self._trial = self._study.ask()
        point = {}
        for p in self._problem.parameters:
            if not self._problem.is_active(p, point):
                continue
            name = p["name"]
            if "double" in p:
                # Optuna has no logit scale; what comes nearest is linear.
                point[name] = self._trial.suggest_float(name, *p["double"], log=p["scale"] == "log")
            elif "int" in p:
                point[name] = self._trial.suggest_int(name, *p["int"], log=p["scale"] == "log")
            else:
                point[name] = self._trial.suggest_categorical(name, p.get("grid") or p["categories"])
        return point

    def report(self, values):
        self._trial.set_user_attr("excess", self._problem.excess(values))
        self._study.tell(self._trial, values[:len(self._problem.objectives)])


class BoTorch:
    """Gaussian processes and log expected improvement of BoTorch, constraints included,, over a unit cube."""

    def __init__(self, problem, seed, budget):
        import torch
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        for p in problem.parameters:
            if "double" not in p or p["scale"] != "linear" or p["conditions"]:
                raise SystemExit("botorch: only problems over a box")
        if len(problem.objectives) > 1:
            raise SystemExit("botorch: only one objective")
        self._torch = torch
        self._problem = problem
        self._x, self._y = [], []
        d = len(problem.parameters)
        count = max(5, d + 1)
        self._initial = torch.quasirandom.SobolEngine(d, scramble=True, seed=seed).draw(
            count, dtype=torch.double)

    def suggest(self):
        unit = self._initial[len(self._x)] if len(self._x) < len(self._initial) else self._best()
        self._x.append(unit)
        return {p["name"]: p["double"][0] + float(u) * (p["double"][1] - p["double"][0])
                for p, u in zip(self._problem.parameters, unit)}

    def report(self, values):
        self._y.append(values)

    def _best(self):
        torch = self._torch
        from botorch.acquisition.analytic import (LogConstrainedExpectedImprovement, LogExpectedImprovement)
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelListGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import SumMarginalLogLikelihood
        x, y = torch.stack(self._x), torch.tensor(self._y, dtype=torch.double)
        model = ModelListGP(*[SingleTaskGP(x, y[:, i:i + 1], outcome_transform=Standardize(1))
                              for i in range(y.shape[1])])
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        limits = {i: (None, m["threshold"]) for i, m in enumerate(self._problem.metrics) if m["constraint"]}
        keeps = torch.ones(len(y), dtype=torch.bool)
        for i, (_, most) in limits.items():
            keeps &= y[:, i] <= most
        best = y[keeps, 0].min() if keeps.any() else y[:, 0].max()
        if limits:
            acquisition = LogConstrainedExpectedImprovement(model, best, objective_index=0, constraints=limits,
                                                            maximize=False)
        else:
            acquisition = LogExpectedImprovement(model.models[0], best, maximize=False)
        d = x.shape[1]
        bounds = torch.stack([torch.zeros(d, dtype=torch.double), torch.ones(d, dtype=torch.double)])
        found, _ = optimize_acqf(acquisition, bounds, q=1, num_restarts=10, raw_samples=512)
        return found[0].detach()


PEERS = {
    "random": Random,
    "optuna-tpe": lambda problem, seed, budget: Optuna(problem, seed, budget, "tpe"),
    "optuna-gp": lambda problem, seed, budget: Optuna(problem, seed, budget, "gp"),
    "botorch": BoTorch,
}


def finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bench", required=True, help="the program sda-bench")
    parser.add_argument("--peer", required=True, choices=sorted(PEERS))
    parser.add_argument("--problem", required=True)
    parser.add_argument("--budget", type=int, default=0, help="trials; 0: the problem's own")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--at", default="", help="also report medians after so many trials")
    options = parser.parse_args()

    problem = Problem(options.bench, options.problem)
    budget = options.budget or problem.description["budget"]
    finals, curves, milliseconds, cpu_milliseconds = [], [], [], []
    began = time.monotonic()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        problem.reset()
        peer = PEERS[options.peer](problem, seed, budget)
        curve = []
        for _ in range(budget):
            start, cpu_start = time.monotonic(), time.process_time()
            point = peer.suggest()
            cpu_milliseconds.append(1e3 * (time.process_time() - cpu_start))
            milliseconds.append(1e3 * (time.monotonic() - start))
            values, quality = problem.evaluate(point)
            peer.report(values)
            curve.append(float("inf") if quality is None else quality)
        curves.append(curve)
        finals.append(curve[-1])

    hypervolume = len(problem.objectives) > 1
    optimum = problem.description.get("optimum")
    report = dict(area="suggest", seconds=time.monotonic() - began, problem=options.problem, budget=budget,
                  seeds=options.seeds, algorithm=options.peer,
                  metric="hypervolume" if hypervolume else "best_value", median=statistics.median(finals),
                  low=min(finals), high=max(finals), values=finals)
    if optimum is not None:
        report.update(optimum=optimum, median_regret=abs(statistics.median(finals) - optimum))
    if options.at:
        offset = 0 if hypervolume or optimum is None else optimum
        report["median_at"] = {at: finite(statistics.median(c[int(at) - 1] for c in curves) - offset)
                               for at in options.at.split(",")}
    milliseconds.sort()
    report.update(suggest_ms_p50=statistics.median(milliseconds),
                  suggest_ms_p99=milliseconds[int(0.99 * (len(milliseconds) - 1))],
                  suggest_cpu_ms_p50=statistics.median(cpu_milliseconds))
    # JSON has no infinity, which stands for experiments without an allowed point.
    report["values"] = [finite(v) for v in finals]
    print(json.dumps({key: finite(value) for key, value in report.items()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
