#include "clients/cli/core/run_report.h"

#include <algorithm>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "clients/cli/core/table.h"

namespace sda::cli {
namespace {

// The metrics people look at first, in this order; the others follow by name.
constexpr const char* kFirstMetrics[] = {"auc", "logloss", "train_seconds", "test_auc", "test_logloss"};

Document OrNull(const std::string& text) {
  return text.empty() ? Document() : Document(text);
}

Document ToObject(const std::map<std::string, double>& metrics) {
  Document object = Document::object();
  for (const char* name : kFirstMetrics) {
    if (const auto metric = metrics.find(name); metric != metrics.end()) object[name] = metric->second;
  }
  for (const auto& [name, value] : metrics) object[name] = value;
  return object;
}

Document ToObject(const std::vector<std::pair<std::string, Document>>& parameters) {
  Document object = Document::object();
  for (const auto& [name, value] : parameters) object[name] = value;
  return object;
}

std::string CellText(const Document& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return FormatNumber(value.get<double>());
  return value.dump();
}

const Document* Find(const TrialReport& trial, const std::string& parameter) {
  for (const auto& [name, value] : trial.parameters) {
    if (name == parameter) return &value;
  }
  return nullptr;
}

// The metrics worth a column: the first ones, or all where none of those was measured.
std::vector<std::string> MetricColumns(const std::vector<TrialReport>& trials) {
  std::set<std::string> names;
  for (const TrialReport& trial : trials) {
    for (const auto& [name, value] : trial.metrics) names.insert(name);
  }
  std::vector<std::string> columns;
  for (const char* name : kFirstMetrics) {
    if (names.count(name) > 0) columns.emplace_back(name);
  }
  return columns.empty() ? std::vector<std::string>(names.begin(), names.end()) : columns;
}

// Parameters worth a column: those that differ between trials (all, where there is one trial only).
std::vector<std::string> ParameterColumns(const std::vector<TrialReport>& trials) {
  std::set<std::string> names;
  for (const TrialReport& trial : trials) {
    for (const auto& [name, value] : trial.parameters) names.insert(name);
  }
  std::vector<std::string> columns;
  for (const std::string& name : names) {
    std::set<std::string> values;
    for (const TrialReport& trial : trials) {
      const Document* value = Find(trial, name);
      values.insert(value != nullptr ? value->dump() : "");
    }
    if (trials.size() == 1 || values.size() > 1) columns.push_back(name);
  }
  return columns;
}

// "dense.learning_rate" for "optimizer.dense.learning_rate" where "learning_rate" alone would fit two.
std::string ShortName(const std::string& name, const std::vector<std::string>& all) {
  for (size_t dot = name.rfind('.'); dot != std::string::npos;
       dot = dot == 0 ? std::string::npos : name.rfind('.', dot - 1)) {
    const std::string end = name.substr(dot);
    const auto same = std::count_if(
        all.begin(), all.end(), [&](const std::string& other) { return absl::EndsWith("." + other, end); });
    if (same == 1) return end.substr(1);
  }
  return name;
}

std::string RenderBest(const RunReport& report) {
  const TrialReport& best = *report.best;
  std::string text = absl::StrCat("best: trial ", LastSegment(best.name), "\n");
  Table metrics({"  metric", "value"});
  const Document values = ToObject(best.metrics);
  for (const auto& item : values.items()) metrics.AddRow({"  " + item.key(), CellText(item.value())});
  absl::StrAppend(&text, metrics.Render());
  if (!best.parameters.empty()) {
    Table parameters({"  parameter", "value"});
    for (const auto& [name, value] : best.parameters) parameters.AddRow({"  " + name, CellText(value)});
    absl::StrAppend(&text, parameters.Render());
  }
  return text + "\n";
}

}  // namespace

std::string LastSegment(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

Document TrialDocument(const TrialReport& trial) {
  Document object;
  object["trial"] = trial.name;
  object["state"] = trial.state;
  object["parameters"] = ToObject(trial.parameters);
  object["metrics"] = ToObject(trial.metrics);
  object["attempts"] = trial.attempts;
  if (!trial.error.empty()) object["error"] = trial.error;
  return object;
}

Document ToDocument(const RunReport& report) {
  Document object;
  object["run"] = report.run;
  object["state"] = report.state;
  object["goal_met"] = report.goal_met;
  object["reason"] = report.reason;
  object["dataset"] = OrNull(report.dataset);
  object["recipe"] = OrNull(report.recipe);
  object["experiment"] = OrNull(report.experiment);
  object["best"] = Document();
  if (report.best) {
    Document& best = object["best"];
    best["trial"] = report.best->name;
    best["parameters"] = ToObject(report.best->parameters);
    best["metrics"] = ToObject(report.best->metrics);
    best["model"] = OrNull(report.model);
  }
  object["pareto"] = Document::array();
  for (const TrialReport& trial : report.pareto) {
    Document point;
    point["trial"] = trial.name;
    point["metrics"] = ToObject(trial.metrics);
    object["pareto"].push_back(std::move(point));
  }
  object["trials"] = Document::array();
  for (const TrialReport& trial : report.trials) object["trials"].push_back(TrialDocument(trial));
  object["seconds"] = report.seconds;
  return object;
}

std::string RenderTrials(const std::vector<TrialReport>& trials, const std::string& best) {
  const std::vector<std::string> metrics = MetricColumns(trials);
  const std::vector<std::string> parameters = ParameterColumns(trials);
  std::vector<std::string> header = {"trial", "", "state", "attempts"};
  header.insert(header.end(), metrics.begin(), metrics.end());
  for (const std::string& name : parameters) header.push_back(ShortName(name, parameters));
  Table table(header);
  for (const TrialReport& trial : trials) {
    std::vector<std::string> cells = {LastSegment(trial.name), trial.name == best ? "*" : "", trial.state,
                                      absl::StrCat(trial.attempts)};
    for (const std::string& name : metrics) {
      const auto metric = trial.metrics.find(name);
      cells.push_back(metric != trial.metrics.end() ? FormatNumber(metric->second) : "-");
    }
    for (const std::string& name : parameters) {
      const Document* value = Find(trial, name);
      cells.push_back(value != nullptr ? CellText(*value) : "-");
    }
    table.AddRow(std::move(cells));
  }
  std::string text = table.Render();
  for (const TrialReport& trial : trials) {
    if (!trial.error.empty())
      absl::StrAppend(&text, "trial ", LastSegment(trial.name), ": ", trial.error, "\n");
  }
  return text;
}

std::string RenderReport(const RunReport& report) {
  std::string text;
  if (!report.trials.empty()) {
    absl::StrAppend(&text, RenderTrials(report.trials, report.best ? report.best->name : ""), "\n");
  }
  if (report.best) text += RenderBest(report);
  absl::StrAppend(&text, report.run, " ", report.state, " after ", FormatSeconds(report.seconds));
  if (!report.reason.empty()) absl::StrAppend(&text, ": ", report.reason);
  text += '\n';
  if (report.state == "SUCCEEDED") absl::StrAppend(&text, "goal met: ", report.goal_met ? "yes" : "no", "\n");
  if (!report.model.empty()) absl::StrAppend(&text, "model: ", report.model, "\n");
  return text;
}

ExitCode ExitCodeOf(const RunReport& report) {
  if (report.state == "SUCCEEDED") return report.goal_met ? ExitCode::kDone : ExitCode::kGoalNotMet;
  return report.bad_input ? ExitCode::kBadInput : ExitCode::kFailed;
}

}  // namespace sda::cli
