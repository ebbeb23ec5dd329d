#include "tests/benchmarks/bench_suggest.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/strings/numbers.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <nlohmann/json.hpp>

#include "common/base/cpu_time.h"
#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/bayesian_suggester.h"
#include "services/optimizer/core/bayes/believed_best.h"
#include "services/optimizer/core/bayes/front.h"
#include "services/optimizer/core/suggester.h"
#include "tests/benchmarks/bench_report.h"
#include "tests/benchmarks/suggest_problems.h"
#include "tests/benchmarks/suggest_serve.h"

namespace sda::bench {
namespace {

using namespace optimizer;  // NOLINT: the engine under test
using Clock = std::chrono::steady_clock;
using State = ObservedTrial::State;

struct Options {
  std::string problem = "branin";
  int budget = 0;
  int seeds = 20;
  int parallel = 1;
  int observations = 0;
  int dims = 0;
  int timed = 30;
  double deadline_ms = 0;  // 0: none
  std::string algorithm = "bayesian";
  double fail_rate = 0;
  bool fail_half = false;
  double noise = 0;
  bool no_thresholds = false;
  bool goal = false;
  bool tell_noise = false;
  uint64_t first_seed = 1;
  std::vector<int> at;
  bayes::BayesianOptions engine;
  std::string log;
  std::optional<double> reach;
  bool serve = false;
  bool json = false;
};

const std::map<std::string, Algorithm> kAlgorithms = {{"bayesian", Algorithm::kBayesian},
                                                      {"sobol", Algorithm::kSobol},
                                                      {"random", Algorithm::kRandom},
                                                      {"parzen", Algorithm::kParzen},
                                                      {"grid", Algorithm::kGrid}};

double Median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
}

// Time this thread has computed, without what neighbours took.
double ThreadMilliseconds() {
  return 1e3 * ThreadSeconds();
}

// One experiment: trials as the engine sees them and what they are truly worth.
class Experiment {
 public:
  Experiment(const Problem& problem, const Options& options, uint64_t seed)
      : problem_(problem),
        options_(options),
        metrics_(problem.metrics),
        evaluate_(problem.of_seed ? problem.of_seed(seed) : problem.evaluate),
        rng_(seed, 7),
        suggester_(options.algorithm == "bayesian"
                       ? std::make_unique<bayes::BayesianSuggester>(options.engine)
                       : MakeSuggester(kAlgorithms.at(options.algorithm))),
        state_{.space = problem.space, .metrics = metrics_, .trials = {}, .seed = seed} {
    for (Metric& metric : metrics_) {
      const bool last = &metric == &metrics_[static_cast<size_t>(problem.objectives()) - 1];
      if (metric.strategy == Strategy::kOptimize && (options.no_thresholds || (options.goal && last)))
        metric.threshold.reset();
      if (options.noise > 0 && options.tell_noise) metric.noise_stddev = options.noise;
    }
  }

  void Run(int budget) {
    for (int done = 0, begun = 0; done < budget;) {
      if (begun < budget && begun - done < options_.parallel) {
        Begin();
        ++begun;
        continue;
      }
      End();
      ++done;
      curve.push_back(QualityOf(problem_, points_));
    }
  }

  // Times suggestions once `count` trials have ended, each with one more.
  void Time(int count, int timed) {
    const auto sobol = MakeSuggester(Algorithm::kSobol);
    state_.is_taken = [this](const Assignments& point) { return seen_.contains(PointKey(point)); };
    while (static_cast<int>(state_.trials.size()) < count) {
      Add(*sobol->Suggest(state_));
      End();
    }
    state_.is_taken = {};
    for (int i = 0; i < timed + 3; ++i) {
      if (i == 3) milliseconds.clear();
      if (i == 3) cpu_milliseconds.clear();
      Begin();
      End();
    }
  }

