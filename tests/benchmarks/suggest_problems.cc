#include "tests/benchmarks/suggest_problems.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "common/numerics/rng.h"

// Classic test functions (definitions in Surjanovic and Bingham's library of simulation experiments; Deb et
// al. 2002 for DTLZ; McCourt 2016 for the McCourt family; Gardner et al. 2014 and Gramacy et al. 2016 for the
// constrained ones).
namespace sda::bench {
namespace {

using optimizer::Assignments;
using optimizer::DoubleRange;
using optimizer::Metric;
using optimizer::Parameter;
using optimizer::Strategy;
using std::numbers::pi;
using Vector = std::vector<double>;

Metric Minimised(std::string name, std::optional<double> threshold = {},
                 Strategy strategy = Strategy::kOptimize) {
  return {.name = std::move(name),
          .strategy = strategy,
          .maximize = false,
          .threshold = threshold,
          .noise_stddev = {}};
}

struct Bounds {
  double low, high;
};

// The function over parameters x1, x2, …
std::function<Vector(const Assignments&)> OfParameters(size_t count,
                                                       std::function<Vector(const Vector&)> function) {
  return [count, function = std::move(function)](const Assignments& assignments) {
    Vector x(count);
    for (size_t i = 0; i < count; ++i) x[i] = std::get<double>(assignments.at("x" + std::to_string(i + 1)));
    return function(x);
  };
}

// A problem over a box with such parameters.
Problem OverBox(std::string name, const std::vector<Bounds>& bounds, std::vector<Metric> metrics,
                std::function<Vector(const Vector&)> function, std::optional<double> optimum, int budget) {
  Problem problem{
      .name = std::move(name), .metrics = std::move(metrics), .optimum = optimum, .default_budget = budget};
  for (size_t i = 0; i < bounds.size(); ++i) {
    Parameter parameter;
    parameter.name = "x" + std::to_string(i + 1);
    parameter.domain = DoubleRange{bounds[i].low, bounds[i].high};
    problem.space.parameters.push_back(std::move(parameter));
  }
  problem.evaluate = OfParameters(bounds.size(), std::move(function));
  return problem;
}

Problem Single(std::string name, const std::vector<Bounds>& bounds,
               std::function<double(const Vector&)> function, double optimum, int budget) {
  return OverBox(
      std::move(name), bounds, {Minimised("value")},
      [function = std::move(function)](const Vector& x) { return Vector{function(x)}; }, optimum, budget);
}

std::vector<Bounds> Box(int dims, double low, double high) {
  return std::vector<Bounds>(static_cast<size_t>(dims), Bounds{low, high});
}

double Square(double x) {
  return x * x;
}

double Branin(double x, double y) {
  return Square(y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6) + 10 * (1 - 1 / (8 * pi)) * std::cos(x) +
         10;
}

double Currin(double x, double y) {
  const double factor = y > 0 ? 1 - std::exp(-1 / (2 * y)) : 1;
  return factor * (2300 * x * x * x + 1900 * x * x + 2092 * x + 60) /
         (100 * x * x * x + 500 * x * x + 4 * x + 20);
}

constexpr double kHartmannAlpha[4] = {1, 1.2, 3, 3.2};

double Hartmann3(const Vector& x) {
  constexpr double kA[4][3] = {{3, 10, 30}, {.1, 10, 35}, {3, 10, 30}, {.1, 10, 35}};
  constexpr double kP[4][3] = {{3689, 1170, 2673}, {4699, 4387, 7470}, {1091, 8732, 5547}, {381, 5743, 8828}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double exponent = 0;
    for (size_t j = 0; j < 3; ++j) exponent += kA[i][j] * Square(x[j] - 1e-4 * kP[i][j]);
    sum -= kHartmannAlpha[i] * std::exp(-exponent);
  }
  return sum;
}

double Hartmann6(const Vector& x) {
  constexpr double kA[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {.05, 10, 17, .1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, .05, 10, .1, 14}};
  constexpr double kP[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                               {2329, 4135, 8307, 3736, 1004, 9991},
                               {2348, 1451, 3522, 2883, 3047, 6650},
                               {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double exponent = 0;
    for (size_t j = 0; j < 6; ++j) exponent += kA[i][j] * Square(x[j] - 1e-4 * kP[i][j]);
    sum -= kHartmannAlpha[i] * std::exp(-exponent);
  }
  return sum;
}

double Ackley(const Vector& x) {
  double squares = 0, cosines = 0;
  for (const double v : x) {
    squares += v * v;
    cosines += std::cos(2 * pi * v);
  }
  const auto n = static_cast<double>(x.size());
  return -20 * std::exp(-0.2 * std::sqrt(squares / n)) - std::exp(cosines / n) + 20 + std::numbers::e;
}

double Levy(const Vector& x) {
  const auto w = [&](size_t i) { return 1 + (x[i] - 1) / 4; };
  double sum = Square(std::sin(pi * w(0)));
  for (size_t i = 0; i + 1 < x.size(); ++i)
    sum += Square(w(i) - 1) * (1 + 10 * Square(std::sin(pi * w(i) + 1)));
  const double last = w(x.size() - 1);
  return sum + Square(last - 1) * (1 + Square(std::sin(2 * pi * last)));
}

double Michalewicz(const Vector& x) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum -= std::sin(x[i]) * std::pow(std::sin(static_cast<double>(i + 1) * x[i] * x[i] / pi), 20);
  return sum;
}

double Rastrigin(const Vector& x) {
  double sum = 10 * static_cast<double>(x.size());
  for (const double v : x) sum += v * v - 10 * std::cos(2 * pi * v);
  return sum;
}

double Rosenbrock(const Vector& x) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) sum += 100 * Square(x[i + 1] - x[i] * x[i]) + Square(1 - x[i]);
  return sum;
}

