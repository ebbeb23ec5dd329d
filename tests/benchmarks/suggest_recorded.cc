#include "tests/benchmarks/suggest_recorded.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "tests/benchmarks/suggest_problems.h"

// Surfaces of real trainings: sda-bench-record trained the points of Sobol designs on three click logs, on
// one thread; suggest_recorded_*.inc are what it printed.
namespace sda::bench {
namespace {

using namespace optimizer;  // NOLINT: names of parameters and domains

constexpr size_t kOptimizer = 0, kMomentum = 7;  // parameters of both spaces
constexpr double kNugget = 0.02;                 // of the variance of the values
constexpr double kLength = 0.7;                  // of a numeric range
// Limits of interest: about what the better quarter of the recorded trainings reaches.
constexpr double kCriteoLogloss = 0.505, kCriteoSeconds = 0.05;
constexpr double kTencentLogloss = 0.425, kTencentSeconds = 0.03;
constexpr double kAdultLogloss = 0.345;
// Of the two below the slower trainings are beyond it, as with kCriteoSeconds.
constexpr double kAdultTradeOffSeconds = 0.045, kTencentTradeOffSeconds = 0.05;

// Over wide ranges: what the better quarter reaches, and half of that quarter takes.
constexpr double kAdultWideLogloss = 0.338, kAdultWideSeconds = 0.28;
constexpr double kCriteoWideLogloss = 0.515, kCriteoWideSeconds = 0.17;
constexpr double kTencentWideLogloss = 0.427, kTencentWideSeconds = 0.23;

constexpr double kNarrowAdult[][11] = {
#include "tests/benchmarks/suggest_recorded_adult.inc"
};
constexpr double kNarrowCriteo[][11] = {
#include "tests/benchmarks/suggest_recorded_criteo.inc"
};
constexpr double kNarrowTencent[][11] = {
#include "tests/benchmarks/suggest_recorded_tencent.inc"
};
constexpr double kWideAdult[][12] = {
#include "tests/benchmarks/suggest_recorded_adult_wide.inc"
};
constexpr double kWideCriteo[][12] = {
#include "tests/benchmarks/suggest_recorded_criteo_wide.inc"
};
constexpr double kWideTencent[][12] = {
#include "tests/benchmarks/suggest_recorded_tencent_wide.inc"
};

Parameter Make(std::string name, Domain domain, Scale scale = Scale::kLinear) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.domain = std::move(domain);
  parameter.scale = scale;
  return parameter;
}

template <size_t kRows, size_t kColumns>
Recording With(Recording recording, const double (&rows)[kRows][kColumns]) {
  for (const auto& row : rows) recording.trainings.emplace_back(std::begin(row), std::end(row));
  return recording;
}

// x of A·x = b for a positive definite A, by elimination.
std::vector<double> Solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t k = 0; k < n; ++k) {
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value / static_cast<double>(values.size());
  return sum;
}

Recording Narrow() {
  Recording recording;
  recording.space.parameters = {
      Make("optimizer", Categories{{"adam", "adagrad", "sgd"}}),
      Make("learning_rate", DoubleRange{1e-4, 0.3}, Scale::kLog),
      Make("sparse_rate", DoubleRange{1e-3, 1}, Scale::kLog),
      Make("batch", Grid{{64, 128, 256, 512, 1024}}),
      Make("embedding", Grid{{2, 4, 8, 16, 32}}),
      Make("layers", IntRange{1, 3}),
      Make("width", IntRange{8, 128}, Scale::kLog),
      Make("momentum", DoubleRange{0, 0.95}),
      Make("dropout", DoubleRange{0, 0.5}),
  };
  recording.axes = {{},
                    {.log = true, .low = 1e-4, .high = 0.3},
                    {.log = true, .low = 1e-3, .high = 1},
                    {.log = true, .low = 64, .high = 1024},
                    {.log = true, .low = 2, .high = 32},
                    {.low = 1, .high = 3},
                    {.log = true, .low = 8, .high = 128},
                    {},
                    {.high = 0.5}};
  recording.space.parameters[kMomentum].conditions = {
      {.parameter = "optimizer", .values = {std::string("sgd")}}};
  return recording;
}

Recording Wide() {
  Recording recording = Narrow();
  auto& parameters = recording.space.parameters;
  parameters[3].domain = Grid{{32, 64, 128, 256, 512, 1024, 2048}};
  parameters[4].domain = Grid{{2, 4, 8, 16, 32, 64}};
  parameters[5].domain = IntRange{1, 4};
  parameters[6].domain = IntRange{8, 512};
  parameters.push_back(Make("epochs", IntRange{1, 4}));
  recording.axes[3] = {.log = true, .low = 32, .high = 2048};
  recording.axes[4] = {.log = true, .low = 2, .high = 64};
  recording.axes[5] = {.low = 1, .high = 4};
  recording.axes[6] = {.log = true, .low = 8, .high = 512};
  recording.axes.push_back({.low = 1, .high = 4});
  return recording;
}

}  // namespace

Recording RecordingOf(const std::string& name) {
  if (name == "adult") return With(Narrow(), kNarrowAdult);
  if (name == "criteo") return With(Narrow(), kNarrowCriteo);
  if (name == "tencent") return With(Narrow(), kNarrowTencent);
  if (name == "adult_wide") return With(Wide(), kWideAdult);
  if (name == "criteo_wide") return With(Wide(), kWideCriteo);
  if (name == "tencent_wide") return With(Wide(), kWideTencent);
  return {};
}

Space RecordedSpace(bool wide) {
  return (wide ? Wide() : Narrow()).space;
}

