#include <cmath>

#include "tests/benchmarks/suggest_problems.h"

// Stand-ins for the tuning of a model: smooth trade-offs between parameters of every kind, in the shapes that
// trainings show (a valley over the logarithm of the learning rate that moves with the batch size,
// diminishing returns of capacity, time that grows with it), with some ripple. The formulas are made up; none
// is a fit.
namespace sda::bench {
namespace {

using namespace optimizer;  // NOLINT: names of parameters and domains

Parameter Make(std::string name, Domain domain, Scale scale = Scale::kLinear) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.domain = std::move(domain);
  parameter.scale = scale;
  return parameter;
}

Parameter When(Parameter parameter, std::string parent, std::vector<std::string> values) {
  Condition condition{.parameter = std::move(parent), .values = {}};
  for (std::string& value : values) condition.values.emplace_back(std::move(value));
  parameter.conditions.push_back(std::move(condition));
  return parameter;
}

double Real(const Assignments& a, const char* name, double otherwise = 0) {
  const auto found = a.find(name);
  if (found == a.end()) return otherwise;
  if (const auto* integer = std::get_if<int64_t>(&found->second)) return static_cast<double>(*integer);
  return std::get<double>(found->second);
}

const std::string& Text(const Assignments& a, const char* name) {
  return std::get<std::string>(a.at(name));
}

double Square(double x) {
  return x * x;
}

Metric Minimised(std::string name, std::optional<double> threshold = {},
                 Strategy strategy = Strategy::kOptimize) {
  return {.name = std::move(name),
          .strategy = strategy,
          .maximize = false,
          .threshold = threshold,
          .noise_stddev = {}};
}

Space NetworkSpace() {
  Space space;
  space.parameters = {
      Make("learning_rate", DoubleRange{1e-5, 1}, Scale::kLog),
      Make("batch", Grid{{128, 256, 512, 1024, 2048, 4096}}),
      Make("layers", IntRange{1, 6}),
      Make("width", IntRange{16, 1024}, Scale::kLog),
      Make("optimizer", Categories{{"sgd", "adagrad", "adam"}}),
      When(Make("momentum", DoubleRange{0.01, 0.99}, Scale::kLogit), "optimizer", {"sgd"}),
      When(Make("beta2", DoubleRange{0.9, 0.9999}, Scale::kLogit), "optimizer", {"adam"}),
      Make("dropout", DoubleRange{0, 0.6}),
  };
  return space;
}

double NetworkLoss(const Assignments& a) {
  const double lr = std::log10(Real(a, "learning_rate"));
  const double batch = std::log2(Real(a, "batch") / 512);
  const double layers = Real(a, "layers"), width = std::log2(Real(a, "width"));
  const std::string& optimizer = Text(a, "optimizer");
  double best_lr = -1.0, base = 0.455, sharpness = 0.012;
  if (optimizer == "adam") {
    best_lr = -3.0;
    base = 0.4470 + 0.0015 * Square(std::log10(1 - Real(a, "beta2")) + 2.6);
    sharpness = 0.018;
  } else if (optimizer == "adagrad") {
    best_lr = -1.7;
    base = 0.4490;
    sharpness = 0.009;
  } else {
    const double momentum = Real(a, "momentum");
    best_lr = -0.4 + 1.1 * std::log10(1 - momentum);
    base = 0.4485 + 0.004 * Square(momentum - 0.85);
  }
  best_lr += 0.12 * batch - 0.05 * (layers - 3);
  const double off = lr - best_lr;
  const double valley = sharpness * off * off * (off > 0 ? 1.8 : 1.0) / (1 + 0.1 * off * off);
  const double capacity = 0.020 * std::exp(-0.45 * (width - 4)) + 0.006 * std::exp(-0.9 * (layers - 1));
  const double size = layers * std::exp2(width - 10);
  const double overfit = 0.006 * size * std::exp(-4 * Real(a, "dropout"));
  const double underfit = 0.012 * Square(Real(a, "dropout")) * (1 + 2 * std::exp(-0.5 * (width - 4)));
  return base + valley + capacity + overfit + underfit + 0.0006 * std::abs(batch) +
         0.0004 * std::sin(7 * lr) * std::cos(3 * width);
}

double NetworkSeconds(const Assignments& a) {
  const double width = Real(a, "width"), layers = Real(a, "layers"), batch = Real(a, "batch");
  const double per_row = 2e-6 + 1.5e-9 * width * (13 + (layers - 1) * width);
  const double efficiency = batch / (batch + 300);
  return 40 * (1 + 20 * per_row * 1e3 / (1 + per_row * 1e3)) / efficiency *
         (Text(a, "optimizer") == "adam" ? 1.25 : 1.0) * (1 + 0.05 * layers) * std::pow(2048 / batch, 0.15);
}

Space BoostingSpace() {
  Space space;
  space.parameters = {
      Make("trees", IntRange{20, 2000}, Scale::kLog),
      Make("learning_rate", DoubleRange{0.003, 1}, Scale::kLog),
      Make("depth", IntRange{2, 12}),
      Make("rows", DoubleRange{0.3, 1}),
      Make("columns", DoubleRange{0.2, 1}),
      Make("l2", DoubleRange{1e-4, 100}, Scale::kLog),
      Make("grow", Categories{{"level", "leaf"}}),
      When(Make("leaves", Grid{{8, 16, 31, 63, 127, 255}}), "grow", {"leaf"}),
  };
  return space;
}

double BoostingLoss(const Assignments& a) {
  const double effort = std::log10(Real(a, "trees") * Real(a, "learning_rate"));
  const double lr = std::log10(Real(a, "learning_rate")), l2 = std::log10(Real(a, "l2"));
  const bool leaf = Text(a, "grow") == "leaf";
  const double depth = leaf ? std::log2(Real(a, "leaves", 31)) + 0.3 : Real(a, "depth");
  const double best_effort = 1.3 - 0.12 * (depth - 6);
  return 0.31 + 0.02 * Square(effort - best_effort) * (effort < best_effort ? 2.0 : 0.7) +
         0.004 * std::exp(1.1 * lr + 1) + 0.0016 * Square(depth - 6.5 + 0.5 * l2) +
         0.006 * Square(Real(a, "rows") - 0.75) + 0.008 * Square(Real(a, "columns") - 0.55) +
         0.0012 * Square(l2 - 0.4) + (leaf ? 0 : 0.003) + 0.0008 * std::cos(5 * effort + 2 * depth);
}

constexpr const char* kTops[] = {"256-1", "512-256-1", "1024-512-256-1", "1024-1024-512-256-1"};

Space EmbeddingSpace() {
  Space space;
  space.parameters = {
      Make("embedding", Grid{{4, 8, 16, 32, 64, 128}}),
      Make("top", Categories{{kTops[0], kTops[1], kTops[2], kTops[3]}}),
      Make("interaction", Categories{{"dot", "cat", "cross"}}),
      When(Make("cross_layers", IntRange{1, 6}), "interaction", {"cross"}),
      Make("dense_rate", DoubleRange{1e-3, 10}, Scale::kLog),
      Make("sparse_rate", DoubleRange{1e-3, 10}, Scale::kLog),
      Make("decay", DoubleRange{1e-8, 1e-3}, Scale::kLog),
      Make("warmup", DoubleRange{0, 0.5}),
  };
  return space;
}

double EmbeddingLoss(const Assignments& a) {
  constexpr double kTop[] = {0.006, 0.002, 0.0005, 0.0008};
  size_t top = 0;
  while (kTops[top] != Text(a, "top")) ++top;
  const std::string& interaction = Text(a, "interaction");
  const double cross = Real(a, "cross_layers", 0);
  const double mixing =
      interaction == "dot" ? 0.002 : (interaction == "cat" ? 0.007 : 0.0008 + 0.0006 * Square(cross - 3));
  const double embedding = std::log2(Real(a, "embedding"));
  const double dense = std::log10(Real(a, "dense_rate")), sparse = std::log10(Real(a, "sparse_rate"));
  const double decay = std::log10(Real(a, "decay"));
  const double best_decay = -5.5 + 0.25 * (embedding - 4);
  return 0.4500 + kTop[top] + mixing + 0.010 * std::exp(-0.6 * (embedding - 2)) + 0.0006 * embedding +
         0.006 * Square(dense + 0.9 - 0.5 * Real(a, "warmup")) * (dense > 0 ? 2 : 1) +
         0.004 * Square(sparse - 0.2 + 0.15 * embedding) + 0.0007 * Square(decay - best_decay) +
         0.003 * Square(Real(a, "warmup") - 0.1) + 0.0005 * std::sin(6 * dense) * std::sin(5 * sparse);
}

double EmbeddingMegabytes(const Assignments& a) {
  const double rows = 3.3e6;
  return rows * Real(a, "embedding") * 4 / 1e6 * (Text(a, "interaction") == "dot" ? 1.0 : 1.1) + 60;
}

}  // namespace