  // True value of the trial that a model takes to be the best.
  double Believed() const {
    const auto best = bayes::BelievedBest(state_);
    return best ? evaluate_(state_.trials[*best].assignments)[0] : std::numeric_limits<double>::quiet_NaN();
  }

  std::vector<double> milliseconds, cpu_milliseconds;  // of suggestions
  std::vector<double> curve;                           // quality after each ended trial
  int duplicates = 0, violations = 0, cut = 0;
  int first_feasible = 0;  // ended trials until one kept the constraints; 0: none
  double chosen = std::numeric_limits<double>::quiet_NaN();  // true value of the best observed trial
  // Best value of the last objective among trials in which the others meet their thresholds.
  double at_target = std::numeric_limits<double>::infinity();

 private:
  void Begin() {
    const auto began = Clock::now();
    const double cpu_began = ThreadMilliseconds();
    if (options_.deadline_ms > 0) state_.deadline = absl::Now() + absl::Milliseconds(options_.deadline_ms);
    const auto suggestion = suggester_->Suggest(state_);
    const double cpu_took = ThreadMilliseconds() - cpu_began;
    const double took = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
    if (!suggestion) {
      std::cerr << "no suggestion\n";
      std::quick_exit(1);
    }
    cut += suggestion->deadline_cut;
    // The first points of a Bayesian search cost nothing and would flatter it.
    if (suggestion->source == Suggestion::Source::kBayesian || options_.algorithm != "bayesian") {
      milliseconds.push_back(took);
      cpu_milliseconds.push_back(cpu_took);
    }
    Add(*suggestion);
  }

  void Add(const Suggestion& suggestion) {
    violations += !CheckAssignments(problem_.space, suggestion.assignments, "").empty();
    duplicates += !seen_.insert(PointKey(suggestion.assignments)).second;
    state_.suggestions += suggestion.suggestions_used;
    state_.trials.push_back({.assignments = suggestion.assignments});
    open_.push_back(state_.trials.size() - 1);
  }

  void End() {
    const size_t which = options_.parallel == 1 ? 0 : rng_.Below(open_.size());
    ObservedTrial& trial = state_.trials[open_[which]];
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
    ++ended_;
    bool fails = rng_.Uniform() < options_.fail_rate;
    if (options_.fail_half) {
      const Parameter& first = problem_.space.parameters[0];
      const auto& range = std::get<DoubleRange>(first.domain);
      fails = fails || std::get<double>(trial.assignments.at(first.name)) > 0.5 * (range.min + range.max);
    }
    if (fails) {
      trial.state = State::kInfeasible;
      return;
    }
    const std::vector<double> values = evaluate_(trial.assignments);
    trial.state = State::kSucceeded;
    bool keeps = true;
    for (size_t m = 0; m < metrics_.size(); ++m) {
      trial.metrics[metrics_[m].name] = values[m] + options_.noise * (options_.noise > 0 ? rng_.Normal() : 0);
      if (metrics_[m].strategy == Strategy::kConstraint) keeps = keeps && values[m] <= *metrics_[m].threshold;
    }
    if (!keeps) return;
    if (first_feasible == 0) first_feasible = ended_;
    points_.emplace_back(values.begin(), values.begin() + problem_.objectives());
    bool meets = true;
    for (size_t m = 0; m + 1 < points_.back().size(); ++m)
      meets = meets &&
              values[m] <= problem_.metrics[m].threshold.value_or(std::numeric_limits<double>::infinity());
    if (meets) at_target = std::min(at_target, points_.back().back());
    if (trial.metrics[metrics_[0].name] < best_observed_) {
      best_observed_ = trial.metrics[metrics_[0].name];
      chosen = values[0];
    }
  }