double StyblinskiTang(const Vector& x) {
  double sum = 0;
  for (const double v : x) sum += 0.5 * (v * v * v * v - 16 * v * v + 5 * v);
  return sum;
}

constexpr size_t kPits = 10;
constexpr double kPitBeta[kPits] = {.1, .2, .2, .4, .4, .6, .3, .7, .5, .5};
constexpr double kShekelC[2][kPits] = {{4, 1, 8, 6, 3, 2, 5, 8, 6, 7}, {4, 1, 8, 6, 7, 9, 3, 1, 2, 3.6}};

// Pits of depths of about 1 / kPitBeta, each as wide as it is shallow. `place(i, j)` is coordinate j of pit
// i.
template <typename Place>
double Shekel(const Vector& x, const Place& place) {
  double sum = 0;
  for (size_t i = 0; i < kPits; ++i) {
    double distance = kPitBeta[i];
    for (size_t j = 0; j < x.size(); ++j) distance += Square(x[j] - place(i, j));
    sum -= 1 / distance;
  }
  return sum;
}

double Shekel10(const Vector& x) {
  return Shekel(x, [](size_t i, size_t j) { return kShekelC[j % 2][i]; });
}

// The least value around `x`, to which steps along the axes lead within [0, 10].
double LeastAround(Vector x, const std::function<double(const Vector&)>& function) {
  double least = function(x);
  for (double step = 0.1; step > 1e-7; step /= 2) {
    for (size_t j = 0, unmoved = 0; unmoved < 2 * x.size(); j = (j + 1) % (2 * x.size())) {
      const double before = x[j / 2];
      x[j / 2] = std::clamp(before + (j % 2 == 0 ? step : -step), 0.0, 10.0);
      const double now = function(x);
      if (now < least) {
        least = now;
        unmoved = 0;
      } else {
        x[j / 2] = before;
        ++unmoved;
      }
    }
  }
  return least;
}

// Shekel10 with its pits anywhere in [0, 10]^4, so that nothing is gained by knowing where an optimum usually
// lies; the value is the regret.
std::function<Vector(const Vector&)> Pits4(uint64_t seed) {
  std::vector<Vector> places(kPits, Vector(4));
  Rng rng(seed, 11);
  for (Vector& place : places) {
    for (double& coordinate : place) coordinate = 10 * rng.Uniform();
  }
  const auto value = [places](const Vector& x) {
    return Shekel(x, [&](size_t i, size_t j) { return places[i][j]; });
  };
  double least = 0;
  for (const Vector& place : places) least = std::min(least, LeastAround(place, value));
  return [value, least](const Vector& x) { return Vector{value(x) - least}; };
}

