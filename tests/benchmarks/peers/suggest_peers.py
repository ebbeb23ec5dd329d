"""Other optimisers on the problems of `sda-bench suggest`, for comparison.

    python3 -m venv /somewhere && /somewhere/bin/pip install optuna scipy torch botorch
    /somewhere/bin/python tests/benchmarks/peers/suggest_peers.py --bench build/release/bin/sda-bench \
        --peer optuna-gp --problem hartmann6 --seeds 20 --at 40,60

Peers: random, optuna-tpe, optuna-gp, optuna-gp-noisy (which learns the noise of values; the other takes them as exact),
botorch and sigopt, which needs an environment of its own (Python 3.10, for it wants NumPy 1.22: pip install sigopt
sigoptlite). The problem itself is evaluated by sda-bench, so that all optimise the same. Prints one line of JSON with the
fields that `sda-bench suggest --json` has.

Over night, for all of them, to be broken off and started again at will: with --log FILE every finished experiment is
appended to the file, and what the file has is not run again. results/suggest_PEER.jsonl are such files;
results/suggest_noise.jsonl holds the experiments with --noise. suggest_compare.py sets them beside sda-bench's own figures.

    for peer in optuna-tpe optuna-gp botorch sigopt; do for problem in $(sda-bench suggest --problem list); do
        suggest_peers.py --bench … --peer $peer --problem $problem --log peers.jsonl; done; done
"""

import argparse
import json
import math
import pathlib
import random
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

    def reset(self, seed):
        self._ask(f"reset {seed}")

    def evaluate(self, point):
        """The values of all metrics, and the quality of all points since the last reset."""
        answer = self._ask(json.dumps(point))
        return answer["values"], answer["quality"]

    def believed_best(self, values):
        """Of the points since the last reset, the one that a model takes to be the best where they measured `values`.
        The same model for every optimiser."""
        return self._ask(json.dumps(values))["believed"]

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

    def __init__(self, problem, seed, budget, kind, noisy=False):
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
            sampler = optuna.samplers.GPSampler(seed=seed, deterministic_objective=not noisy,
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
    """BoTorch with its defaults. Continuous parameters lie in the unit cube on their scale; whole numbers and grids are
    rounded, categories one-hot and rounded, inactive parameters at the middle of their range. One objective: noisy log
    expected improvement; two: its hypervolume form, with the thresholds as reference point; constraints as outcomes."""

    def __init__(self, problem, seed, budget):
        import torch
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self._torch = torch
        self._problem = problem
        self._x, self._y = [], []
        self._columns = []  # of each parameter
        width = 0
        for p in problem.parameters:
            count = len(p["categories"]) if "categories" in p else 1
            self._columns.append(range(width, width + count))
            width += count
        self._width = width
        count = 2 * (len(problem.parameters) + 1)
        self._initial = torch.quasirandom.SobolEngine(width, scramble=True, seed=seed).draw(count, dtype=torch.double)

    @staticmethod
    def _scaled(p, unit):
        low, high = p["double"] if "double" in p else p["int"]
        if p["scale"] == "log":
            return low * (high / low) ** unit
        if p["scale"] == "logit":
            a, b = math.log(low / (1 - low)), math.log(high / (1 - high))
            return 1 / (1 + math.exp(-(a + unit * (b - a))))
        return low + unit * (high - low)

    def _decode(self, unit):
        point = {}
        for p, columns in zip(self._problem.parameters, self._columns):
            if not self._problem.is_active(p, point):
                continue
            if "categories" in p:
                values = [float(unit[c]) for c in columns]
                point[p["name"]] = p["categories"][values.index(max(values))]
            elif "grid" in p:
                index = min(int(float(unit[columns[0]]) * len(p["grid"])), len(p["grid"]) - 1)
                point[p["name"]] = p["grid"][index]
            else:
                value = self._scaled(p, float(unit[columns[0]]))
                low, high = p["double"] if "double" in p else p["int"]
                value = min(max(value, low), high)
                point[p["name"]] = int(round(value)) if "int" in p else value
        return point

    def _settled(self, unit):
        """The place that the model is told: rounded as the point was."""
        point, unit = self._decode(unit), unit.clone()
        for p, columns in zip(self._problem.parameters, self._columns):
            if p["name"] not in point:
                for c in columns:
                    unit[c] = 0.5
            elif "categories" in p:
                for c, value in zip(columns, p["categories"]):
                    unit[c] = 1.0 if value == point[p["name"]] else 0.0
            elif "grid" in p:
                unit[columns[0]] = (p["grid"].index(point[p["name"]]) + 0.5) / len(p["grid"])
        return unit

    def suggest(self):
        unit = self._initial[len(self._x)] if len(self._x) < len(self._initial) else self._best()
        self._x.append(self._settled(unit))
        return self._decode(unit)

    def report(self, values):
        self._y.append(values)

    def _best(self):
        torch = self._torch
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
        from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
        from botorch.acquisition.objective import GenericMCObjective
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import ModelListGP, SingleTaskGP
        from botorch.models.transforms import Standardize
        from botorch.optim import optimize_acqf
        from botorch.sampling import SobolQMCNormalSampler
        from gpytorch.mlls import SumMarginalLogLikelihood
        x, y = torch.stack(self._x), -torch.tensor(self._y, dtype=torch.double)  # larger is better
        model = ModelListGP(*[SingleTaskGP(x, y[:, i:i + 1], outcome_transform=Standardize(1))
                              for i in range(y.shape[1])])
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        sampler = SobolQMCNormalSampler(sample_shape=torch.Size([128]), seed=len(self._x))
        constraints = [lambda values, i=i, m=m: -values[..., i] - m["threshold"]
                       for i, m in enumerate(self._problem.metrics) if m["constraint"]] or None
        count = len(self._problem.objectives)
        if count == 1:
            acquisition = qLogNoisyExpectedImprovement(
                model, x, sampler=sampler, constraints=constraints,
                objective=GenericMCObjective(lambda values, X=None: values[..., 0]))
        else:
            reference = [-m["threshold"] for m in self._problem.objectives]
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                model, reference, x, sampler=sampler, constraints=constraints, prune_baseline=True,
                objective=IdentityMCMultiOutputObjective(outcomes=list(range(count))))
        bounds = torch.stack([torch.zeros(self._width, dtype=torch.double),
                              torch.ones(self._width, dtype=torch.double)])
        found, _ = optimize_acqf(acquisition, bounds, q=1, num_restarts=8, raw_samples=256)
        return found[0].detach()