  const Problem& problem_;
  const Options& options_;
  std::vector<Metric> metrics_;
  const std::function<std::vector<double>(const Assignments&)> evaluate_;
  Rng rng_;
  const std::unique_ptr<Suggester> suggester_;
  SearchState state_;
  std::vector<size_t> open_;
  std::set<std::string> seen_;
  std::vector<bayes::Objectives> points_;  // of trials that keep the constraints
  int ended_ = 0;
  double best_observed_ = std::numeric_limits<double>::infinity();
};

// One experiment as a line of JSON, as peers/suggest_peers.py writes its own.
void AppendLog(const Options& options, const Problem& problem, int budget, uint64_t seed,
               const Experiment& experiment) {
  nlohmann::ordered_json line;
  line["peer"] = options.algorithm == "bayesian" ? "sda" : options.algorithm;
  line["problem"] = problem.name;
  line["budget"] = budget;
  line["seed"] = seed;
  line["steps"] = nlohmann::ordered_json::array();
  double before = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < experiment.curve.size(); ++i) {
    if (!std::isfinite(experiment.curve[i]) || experiment.curve[i] == before) continue;
    before = experiment.curve[i];
    double rounded = 0;
    if (!absl::SimpleAtod(absl::StrFormat("%.7g", before), &rounded)) rounded = before;
    line["steps"].push_back({i + 1, rounded});
  }
  line["ms_p50"] = Median(experiment.milliseconds);
  line["ms_p99"] = Percentile(experiment.milliseconds, 0.99);
  line["cpu_ms_p50"] = Median(experiment.cpu_milliseconds);
  line["cpu_ms_p99"] = Percentile(experiment.cpu_milliseconds, 0.99);
  std::ofstream(options.log, std::ios::app) << line.dump() << "\n";
}

void Run(const Problem& problem, const Options& options) {
  const auto began = Clock::now();
  const int budget = options.budget > 0 ? options.budget : problem.default_budget;
  const bool only_time = options.observations > 0;
  std::vector<double> finals, milliseconds, cpu_milliseconds, firsts, chosen, believed, at_target;
  std::vector<std::vector<double>> curves;
  int duplicates = 0, violations = 0, cut = 0;
  const int seeds = only_time ? 1 : options.seeds;
  for (int s = 0; s < seeds; ++s) {
    Experiment experiment(problem, options, options.first_seed + static_cast<uint64_t>(s));
    if (only_time) {
      experiment.Time(options.observations, options.timed);
    } else {
      experiment.Run(budget);
      finals.push_back(experiment.curve.back());
      curves.push_back(experiment.curve);
      firsts.push_back(experiment.first_feasible > 0 ? experiment.first_feasible : budget + 1);
      if (options.noise > 0 && problem.objectives() == 1) {
        chosen.push_back(experiment.chosen);
        believed.push_back(experiment.Believed());
      }
      at_target.push_back(experiment.at_target);
      if (!options.log.empty())
        AppendLog(options, problem, budget, options.first_seed + static_cast<uint64_t>(s), experiment);
    }
    milliseconds.insert(milliseconds.end(), experiment.milliseconds.begin(), experiment.milliseconds.end());
    cpu_milliseconds.insert(cpu_milliseconds.end(), experiment.cpu_milliseconds.begin(),
                            experiment.cpu_milliseconds.end());
    duplicates += experiment.duplicates;
    violations += experiment.violations;
    cut += experiment.cut;
  }
  auto report = BeginReport("suggest", 1, std::chrono::duration<double>(Clock::now() - began).count());
  const bool hypervolume = problem.objectives() > 1;
  report["problem"] = problem.name;
  report["budget"] = only_time ? options.observations : budget;
  report["seeds"] = seeds;
  report["algorithm"] = options.algorithm;
  report["parallel"] = options.parallel;
  report["noise"] = options.noise;
  report["fail_rate"] = options.fail_rate;
  report["metric"] = hypervolume ? "hypervolume" : "best_value";
  if (!only_time) {
    report["median"] = Median(finals);
    report["low"] = *std::min_element(finals.begin(), finals.end());
    report["high"] = *std::max_element(finals.begin(), finals.end());
    report["values"] = finals;
    if (problem.optimum) {
      report["optimum"] = *problem.optimum;
      report["median_regret"] = std::abs(Median(finals) - *problem.optimum);
    }
    if (hypervolume && std::isfinite(Median(at_target))) report["median_at_target"] = Median(at_target);
    if (!chosen.empty()) {
      report["median_of_chosen"] = Median(chosen);
      report["median_of_believed"] = Median(believed);
      report["mean_of_chosen"] =
          std::accumulate(chosen.begin(), chosen.end(), 0.0) / static_cast<double>(chosen.size());
      report["mean_of_believed"] =
          std::accumulate(believed.begin(), believed.end(), 0.0) / static_cast<double>(believed.size());
    }
    if (problem.metrics.size() > static_cast<size_t>(problem.objectives()))
      report["first_feasible_median"] = Median(firsts);
    for (const int at : options.at) {
      std::vector<double> values;
      for (const auto& curve : curves)
        values.push_back(curve[static_cast<size_t>(std::clamp(at, 1, budget) - 1)]);
      const double median = Median(values);
      report["median_at"][std::to_string(at)] =
          !hypervolume && problem.optimum ? median - *problem.optimum : median;
    }
  }
  if (options.reach && !only_time) {
    // Those that never get there count as one more than the budget.
    std::vector<double> reached;
    for (const auto& curve : curves) {
      const auto there = std::find_if(curve.begin(), curve.end(), [&](double quality) {
        return hypervolume ? quality >= *options.reach : quality <= *options.reach;
      });
      reached.push_back(static_cast<double>(there - curve.begin() + 1));
    }
    report["trials_to_reach_median"] = Median(reached);
  }
  report["suggest_ms_p50"] = Median(milliseconds);
  report["suggest_ms_p99"] = Percentile(milliseconds, 0.99);
  report["suggest_cpu_ms_p50"] = Median(cpu_milliseconds);
  report["suggest_cpu_ms_p99"] = Percentile(cpu_milliseconds, 0.99);
  if (options.deadline_ms > 0) report["deadline_cuts"] = cut;
  report["duplicates"] = duplicates;
  report["violations"] = violations;
  PrintReport(report, options.json);
}

