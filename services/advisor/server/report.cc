#include "services/advisor/server/report.h"

#include <cstdio>
#include <map>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <nlohmann/json.hpp>

#include "services/advisor/core/spec.h"
#include "services/advisor/server/outcome.h"

namespace sda::advisor {
namespace {

using Json = nlohmann::ordered_json;
using optimizer::v1::ParameterValue;
using optimizer::v1::Trial;

std::string StateName(Trial::State state) {
  const std::string name = Trial::State_Name(state);
  return name.substr(name.find('_') + 1);
}

Json ToJson(const ParameterValue& value) {
  switch (value.value_case()) {
    case ParameterValue::kDoubleValue:
      return value.double_value();
    case ParameterValue::kIntValue:
      return value.int_value();
    default:
      return value.string_value();
  }
}

// Protobuf maps have no order; reports do.
template <class ProtoMap>
auto Sorted(const ProtoMap& entries) {
  return std::map<std::string, typename ProtoMap::mapped_type>(entries.begin(), entries.end());
}

Json Parameters(const Trial& trial) {
  Json json = Json::object();
  for (const auto& [name, value] : Sorted(trial.assignments())) json[name] = ToJson(value);
  return json;
}

Json Metrics(const Trial& trial) {
  Json json = Json::object();
  for (const auto& [name, value] : Sorted(trial.metrics())) json[name] = value.value();
  return json;
}

Json ToJson(const Trial& trial) {
  return {{"trial", trial.name()},
          {"state", StateName(trial.state())},
          {"parameters", Parameters(trial)},
          {"metrics", Metrics(trial)},
          {"attempts", trial.attempt()}};
}

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
}

std::string Cell(const std::string& text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"\n", " "}});
}

std::string Number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.5g", value);
  return text;
}

std::string Value(const ParameterValue& value) {
  return value.value_case() == ParameterValue::kDoubleValue ? Number(value.double_value())
         : value.value_case() == ParameterValue::kIntValue  ? absl::StrCat(value.int_value())
                                                            : Cell(value.string_value());
}

void AddTrialTable(const v1::Recipe& recipe, const std::vector<Trial>& trials, std::string& out) {
  std::vector<std::string> metrics, parameters;
  for (const auto& metric : recipe.metrics()) metrics.push_back(metric.name());
  for (const auto& parameter : recipe.parameters()) parameters.push_back(parameter.name());
  absl::StrAppend(&out, "| trial | state |");
  for (const std::string& name : metrics) absl::StrAppend(&out, " ", Cell(name), " |");
  for (const std::string& name : parameters) absl::StrAppend(&out, " ", Cell(name), " |");
  absl::StrAppend(&out, "\n|---|---|");
  for (size_t i = 0; i < metrics.size() + parameters.size(); ++i) absl::StrAppend(&out, "---|");
  for (const Trial& trial : trials) {
    absl::StrAppend(&out, "\n| ", trial.name().substr(trial.name().rfind('/') + 1), " | ",
                    StateName(trial.state()), " |");
    for (const std::string& name : metrics) {
      const auto found = trial.metrics().find(name);
      absl::StrAppend(&out, " ", found == trial.metrics().end() ? "" : Number(found->second.value()), " |");
    }
    for (const std::string& name : parameters) {
      const auto found = trial.assignments().find(name);
      absl::StrAppend(&out, " ", found == trial.assignments().end() ? "" : Value(found->second), " |");
    }
  }
  absl::StrAppend(&out, "\n");
}

}  // namespace

std::string ReportJson(const RunEntry& entry, const std::vector<Trial>& trials) {
  const v1::RunResult& result = entry.run.result();
  Json best = ToJson(result.best());
  for (const auto& [name, value] : Sorted(result.test_metrics())) best["metrics"][name] = value;
  best["model"] = result.model_uri();
  Json json = {{"run", entry.run.name()},
               {"goal_met", result.goal_met()},
               {"reason", result.reason()},
               {"dataset", entry.run.dataset()},
               {"recipe", entry.run.recipe()},
               {"experiment", entry.run.experiment()},
               {"best", best},
               {"pareto", Json::array()},
               {"trials", Json::array()},
               {"seconds", Seconds(result.elapsed())}};
  for (const Trial& trial : result.pareto())
    json["pareto"].push_back({{"trial", trial.name()}, {"metrics", Metrics(trial)}});
  for (const Trial& trial : trials) json["trials"].push_back(ToJson(trial));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ReportMarkdown(const RunEntry& entry, const std::vector<Trial>& trials) {
  const v1::RunResult& result = entry.run.result();
  const std::string thresholds = ThresholdText(entry.recipe);
  std::string out = absl::StrCat("# ", entry.run.name(), "\n\n", result.reason(), "\n\n");
  if (!thresholds.empty()) {
    absl::StrAppend(&out, "Goal: ", thresholds, result.goal_met() ? " (met)" : " (not met)", ".\n\n");
  }
  absl::StrAppend(&out, "| | |\n|---|---|\n| dataset | ", entry.run.dataset(), " |\n| recipe | ",
                  entry.run.recipe(), " |\n| experiment | ", entry.run.experiment(), " |\n| model | ",
                  result.model_uri(), " |\n| time | ", Number(Seconds(result.elapsed())),
                  " s |\n\n## Delivered: ", result.best().name(), "\n\n| metric | value |\n|---|---|\n");
  for (const auto& [name, value] : Sorted(result.best().metrics())) {
    absl::StrAppend(&out, "| ", Cell(name), " | ", Number(value.value()), " |\n");
  }
  for (const auto& [name, value] : Sorted(result.test_metrics())) {
    absl::StrAppend(&out, "| ", Cell(name), " | ", Number(value), " |\n");
  }
  absl::StrAppend(
      &out,
      "\nMetrics named test_… were measured once, on the test rows; the others on the validation rows, by ",
      "which trials are selected.\n\n## Trials\n\n");
  AddTrialTable(entry.recipe, trials, out);
  absl::StrAppend(&out, "\n## Recipe\n\n```yaml\n", entry.recipe.yaml(), "```\n");
  return out;
}

}  // namespace sda::advisor