class SigOpt:
    """libsigopt as sigoptlite drives it, in this process: its own random start (twice the parameters and one), then models.
    It has logarithms for real parameters only, so whole numbers on that scale are real ones which are rounded. Conditions
    can name only categorical parameters without conditions of their own."""

    def __init__(self, problem, seed, budget):
        import numpy
        from sigopt import Connection
        from sigoptlite.driver import LocalDriver
        numpy.random.seed(seed)
        self._problem = problem
        parents = {c["parameter"] for p in problem.parameters for c in p["conditions"]}
        parameters, conditionals = [], []
        for p in problem.parameters:
            if p["name"] in parents:
                if "categories" not in p or p["conditions"]:
                    raise ValueError(f"sigopt has no conditions on a parameter such as {p['name']}")
                conditionals.append(dict(name=p["name"], values=p["categories"]))
                continue
            entry = dict(name=p["name"], type="double")
            if "categories" in p:
                entry.update(type="categorical", categorical_values=p["categories"])
            elif "grid" in p:
                entry["grid"] = p["grid"]
            else:
                low, high = p["double"] if "double" in p else p["int"]
                entry["bounds"] = dict(min=low, max=high)
                if p["scale"] == "log":
                    entry["transformation"] = "log"
                elif "int" in p:
                    entry["type"] = "int"
            if p["conditions"]:
                entry["conditions"] = {c["parameter"]: c["values"] for c in p["conditions"]}
            parameters.append(entry)
        metrics = []
        for m in problem.metrics:
            metrics.append(dict(name=m["name"], objective="minimize",
                                strategy="constraint" if m["constraint"] else "optimize"))
            if "threshold" in m and (m["constraint"] or len(problem.objectives) > 1):
                metrics[-1]["threshold"] = m["threshold"]
        connection = Connection(driver=LocalDriver)
        experiment = connection.experiments().create(
            name="peer", parameters=parameters, conditionals=conditionals, metrics=metrics, observation_budget=budget,
            parallel_bandwidth=1)
        self._experiment = connection.experiments(experiment.id)

    def suggest(self):
        self._point = dict(self._experiment.suggestions().create().assignments)
        for p in self._problem.parameters:
            if p["name"] in self._point and ("double" in p or "int" in p):
                low, high = p["double"] if "double" in p else p["int"]
                value = min(max(self._point[p["name"]], low), high)  # a power of ten may miss them by a rounding error
                self._point[p["name"]] = round(value) if "int" in p else value
        return self._point

    def report(self, values):
        self._experiment.observations().create(
            assignments=self._point,
            values=[dict(name=m["name"], value=v) for m, v in zip(self._problem.metrics, values)])


PEERS = {
    "random": Random,
    "optuna-tpe": lambda problem, seed, budget: Optuna(problem, seed, budget, "tpe"),
    "optuna-gp": lambda problem, seed, budget: Optuna(problem, seed, budget, "gp"),
    "optuna-gp-noisy": lambda problem, seed, budget: Optuna(problem, seed, budget, "gp", noisy=True),
    "botorch": BoTorch,
    "sigopt": SigOpt,
}


def finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rounded(value):
    """Seven digits: what a log needs."""
    return value if value is None else float(f"{value:.7g}")