// A way to model a metric from WARP:PRIOR[:KERNEL[:V]]; nothing where it is none.
std::optional<bayes::ModelKind> ParseKind(const std::string& text) {
  static const auto* const kWarps =
      new std::map<std::string, bayes::Warp::Kind>({{"linear", bayes::Warp::Kind::kLinear},
                                                    {"rank", bayes::Warp::Kind::kHalfRank},
                                                    {"log", bayes::Warp::Kind::kLog},
                                                    {"magnitude", bayes::Warp::Kind::kMagnitude},
                                                    {"limit", bayes::Warp::Kind::kAroundLimit},
                                                    {"median", bayes::Warp::Kind::kAroundMedian}});
  static const auto* const kPriors =
      new std::map<std::string, bayes::HyperPrior>({{"scaled", bayes::HyperPrior::kDimensionScaled},
                                                    {"free", bayes::HyperPrior::kDimensionScaledFree},
                                                    {"wide", bayes::HyperPrior::kWide}});
  static const auto* const kKernels = new std::map<std::string, std::pair<bayes::Kernel, bayes::Structure>>(
      {{"matern", {bayes::Kernel::kMatern52, bayes::Structure::kJoint}},
       {"smooth", {bayes::Kernel::kSquaredExponential, bayes::Structure::kJoint}},
       {"sum", {bayes::Kernel::kMatern52, bayes::Structure::kAdditive}}});
  std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() < 2 || parts.size() > 4) return std::nullopt;
  if (parts.size() == 2) parts.emplace_back("matern");
  const auto warp = kWarps->find(parts[0]);
  const auto prior = kPriors->find(parts[1]);
  const auto kernel = kKernels->find(parts[2]);
  double variance = bayes::kMeanVariance;
  if (warp == kWarps->end() || prior == kPriors->end() || kernel == kKernels->end()) return std::nullopt;
  if (parts.size() == 4 && (!absl::SimpleAtod(parts[3], &variance) || !(variance >= 0))) return std::nullopt;
  return bayes::ModelKind{warp->second, prior->second, variance, kernel->second.first, kernel->second.second};
}