double McCourt06(const Vector& x) {
  constexpr double kCenters[7][5] = {{.1, .1, .1, .1, .1}, {.3, .8, .8, .6, .9}, {.6, .1, .2, .5, .2},
                                     {.7, .2, .1, .8, .9}, {.4, .6, .5, .3, .8}, {.9, .5, .3, .2, .4},
                                     {.2, .8, .6, .4, .6}};
  constexpr double kScale[7] = {1, .5, 1, .2, .5, 1, 1};
  constexpr double kFactor[7] = {-3, 2, -2, 4, -1, 5, -1};
  double sum = 0;
  for (int i = 0; i < 7; ++i) {
    double distance = 0;
    for (size_t j = 0; j < 5; ++j) distance += 0.4 * kScale[i] * Square(x[j] - kCenters[i][j]);
    sum += kFactor[i] * std::sqrt(1 + distance);
  }
  return sum;
}

Vector Dtlz2(const Vector& x) {
  double g = 0;
  for (size_t i = 1; i < x.size(); ++i) g += Square(x[i] - 0.5);
  return {(1 + g) * std::cos(0.5 * pi * x[0]), (1 + g) * std::sin(0.5 * pi * x[0])};
}

Vector Zdt1(const Vector& x) {
  double sum = 0;
  for (size_t i = 1; i < x.size(); ++i) sum += x[i];
  const double g = 1 + 9 * sum / static_cast<double>(x.size() - 1);
  return {x[0], g * (1 - std::sqrt(x[0] / g))};
}

// Positive where infeasible.
double C2(const Vector& f) {
  constexpr double kRadius = 0.2;
  const double ends = std::min(Square(f[0] - 1) + f[1] * f[1] - kRadius * kRadius,
                               Square(f[1] - 1) + f[0] * f[0] - kRadius * kRadius);
  const double middle = Square(f[0] - std::sqrt(0.5)) + Square(f[1] - std::sqrt(0.5)) - kRadius * kRadius;
  return std::min(ends, middle);
}

std::vector<Problem> SingleProblems(int dims) {
  const auto of = [&](int standard) { return dims > 0 ? dims : standard; };
  std::vector<Problem> problems;
  problems.push_back(Single(
      "branin", {{-5, 10}, {0, 15}}, [](const Vector& x) { return Branin(x[0], x[1]); }, 0.39788735772973816,
      30));
  problems.push_back(Single("hartmann3", Box(3, 0, 1), Hartmann3, -3.86277979, 30));
  problems.push_back(Single("hartmann6", Box(6, 0, 1), Hartmann6, -3.32236801, 60));
  problems.push_back(Single("ackley5", Box(5, -10, 30), Ackley, 0, 80));
  problems.push_back(Single("levy8", Box(8, -10, 10), Levy, 0, 100));
  problems.push_back(Single("michalewicz4", Box(4, 0, pi), Michalewicz, -3.69885709, 80));
  problems.push_back(Single("rastrigin8", Box(8, -5, 2), Rastrigin, 0, 100));
  problems.push_back(Single("shekel10", Box(4, 0, 10), Shekel10, -10.5364432, 80));
  problems.push_back(OverBox("pits4", Box(4, 0, 10), {Minimised("value")}, Pits4(1), 0, 80));
  problems.back().of_seed = [](uint64_t seed) { return OfParameters(4, Pits4(seed)); };
  problems.push_back(Single("styblinski5", Box(5, -5, 5), StyblinskiTang, -195.83082850, 80));
  problems.push_back(Single("mccourt06", Box(5, 0, 1), McCourt06, 2.80720263234, 40));
  problems.push_back(Single("ackley", Box(of(10), -10, 30), Ackley, 0, 100));
  problems.push_back(Single("levy", Box(of(10), -10, 10), Levy, 0, 100));
  problems.push_back(Single("rastrigin", Box(of(10), -5, 2), Rastrigin, 0, 100));
  problems.push_back(Single("rosenbrock", Box(of(10), -2, 2), Rosenbrock, 0, 100));
  problems.push_back(Single("styblinski", Box(of(10), -5, 5), StyblinskiTang, -39.16616570 * of(10), 100));
  return problems;
}