std::vector<double> RecordedRow(const Space& space, const Assignments& assignments) {
  std::vector<double> row;
  for (const Parameter& parameter : space.parameters) {
    const auto found = assignments.find(parameter.name);
    if (found == assignments.end()) {
      row.push_back(-1);
    } else if (const auto* text = std::get_if<std::string>(&found->second)) {
      const auto& names = std::get<Categories>(parameter.domain).values;
      row.push_back(static_cast<double>(std::find(names.begin(), names.end(), *text) - names.begin()));
    } else if (const auto* integer = std::get_if<int64_t>(&found->second)) {
      row.push_back(static_cast<double>(*integer));
    } else {
      row.push_back(std::get<double>(found->second));
    }
  }
  return row;
}

RecordedSurface::RecordedSurface(Recording recording) : recording_(std::move(recording)) {
  std::vector<double> logloss, seconds;
  for (const std::vector<double>& row : recording_.trainings) {
    points_.push_back(ToPoint(row));
    logloss.push_back(row[row.size() - 2]);
    seconds.push_back(std::log(row.back()));
  }
  mean_logloss_ = Mean(logloss);
  mean_seconds_ = Mean(seconds);
  for (double& value : logloss) value -= mean_logloss_;
  for (double& value : seconds) value -= mean_seconds_;
  std::vector<std::vector<double>> kernel(points_.size(), std::vector<double>(points_.size()));
  for (size_t i = 0; i < points_.size(); ++i) {
    for (size_t j = 0; j < points_.size(); ++j) kernel[i][j] = Kernel(points_[i], points_[j]);
    kernel[i][i] += kNugget;
  }
  logloss_ = Solve(kernel, logloss);
  seconds_ = Solve(kernel, seconds);
}

// Numeric values over their range, by their axes.
RecordedSurface::Point RecordedSurface::ToPoint(const std::vector<double>& row) const {
  Point point;
  for (size_t i = 0; i < recording_.axes.size(); ++i) {
    const RecordedAxis& axis = recording_.axes[i];
    point.push_back(axis.log ? std::log(row[i] / axis.low) / std::log(axis.high / axis.low)
                             : (row[i] - axis.low) / (axis.high - axis.low));
  }
  return point;
}

double RecordedSurface::Kernel(const Point& a, const Point& b) const {
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double difference = (a[i] - b[i]) / kLength;
    if (i == kOptimizer) difference = a[i] == b[i] ? 0 : 1;
    // Momentum exists for both or is a difference that the update rule already makes.
    if (i == kMomentum && (a[i] < 0 || b[i] < 0)) difference = 0;
    squares += difference * difference;
  }
  const double r = std::sqrt(3 * squares);
  return (1 + r) * std::exp(-r);
}

double RecordedSurface::Predict(const std::vector<double>& weights, double mean,
                                const Assignments& assignments) const {
  const Point point = ToPoint(RecordedRow(recording_.space, assignments));
  double sum = mean;
  for (size_t i = 0; i < points_.size(); ++i) sum += weights[i] * Kernel(points_[i], point);
  return sum;
}

double RecordedSurface::Logloss(const Assignments& assignments) const {
  return Predict(logloss_, mean_logloss_, assignments);
}

double RecordedSurface::Seconds(const Assignments& assignments) const {
  return std::exp(Predict(seconds_, mean_seconds_, assignments));
}

std::vector<Problem> RecordedProblems() {
  const auto metric = [](std::string name, std::optional<double> threshold, Strategy strategy) {
    return Metric{.name = std::move(name), .strategy = strategy, .maximize = false, .threshold = threshold};
  };
  const auto surface = [](const std::string& dataset) {
    return std::make_shared<const RecordedSurface>(RecordingOf(dataset));
  };
  const auto adult = surface("adult"), criteo = surface("criteo"), tencent = surface("tencent");
  const auto both = [](std::shared_ptr<const RecordedSurface> of) {
    return [of](const Assignments& a) { return std::vector<double>{of->Logloss(a), of->Seconds(a)}; };
  };
  const auto trade_off = [&](std::string name, std::shared_ptr<const RecordedSurface> of, double logloss,
                             double seconds) {
    return Problem{.name = std::move(name),
                   .space = of->space(),
                   .metrics = {metric("logloss", logloss, Strategy::kOptimize),
                               metric("seconds", seconds, Strategy::kOptimize)},
                   .evaluate = both(std::move(of)),
                   .default_budget = 45};
  };
  std::vector<Problem> problems;
  problems.push_back(
      {.name = "recorded_adult",
       .space = adult->space(),
       .metrics = {metric("logloss", {}, Strategy::kOptimize)},
       .evaluate = [adult](const Assignments& a) { return std::vector<double>{adult->Logloss(a)}; },
       .default_budget = 60});
  problems.push_back(trade_off("recorded_criteo", criteo, kCriteoLogloss, kCriteoSeconds));
  problems.push_back({.name = "recorded_tencent",
                      .space = tencent->space(),
                      .metrics = {metric("logloss", {}, Strategy::kOptimize),
                                  metric("seconds", kTencentSeconds, Strategy::kConstraint)},
                      .evaluate = both(tencent),
                      .default_budget = 60});
  problems.push_back(trade_off("recorded_adult_time", adult, kAdultLogloss, kAdultTradeOffSeconds));
  problems.push_back(trade_off("recorded_tencent_time", tencent, kTencentLogloss, kTencentTradeOffSeconds));
  problems.push_back(
      trade_off("recorded_adult_wide", surface("adult_wide"), kAdultWideLogloss, kAdultWideSeconds));
  problems.push_back(
      trade_off("recorded_criteo_wide", surface("criteo_wide"), kCriteoWideLogloss, kCriteoWideSeconds));
  problems.push_back(
      trade_off("recorded_tencent_wide", surface("tencent_wide"), kTencentWideLogloss, kTencentWideSeconds));
  return problems;
}

}  // namespace sda::bench