def run_experiment(problem, peer, budget, noise, seed):
    """Where the quality changed, as [trials, quality] (none without an allowed trial), and what suggestions took. With
    noise, also what the trial of the best observed value and the one that a model believes in are truly worth."""
    problem.reset(seed)
    rng = random.Random(seed)
    steps, milliseconds, cpu_milliseconds, truths, observed = [], [], [], [], []
    for trial in range(1, budget + 1):
        start, cpu_start = time.monotonic(), time.process_time()
        point = peer.suggest()
        cpu_milliseconds.append(1e3 * (time.process_time() - cpu_start))
        milliseconds.append(1e3 * (time.monotonic() - start))
        values, quality = problem.evaluate(point)
        truths.append(values[0])
        if noise > 0:
            values = [value + noise * rng.gauss(0, 1) for value in values]
        observed.append(values[0])
        peer.report(values)
        if quality is not None and (not steps or quality != steps[-1][1]):
            steps.append([trial, quality])
    milliseconds.sort()
    cpu_milliseconds.sort()
    at = int(0.99 * (budget - 1))
    extra = {}
    if noise > 0:
        extra = dict(noise=noise, chosen=rounded(truths[observed.index(min(observed))]),
                     believed=rounded(truths[problem.believed_best(observed)]))
    return dict(**extra, steps=[[trial, rounded(quality)] for trial, quality in steps],
                ms_p50=rounded(statistics.median(milliseconds)), ms_p99=rounded(milliseconds[at]),
                cpu_ms_p50=rounded(statistics.median(cpu_milliseconds)), cpu_ms_p99=rounded(cpu_milliseconds[at]))


def quality_after(steps, trials, hypervolume):
    """The quality that an experiment had after so many trials."""
    quality = 0.0 if hypervolume else math.inf
    for trial, value in steps:
        if trial <= trials:
            quality = value
    return quality


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bench", required=True, help="the program sda-bench")
    parser.add_argument("--peer", required=True, choices=sorted(PEERS))
    parser.add_argument("--problem", required=True)
    parser.add_argument("--budget", type=int, default=0, help="trials; 0: the problem's own")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0, help="standard deviation of what is added to each value")
    parser.add_argument("--log", help="file of finished experiments, read and appended to")
    parser.add_argument("--at", default="", help="also report medians after so many trials")
    options = parser.parse_args()

    problem = Problem(options.bench, options.problem)
    budget = options.budget or problem.description["budget"]
    finished = {}
    if options.log and pathlib.Path(options.log).exists():
        for line in pathlib.Path(options.log).read_text().splitlines():
            entry = json.loads(line)
            finished[entry["peer"], entry["problem"], entry["budget"], entry["seed"], entry.get("noise", 0)] = entry
    entries = []
    began = time.monotonic()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        entry = finished.get((options.peer, options.problem, budget, seed, options.noise))
        if entry is None:
            entry = dict(peer=options.peer, problem=options.problem, budget=budget, seed=seed,
                         **run_experiment(problem, PEERS[options.peer](problem, seed, budget), budget, options.noise,
                                        seed))
            if options.log:
                with open(options.log, "a", encoding="utf-8") as log:
                    log.write(json.dumps(entry) + "\n")
        entries.append(entry)

    hypervolume = len(problem.objectives) > 1
    optimum = problem.description.get("optimum")
    finals = [quality_after(entry["steps"], budget, hypervolume) for entry in entries]
    report = dict(area="suggest", seconds=time.monotonic() - began, problem=options.problem, budget=budget,
                  seeds=options.seeds, algorithm=options.peer,
                  metric="hypervolume" if hypervolume else "best_value", median=statistics.median(finals),
                  low=min(finals), high=max(finals), values=finals)
    if optimum is not None:
        report.update(optimum=optimum, median_regret=abs(statistics.median(finals) - optimum))
    if options.noise > 0:
        report.update(median_of_chosen=statistics.median(entry["chosen"] for entry in entries),
                      median_of_believed=statistics.median(entry["believed"] for entry in entries))
    if options.at:
        offset = 0 if hypervolume or optimum is None else optimum
        report["median_at"] = {
            at: finite(statistics.median(quality_after(e["steps"], int(at), hypervolume) for e in entries) - offset)
            for at in options.at.split(",")}
    # Of the experiments' medians the median, of their slow ones the slowest.
    report.update(suggest_ms_p50=statistics.median(entry["ms_p50"] for entry in entries),
                  suggest_ms_p99=max(entry["ms_p99"] for entry in entries),
                  suggest_cpu_ms_p50=statistics.median(entry["cpu_ms_p50"] for entry in entries))
    # JSON has no infinity, which stands for experiments without an allowed point.
    report["values"] = [finite(v) for v in finals]
    print(json.dumps({key: finite(value) for key, value in report.items()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