// Replaces `kinds` where any are named; false, with a message, where one is no way to model.
bool ParseKinds(const std::vector<std::string>& names, std::vector<bayes::ModelKind>& kinds) {
  if (!names.empty()) kinds.clear();
  for (const std::string& name : names) {
    const auto parsed = ParseKind(name);
    if (!parsed) {
      std::cerr << "sda-bench suggest: " << name << " is no way to model; must be WARP:PRIOR[:KERNEL[:V]]\n";
      return false;
    }
    kinds.push_back(*parsed);
  }
  return true;
}

}  // namespace

int BenchSuggest(int argc, char** argv) {
  Options options;
  CLI::App app("Quality and cost of suggestions on known problems", "sda-bench suggest");
  app.add_option("--problem", options.problem, "name of a problem; \"list\" prints all");
  app.add_option("--budget", options.budget, "trials of an experiment; 0: the problem's own")
      ->check(CLI::Range(0, 100000));
  app.add_option("--seeds", options.seeds, "experiments")->check(CLI::Range(1, 10000));
  app.add_option("--first-seed", options.first_seed, "seed of the first experiment");
  app.add_option("--parallel", options.parallel, "trials that run at a time")->check(CLI::Range(1, 1000));
  app.add_option("--algorithm", options.algorithm, "bayesian, sobol, random, grid or parzen")
      ->check(CLI::IsMember({"bayesian", "sobol", "random", "grid", "parzen"}));
  app.add_option("--fail-rate", options.fail_rate, "share of trials that end infeasible at random")
      ->check(CLI::Range(0.0, 0.95));
  app.add_flag("--fail-half", options.fail_half,
               "trials in the upper half of the first parameter end infeasible");
  app.add_option("--noise", options.noise, "standard deviation of what is added to each value")
      ->check(CLI::Range(0.0, 1e9));
  app.add_flag("--tell-noise", options.tell_noise, "the engine is told the noise");
  app.add_flag("--no-thresholds", options.no_thresholds,
               "the engine is not told the thresholds of objectives");
  app.add_flag(
      "--goal", options.goal,
      "the last objective has no threshold: as little of it as possible where the others meet theirs");
  app.add_option("--goal-share", options.engine.goal_share, "suggestions that look for that alone");
  app.add_option("--goal-optimism-share", options.engine.goal_optimism_share,
                 "of those, the ones that take the thresholds to be easier");
  app.add_option("--goal-optimism", options.engine.goal_optimism, "by so many deviations");
  app.add_option("--observations", options.observations, "only time suggestions with so many finished trials")
      ->check(CLI::Range(0, 100000));
  app.add_option("--dims", options.dims, "dimensions of ackley, levy, rastrigin, rosenbrock, styblinski")
      ->check(CLI::Range(0, 100));
  app.add_option("--timed", options.timed, "suggestions timed with --observations")
      ->check(CLI::Range(1, 10000));
  app.add_option("--deadline-ms", options.deadline_ms,
                 "milliseconds in which each suggestion has to be at hand; 0: as long as it takes")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--at", options.at, "also report medians after so many trials")->delimiter(',');
  std::vector<std::string> kinds;
  app.add_option("--kinds", kinds,
                 "ways to model a lone objective, as WARP:PRIOR[:KERNEL[:V]] (linear, rank, log, magnitude, "
                 "limit, median : scaled, "
                 "free, wide : matern, smooth or sum, a Matérn kernel for each parameter : prior variance of "
                 "the mean)")
      ->delimiter(',');
  std::vector<std::string> magnitude_kinds, front_kinds, constraint_kinds;
  app.add_option("--magnitude-kinds", magnitude_kinds, "the same for a time or a size within limits")
      ->delimiter(',');
  app.add_option("--front-kinds", front_kinds, "the same for several objectives")->delimiter(',');
  app.add_option("--constraint-kinds", constraint_kinds, "the same for constraints")->delimiter(',');
  app.add_option("--optimism-share", options.engine.optimism_share,
                 "share of suggestions that take constraints to be easier");
  app.add_option("--optimism", options.engine.optimism, "by so many deviations");
  app.add_option("--temper", options.engine.temper, "how strongly evidence chooses between them");
  app.add_option("--initial-factor", options.engine.initial_factor, "size of the initial design");
  app.add_option("--explore-share", options.engine.explore_share,
                 "share of exploring suggestions while stagnating");
  app.add_option("--explore-shrink", options.engine.explore_shrink, "least factor of their length scales");
  app.add_option("--explore-low", options.engine.explore_low, "least gain sought, from");
  app.add_option("--explore-high", options.engine.explore_high, "least gain sought, to");
  app.add_option("--explore-margin", options.engine.explore_margin, "how far they stay from the ends");
  app.add_option("--niche-share", options.engine.niche_share,
                 "share of suggestions around another good trial while stagnating");
  app.add_option("--line-share", options.engine.line_share,
                 "of the others, those that look along one axis through the best trial");
  app.add_option("--settled", options.engine.settled,
                 "expected gain around the best trial below which other valleys are searched");
  app.add_option("--called-back", options.engine.called_back, "and above which that ends");
  app.add_option("--polish-share", options.engine.polish_share,
                 "suggestions that then go on around the best trial");
  app.add_option("--settled-niche-share", options.engine.settled_niche_share,
                 "of the others, those that do so");
  app.add_option("--promising", options.engine.promising,
                 "part of what was gained by which those may be worse");
  app.add_option("--exhausted", options.engine.exhausted,
                 "expected gain on the best trial of another valley below which that is left alone");
  app.add_option("--valley-trials", options.engine.valley_trials,
                 "trials a dimension until a valley loses its turn");
  app.add_option("--stagnation", options.engine.stagnation, "gain that counts as none");
  app.add_option("--noisy", options.engine.noisy, "deviation of noise from which true values are drawn");
  app.add_option("--noise-draws", options.engine.noise_draws, "so many times");
  app.add_option("--fantasies", options.engine.fantasies, "draws of the values of pending trials");
  app.add_option("--raw-points", options.engine.raw_points, "points of the even cover in the search");
  app.add_option("--starts", options.engine.starts, "local searches for a suggestion");
  app.add_option("--reach", options.reach,
                 "also report after how many trials a value or hypervolume was reached");
  app.add_option("--log", options.log, "append each experiment to a file, for peers/suggest_compare.py");
  app.add_flag("--serve", options.serve,
               "evaluate points read as lines of JSON, for other optimisers (peers/suggest_peers.py)");
  app.add_flag("--json", options.json, "one line of JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!ParseKinds(kinds, options.engine.kinds) ||
      !ParseKinds(magnitude_kinds, options.engine.magnitude_kinds) ||
      !ParseKinds(front_kinds, options.engine.front_kinds) ||
      !ParseKinds(constraint_kinds, options.engine.constraint_kinds))
    return 2;
  if (options.problem == "list") {
    for (const std::string& name : ProblemNames()) std::cout << name << "\n";
    return 0;
  }
  const auto problem = FindProblem(options.problem, options.dims);
  if (!problem) {
    std::cerr << "sda-bench suggest: no problem " << options.problem << "; --problem list prints all\n";
    return 2;
  }
  if (options.serve) {
    ServeProblem(*problem, std::cin, std::cout);
  } else {
    Run(*problem, options);
  }
  return 0;
}

}  // namespace sda::bench
