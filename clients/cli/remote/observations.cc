#include "clients/cli/remote/observations.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/base/error.h"

namespace sda::cli {
namespace {

using optimizer::v1::Experiment;
using optimizer::v1::Trial;

// What a column holds.
struct Column {
  const optimizer::v1::Parameter* parameter = nullptr;
  std::string metric, deviation_of;
};

std::optional<Column> ColumnOf(const std::string& name, const Experiment& experiment) {
  for (const auto& parameter : experiment.parameters()) {
    if (parameter.name() == name) return Column{.parameter = &parameter, .metric = {}, .deviation_of = {}};
  }
  for (const auto& metric : experiment.metrics()) {
    if (metric.name() == name) return Column{.metric = name, .deviation_of = {}};
  }
  for (const auto& metric : experiment.metrics()) {
    if (metric.name() + ".stddev" == name) return Column{.metric = {}, .deviation_of = metric.name()};
  }
  return std::nullopt;
}

bool ParseNumber(const std::string& text, double& value) {
  return absl::SimpleAtod(text, &value) && std::isfinite(value);
}

// The problem, or nothing.
std::string TakeCell(const Column& column, const std::string& cell, Trial& trial) {
  if (cell.empty()) return "";
  if (column.parameter == nullptr) {
    double value = 0;
    if (!ParseNumber(cell, value)) return "must be a finite number";
    if (!column.metric.empty()) {
      (*trial.mutable_metrics())[column.metric].set_value(value);
    } else {
      (*trial.mutable_metrics())[column.deviation_of].set_stddev(value);
    }
    return "";
  }
  auto& value = (*trial.mutable_assignments())[column.parameter->name()];
  if (column.parameter->has_categories()) {
    value.set_string_value(cell);
  } else if (column.parameter->has_int_range()) {
    int64_t integer = 0;
    if (!absl::SimpleAtoi(cell, &integer)) return "must be an integer";
    value.set_int_value(integer);
  } else {
    double number = 0;
    if (!ParseNumber(cell, number)) return "must be a finite number";
    value.set_double_value(number);
  }
  return "";
}

// "trials[3].metrics[auc].stddev": row 3, and the column of auc's deviation.
std::optional<std::string> PlaceOfField(const std::string& field, const ObservationTable& table) {
  absl::string_view rest = field;
  if (!absl::ConsumePrefix(&rest, "trials[")) return std::nullopt;
  const size_t end = rest.find(']');
  size_t row = 0;
  if (end == absl::string_view::npos || !absl::SimpleAtoi(rest.substr(0, end), &row) ||
      row >= table.rows.size())
    return std::nullopt;
  const size_t open = rest.find('[', end), close = rest.rfind(']');
  if (open == absl::string_view::npos || close <= open) return absl::StrCat("line ", table.rows[row].line);
  std::string name(rest.substr(open + 1, close - open - 1));
  if (rest.substr(close + 1) == ".stddev") name += ".stddev";
  const auto column = std::find(table.header.begin(), table.header.end(), name);
  if (column == table.header.end()) return absl::StrCat("line ", table.rows[row].line, " (", name, ")");
  return PlaceOf(table, row, static_cast<size_t>(column - table.header.begin()));
}

}  // namespace

absl::StatusOr<optimizer::v1::BatchCreateTrialsRequest> ToTrials(const ObservationTable& table,
                                                                 const std::string& file,
                                                                 const Experiment& experiment) {
  std::vector<std::string> problems;
  std::vector<Column> columns;
  for (size_t c = 0; c < table.header.size(); ++c) {
    const auto column = ColumnOf(table.header[c], experiment);
    if (!column) {
      problems.push_back(absl::StrCat("line 1, column ", c + 1, ": \"", table.header[c],
                                      "\" is neither a parameter nor a metric of ", experiment.name()));
    }
    columns.push_back(column.value_or(Column{}));
  }
  if (!problems.empty()) return BadTable(file, problems);
  optimizer::v1::BatchCreateTrialsRequest request;
  request.set_parent(experiment.name());
  for (size_t r = 0; r < table.rows.size(); ++r) {
    Trial& trial = *request.add_trials();
    for (size_t c = 0; c < columns.size(); ++c) {
      const std::string& cell = table.rows[r].cells[c];
      const std::string problem = TakeCell(columns[c], cell, trial);
      if (!problem.empty())
        problems.push_back(
            absl::StrCat(PlaceOf(table, r, c), ": is \"", cell.substr(0, 100), "\"; ", problem));
    }
    for (const auto& metric : experiment.metrics()) {
      const bool needed = metric.strategy() != optimizer::v1::Metric::STRATEGY_STORE;
      const auto value = trial.metrics().find(metric.name());
      const auto column = std::find(table.header.begin(), table.header.end(), metric.name());
      const bool there = column != table.header.end() &&
                         !table.rows[r].cells[static_cast<size_t>(column - table.header.begin())].empty();
      if (there) continue;
      if (needed)
        problems.push_back(
            absl::StrCat("line ", table.rows[r].line, ": has no value of the metric ", metric.name()));
      else if (value != trial.metrics().end())
        problems.push_back(
            absl::StrCat("line ", table.rows[r].line, ": has a deviation but no value of ", metric.name()));
    }
  }
  if (!problems.empty()) return BadTable(file, problems);
  return request;
}

absl::Status WithPlaces(const absl::Status& status, const ObservationTable& table, const std::string& file) {
  const auto detail = GetErrorDetail(status);
  if (!detail || detail->violations.empty()) return status;
  std::vector<std::string> problems;
  for (const FieldViolation& violation : detail->violations) {
    const auto place = PlaceOfField(violation.field, table);
    if (!place) return status;
    problems.push_back(absl::StrCat(*place, ": ", violation.description));
  }
  return BadTable(file, problems);
}

}  // namespace sda::cli