std::vector<Problem> OtherProblems() {
  std::vector<Problem> problems;
  const auto constraint = [](std::string name) {
    return Minimised(std::move(name), 0.0, Strategy::kConstraint);
  };
  problems.push_back(OverBox(
      "gramacy", Box(2, 0, 1), {Minimised("value"), constraint("c1"), constraint("c2")},
      [](const Vector& x) {
        return Vector{x[0] + x[1], 1.5 - x[0] - 2 * x[1] - 0.5 * std::sin(2 * pi * (x[0] * x[0] - 2 * x[1])),
                      x[0] * x[0] + x[1] * x[1] - 1.5};
      },
      0.59978805, 40));
  problems.push_back(OverBox(
      "gardner1", Box(2, 0, 6), {Minimised("value"), constraint("c1")},
      [](const Vector& x) {
        return Vector{std::cos(2 * x[0]) * std::cos(x[1]) + std::sin(x[0]),
                      std::cos(x[0]) * std::cos(x[1]) - std::sin(x[0]) * std::sin(x[1]) - 0.5};
      },
      -2.0, 40));
  problems.push_back(OverBox(
      "gardner2", Box(2, 0, 6), {Minimised("value"), constraint("c1")},
      [](const Vector& x) {
        return Vector{std::sin(x[0]) + x[1], std::sin(x[0]) * std::sin(x[1]) + 0.95};
      },
      0.2532359, 50));
  problems.push_back(OverBox(
      "branin_currin", Box(2, 0, 1), {Minimised("branin", 18), Minimised("currin", 6)},
      [](const Vector& x) {
        return Vector{Branin(15 * x[0] - 5, 15 * x[1]), Currin(x[0], x[1])};
      },
      59.4065, 40));
  problems.push_back(OverBox("dtlz2_6", Box(6, 0, 1), {Minimised("f1", 1.1), Minimised("f2", 1.1)}, Dtlz2,
                             1.21 - pi / 4, 50));
  problems.push_back(
      OverBox("zdt1_6", Box(6, 0, 1), {Minimised("f1", 11), Minimised("f2", 11)}, Zdt1, 120.0 + 2.0 / 3, 50));
  problems.push_back(OverBox(
      "c2dtlz2_4", Box(4, 0, 1), {Minimised("f1", 1.1), Minimised("f2", 1.1), constraint("c1")},
      [](const Vector& x) {
        Vector f = Dtlz2(x);
        f.push_back(C2(f));
        return f;
      },
      0.4000567, 50));
  return problems;
}

// "As little of the last objective as possible, the others within their thresholds": one objective, and the
// others as constraints.
Problem GoalOf(const Problem& trade_off) {
  const auto count = static_cast<std::ptrdiff_t>(trade_off.objectives());
  // The last objective comes first, as ServeProblem and the engine want objectives.
  const auto reorder = [count](auto& list) {
    std::rotate(list.begin(), list.begin() + count - 1, list.begin() + count);
  };
  Problem goal = trade_off;
  goal.name += "_goal";
  goal.optimum.reset();
  reorder(goal.metrics);
  goal.metrics[0].threshold.reset();
  for (size_t m = 1; m < static_cast<size_t>(count); ++m) goal.metrics[m].strategy = Strategy::kConstraint;
  goal.evaluate = [reorder, evaluate = trade_off.evaluate](const Assignments& assignments) {
    Vector values = evaluate(assignments);
    reorder(values);
    return values;
  };
  return goal;
}

std::vector<Problem> AllProblems(int dims) {
  std::vector<Problem> all = SingleProblems(dims);
  for (Problem& problem : OtherProblems()) all.push_back(std::move(problem));
  for (Problem& problem : TuningProblems()) all.push_back(std::move(problem));
  for (Problem& problem : RecordedProblems()) all.push_back(std::move(problem));
  const size_t count = all.size();
  for (size_t i = 0; i < count; ++i) {
    if (all[i].objectives() > 1) all.push_back(GoalOf(all[i]));
  }
  return all;
}

}  // namespace

int Problem::objectives() const {
  return static_cast<int>(std::count_if(metrics.begin(), metrics.end(), [](const Metric& metric) {
    return metric.strategy == Strategy::kOptimize;
  }));
}

std::optional<Problem> FindProblem(const std::string& name, int dims) {
  for (Problem& problem : AllProblems(dims)) {
    if (problem.name == name) return std::move(problem);
  }
  return std::nullopt;
}

std::vector<std::string> ProblemNames() {
  std::vector<std::string> names;
  for (const Problem& problem : AllProblems(0)) names.push_back(problem.name);
  return names;
}

}  // namespace sda::bench
