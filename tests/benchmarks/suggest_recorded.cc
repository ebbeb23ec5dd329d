#include "tests/benchmarks/suggest_recorded.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "tests/benchmarks/suggest_problems.h"

// Surfaces of real trainings: sda-bench-record trained the points of a Sobol design on three click logs, on
// one thread, one epoch each; suggest_recorded_*.inc are what it printed.
namespace sda::bench {
namespace {

using namespace optimizer;  // NOLINT: names of parameters and domains

constexpr double kNugget = 0.02;  // of the variance of the values
constexpr double kLength = 0.7;   // of a numeric range
// Limits of interest: about what the better quarter of the recorded trainings reaches.
constexpr double kCriteoLogloss = 0.505, kCriteoSeconds = 0.05;
constexpr double kTencentLogloss = 0.425, kTencentSeconds = 0.03;
constexpr double kAdultLogloss = 0.345;
// Of the two below the slower trainings are beyond it, as with kCriteoSeconds.
constexpr double kAdultTradeOffSeconds = 0.045, kTencentTradeOffSeconds = 0.05;

constexpr RecordedTraining kAdult[] = {
#include "tests/benchmarks/suggest_recorded_adult.inc"
};
constexpr RecordedTraining kCriteo[] = {
#include "tests/benchmarks/suggest_recorded_criteo.inc"
};
constexpr RecordedTraining kTencent[] = {
#include "tests/benchmarks/suggest_recorded_tencent.inc"
};

Parameter Make(std::string name, Domain domain, Scale scale = Scale::kLinear) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.domain = std::move(domain);
  parameter.scale = scale;
  return parameter;
}

// Numeric values over their range on the scale they have in the space (grids: logarithmic), in [0, 1].
std::array<double, kRecordedParameters> ToPoint(const RecordedTraining& raw) {
  const auto log = [](double value, double low, double high) {
    return std::log(value / low) / std::log(high / low);
  };
  return {raw[0],
          log(raw[1], 1e-4, 0.3),
          log(raw[2], 1e-3, 1),
          log(raw[3], 64, 1024),
          log(raw[4], 2, 32),
          (raw[5] - 1) / 2,
          log(raw[6], 8, 128),
          raw[7],
          raw[8] / 0.5};
}

RecordedTraining ToRaw(const Assignments& assignments) {
  const Space space = RecordedSpace();
  RecordedTraining raw{};
  for (size_t i = 0; i < kRecordedParameters; ++i) {
    const auto found = assignments.find(space.parameters[i].name);
    raw[i] = -1;
    if (found == assignments.end()) continue;
    if (const auto* text = std::get_if<std::string>(&found->second)) {
      const auto& names = std::get<Categories>(space.parameters[i].domain).values;
      raw[i] = static_cast<double>(std::find(names.begin(), names.end(), *text) - names.begin());
    } else if (const auto* integer = std::get_if<int64_t>(&found->second)) {
      raw[i] = static_cast<double>(*integer);
    } else {
      raw[i] = std::get<double>(found->second);
    }
  }
  return raw;
}

double Kernel(const std::array<double, kRecordedParameters>& a,
              const std::array<double, kRecordedParameters>& b) {
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double difference = (a[i] - b[i]) / kLength;
    if (i == 0) difference = a[i] == b[i] ? 0 : 1;
    // Momentum exists for both or is a difference that the update rule already makes.
    if (i == 7 && (a[i] < 0 || b[i] < 0)) difference = 0;
    squares += difference * difference;
  }
  const double r = std::sqrt(3 * squares);
  return (1 + r) * std::exp(-r);
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

}  // namespace

Space RecordedSpace() {
  Space space;
  space.parameters = {
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
  space.parameters[7].conditions = {{.parameter = "optimizer", .values = {std::string("sgd")}}};
  return space;
}

RecordedSurface::RecordedSurface(std::span<const RecordedTraining> trainings) {
  std::vector<double> logloss, seconds;
  for (const RecordedTraining& training : trainings) {
    points_.push_back(ToPoint(training));
    logloss.push_back(training[kRecordedParameters]);
    seconds.push_back(std::log(training[kRecordedParameters + 1]));
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

double RecordedSurface::Predict(const std::vector<double>& weights, double mean,
                                const Assignments& assignments) const {
  const Point point = ToPoint(ToRaw(assignments));
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
    return std::make_shared<const RecordedSurface>(RecordedTrainings(dataset));
  };
  const auto adult = surface("adult"), criteo = surface("criteo"), tencent = surface("tencent");
  const auto both = [](std::shared_ptr<const RecordedSurface> of) {
    return [of](const Assignments& a) { return std::vector<double>{of->Logloss(a), of->Seconds(a)}; };
  };
  const auto trade_off = [&](std::string name, std::shared_ptr<const RecordedSurface> of, double logloss,
                             double seconds) {
    return Problem{.name = std::move(name),
                   .space = RecordedSpace(),
                   .metrics = {metric("logloss", logloss, Strategy::kOptimize),
                               metric("seconds", seconds, Strategy::kOptimize)},
                   .evaluate = both(std::move(of)),
                   .default_budget = 45};
  };
  std::vector<Problem> problems;
  problems.push_back(
      {.name = "recorded_adult",
       .space = RecordedSpace(),
       .metrics = {metric("logloss", {}, Strategy::kOptimize)},
       .evaluate = [adult](const Assignments& a) { return std::vector<double>{adult->Logloss(a)}; },
       .default_budget = 60});
  problems.push_back(trade_off("recorded_criteo", criteo, kCriteoLogloss, kCriteoSeconds));
  problems.push_back({.name = "recorded_tencent",
                      .space = RecordedSpace(),
                      .metrics = {metric("logloss", {}, Strategy::kOptimize),
                                  metric("seconds", kTencentSeconds, Strategy::kConstraint)},
                      .evaluate = both(tencent),
                      .default_budget = 60});
  problems.push_back(trade_off("recorded_adult_time", adult, kAdultLogloss, kAdultTradeOffSeconds));
  problems.push_back(trade_off("recorded_tencent_time", tencent, kTencentLogloss, kTencentTradeOffSeconds));
  return problems;
}

std::span<const RecordedTraining> RecordedTrainings(const std::string& dataset) {
  if (dataset == "adult") return kAdult;
  if (dataset == "criteo") return kCriteo;
  if (dataset == "tencent") return kTencent;
  return {};
}

}  // namespace sda::bench