std::vector<Problem> TuningProblems() {
  std::vector<Problem> problems;
  problems.push_back({.name = "tune_network",
                      .space = NetworkSpace(),
                      .metrics = {Minimised("loss")},
                      .evaluate = [](const Assignments& a) { return std::vector<double>{NetworkLoss(a)}; },
                      .default_budget = 60});
  problems.push_back({.name = "tune_boosting",
                      .space = BoostingSpace(),
                      .metrics = {Minimised("loss")},
                      .evaluate = [](const Assignments& a) { return std::vector<double>{BoostingLoss(a)}; },
                      .default_budget = 60});
  problems.push_back({.name = "tune_embedding",
                      .space = EmbeddingSpace(),
                      .metrics = {Minimised("loss")},
                      .evaluate = [](const Assignments& a) { return std::vector<double>{EmbeddingLoss(a)}; },
                      .default_budget = 60});
  problems.push_back({.name = "tune_embedding_memory",
                      .space = EmbeddingSpace(),
                      .metrics = {Minimised("loss"), Minimised("megabytes", 300, Strategy::kConstraint)},
                      .evaluate =
                          [](const Assignments& a) {
                            return std::vector<double>{EmbeddingLoss(a), EmbeddingMegabytes(a)};
                          },
                      .default_budget = 60});
  problems.push_back({.name = "tune_network_time",
                      .space = NetworkSpace(),
                      .metrics = {Minimised("loss", 0.4605), Minimised("seconds", 200)},
                      .evaluate =
                          [](const Assignments& a) {
                            return std::vector<double>{NetworkLoss(a), NetworkSeconds(a)};
                          },
                      .default_budget = 45});
  return problems;
}

}  // namespace sda::bench
