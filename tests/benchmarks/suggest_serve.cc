#include "tests/benchmarks/suggest_serve.h"

#include <algorithm>
#include <cmath>
#include <istream>
#include <limits>
#include <ostream>
#include <string>

#include <absl/strings/numbers.h>
#include <nlohmann/json.hpp>

#include "services/optimizer/core/bayes/believed_best.h"

namespace sda::bench {
namespace {

using namespace optimizer;  // NOLINT: domains of parameters
using nlohmann::ordered_json;

ordered_json Describe(const Value& value) {
  return std::visit([](const auto& plain) { return ordered_json(plain); }, value);
}

ordered_json Describe(const Parameter& parameter) {
  constexpr const char* kScales[] = {"linear", "log", "logit"};
  ordered_json json{{"name", parameter.name}};
  if (const auto* range = std::get_if<DoubleRange>(&parameter.domain)) {
    json["double"] = {range->min, range->max};
  } else if (const auto* integers = std::get_if<IntRange>(&parameter.domain)) {
    json["int"] = {integers->min, integers->max};
  } else if (const auto* grid = std::get_if<Grid>(&parameter.domain)) {
    json["grid"] = grid->values;
  } else {
    json["categories"] = std::get<Categories>(parameter.domain).values;
  }
  json["scale"] = kScales[static_cast<size_t>(parameter.scale)];
  json["conditions"] = ordered_json::array();
  for (const Condition& condition : parameter.conditions) {
    ordered_json values = ordered_json::array();
    for (const Value& value : condition.values) values.push_back(Describe(value));
    json["conditions"].push_back({{"parameter", condition.parameter}, {"values", std::move(values)}});
  }
  return json;
}

ordered_json Describe(const Problem& problem) {
  ordered_json json{{"problem", problem.name}, {"budget", problem.default_budget}};
  json["parameters"] = ordered_json::array();
  for (const Parameter& parameter : problem.space.parameters)
    json["parameters"].push_back(Describe(parameter));
  json["metrics"] = ordered_json::array();
  for (const Metric& metric : problem.metrics) {
    json["metrics"].push_back(
        {{"name", metric.name}, {"constraint", metric.strategy == Strategy::kConstraint}});
    if (metric.threshold) json["metrics"].back()["threshold"] = *metric.threshold;
  }
  if (problem.optimum) json["optimum"] = *problem.optimum;
  return json;
}

// Each value as its parameter's domain has it: JSON does not tell 1 from 1.0.
Assignments Read(const Space& space, const ordered_json& line) {
  Assignments assignments;
  for (const auto& [name, value] : line.items()) {
    const Parameter* parameter = space.Find(name);
    if (value.is_string()) {
      assignments[name] = value.get<std::string>();
    } else if (parameter != nullptr && std::holds_alternative<IntRange>(parameter->domain)) {
      assignments[name] = value.get<int64_t>();
    } else {
      assignments[name] = value.get<double>();
    }
  }
  return assignments;
}

size_t BelievedBestOf(const Problem& problem, const std::vector<Assignments>& points,
                      const std::vector<double>& values) {
  SearchState state{.space = problem.space, .metrics = problem.metrics, .trials = {}};
  for (size_t i = 0; i < points.size() && i < values.size(); ++i) {
    state.trials.push_back({.state = ObservedTrial::State::kSucceeded,
                            .assignments = points[i],
                            .metrics = {{problem.metrics[0].name, values[i]}}});
  }
  return bayes::BelievedBest(state).value_or(0);
}

}  // namespace

double QualityOf(const Problem& problem, std::span<const bayes::Objectives> points) {
  if (problem.objectives() > 1) {
    bayes::Objectives reference;
    for (int m = 0; m < problem.objectives(); ++m)
      reference.push_back(*problem.metrics[static_cast<size_t>(m)].threshold);
    return bayes::Hypervolume(points, reference);
  }
  double best = std::numeric_limits<double>::infinity();
  for (const auto& point : points) best = std::min(best, point[0]);
  return best;
}

void ServeProblem(const Problem& problem, std::istream& in, std::ostream& out) {
  out << Describe(problem).dump() << '\n' << std::flush;
  std::vector<bayes::Objectives> points;
  std::vector<Assignments> tried;
  auto evaluate = problem.evaluate;
  for (std::string line; std::getline(in, line);) {
    uint64_t seed = 0;
    const bool seeded = line.starts_with("reset ") && absl::SimpleAtoi(line.substr(6), &seed);
    if (line == "reset" || seeded) {
      if (seeded && problem.of_seed) evaluate = problem.of_seed(seed);
      points.clear();
      tried.clear();
      out << "{}" << '\n' << std::flush;
      continue;
    }
    ordered_json answer;
    try {
      const ordered_json request = ordered_json::parse(line);
      if (request.is_array()) {
        answer["believed"] = BelievedBestOf(problem, tried, request.get<std::vector<double>>());
        out << answer.dump() << '\n' << std::flush;
        continue;
      }
      const Assignments assignments = Read(problem.space, request);
      if (const auto violations = CheckAssignments(problem.space, assignments, ""); !violations.empty()) {
        answer["error"] = violations[0].field + ": " + violations[0].description;
      } else {
        const std::vector<double> values = evaluate(assignments);
        bool keeps = true;
        for (size_t m = 0; m < values.size(); ++m) {
          const Metric& metric = problem.metrics[m];
          if (metric.strategy == Strategy::kConstraint) keeps = keeps && values[m] <= *metric.threshold;
        }
        if (keeps) points.emplace_back(values.begin(), values.begin() + problem.objectives());
        tried.push_back(assignments);
        answer["values"] = values;
        const double quality = QualityOf(problem, points);
        answer["quality"] = std::isfinite(quality) ? ordered_json(quality) : ordered_json(nullptr);
      }
    } catch (const nlohmann::json::exception& error) {
      answer = {{"error", error.what()}};
    }
    out << answer.dump() << '\n' << std::flush;
  }
}

}  // namespace sda::bench
