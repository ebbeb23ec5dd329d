#include "clients/cli/core/goal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Better { kLarger, kSmaller, kEither };

struct KnownMetric {
  const char* name;
  Better better;
  double largest;  // thresholds lie in [0, largest]
};

// What a trainer reports. Calibration is best at 1, so that a bound on either side makes sense.
constexpr std::array kMetrics = {
    KnownMetric{"auc", Better::kLarger, 1},
    KnownMetric{"logloss", Better::kSmaller, kInfinity},
    KnownMetric{"normalized_entropy", Better::kSmaller, kInfinity},
    KnownMetric{"accuracy", Better::kLarger, 1},
    KnownMetric{"calibration", Better::kEither, kInfinity},
    KnownMetric{"train_seconds", Better::kSmaller, kInfinity},
    KnownMetric{"samples_per_second", Better::kLarger, kInfinity},
};

absl::Status BadGoal(const std::string& text, const std::string& rule) {
  return InvalidField("--goal", absl::StrCat("'", text, "': ", rule));
}

std::string MetricNames() {
  std::string names;
  for (const KnownMetric& metric : kMetrics) absl::StrAppend(&names, names.empty() ? "" : ", ", metric.name);
  return names;
}

absl::StatusOr<KnownMetric> FindMetric(const std::string& text, const std::string& name) {
  const auto known = std::find_if(kMetrics.begin(), kMetrics.end(),
                                  [&](const KnownMetric& metric) { return metric.name == name; });
  if (known == kMetrics.end()) {
    return BadGoal(text, absl::StrCat("'", name, "' is not a metric; allowed are ", MetricNames()));
  }
  return *known;
}

absl::Status CheckDirection(const std::string& text, const KnownMetric& metric, bool maximize) {
  if (metric.better == Better::kLarger && !maximize) {
    return BadGoal(text, absl::StrCat("larger ", metric.name, " is better; write 'maximize ", metric.name,
                                      "' or '", metric.name, ">=NUMBER'"));
  }
  if (metric.better == Better::kSmaller && maximize) {
    return BadGoal(text, absl::StrCat("smaller ", metric.name, " is better; write 'minimize ", metric.name,
                                      "' or '", metric.name, "<=NUMBER'"));
  }
  return absl::OkStatus();
}

// "auc>=0.8": a metric with a threshold; `optimize` is decided once all goals are known.
absl::StatusOr<GoalMetric> ParseThreshold(const std::string& text, size_t operator_at) {
  GoalMetric goal;
  goal.name = std::string(absl::StripAsciiWhitespace(text.substr(0, operator_at)));
  goal.maximize = text[operator_at] == '>';
  goal.optimize = false;
  SDA_ASSIGN_OR_RETURN(const KnownMetric metric, FindMetric(text, goal.name));
  SDA_RETURN_IF_ERROR(CheckDirection(text, metric, goal.maximize));
  const std::string number(absl::StripAsciiWhitespace(text.substr(operator_at + 2)));
  double value = 0;
  if (!absl::SimpleAtod(number, &value) || !std::isfinite(value) ||
      !(value >= 0 && value <= metric.largest)) {
    return BadGoal(text, metric.largest == kInfinity
                             ? absl::StrCat("'", number, "' is not a number of at least 0")
                             : absl::StrFormat("'%s' is not a number from 0 to %g", number, metric.largest));
  }
  goal.threshold = value;
  return goal;
}

absl::StatusOr<GoalMetric> ParseDirection(const std::string& text) {
  const std::vector<std::string> words = absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const bool maximize =
      !words.empty() && (words[0] == "maximize" || words[0] == "maximise" || words[0] == "max");
  const bool minimize =
      !words.empty() && (words[0] == "minimize" || words[0] == "minimise" || words[0] == "min");
  if (words.size() != 2 || !(maximize || minimize)) {
    return BadGoal(text, absl::StrCat("a goal is 'maximize METRIC', 'minimize METRIC', 'METRIC>=NUMBER' or "
                                      "'METRIC<=NUMBER'; metrics are ",
                                      MetricNames()));
  }
  SDA_ASSIGN_OR_RETURN(const KnownMetric metric, FindMetric(text, words[1]));
  SDA_RETURN_IF_ERROR(CheckDirection(text, metric, maximize));
  GoalMetric goal;
  goal.name = words[1];
  goal.maximize = maximize;
  return goal;
}

absl::StatusOr<GoalMetric> ParseOne(const std::string& text) {
  const size_t two = std::min(text.find(">="), text.find("<="));
  if (two != std::string::npos) return ParseThreshold(text, two);
  if (text.find_first_of("<>=") != std::string::npos) {
    return BadGoal(text, "a threshold is written METRIC>=NUMBER or METRIC<=NUMBER");
  }
  return ParseDirection(text);
}

// Adds a statement to what was said of the same metric before.
absl::Status Merge(const std::string& text, const GoalMetric& goal, std::vector<GoalMetric>& goals) {
  const auto earlier = std::find_if(goals.begin(), goals.end(),
                                    [&](const GoalMetric& other) { return other.name == goal.name; });
  if (earlier == goals.end()) {
    goals.push_back(goal);
    return absl::OkStatus();
  }
  if (earlier->maximize != goal.maximize) {
    return BadGoal(text, absl::StrCat("contradicts another goal for ", goal.name));
  }
  if (earlier->threshold && goal.threshold && *earlier->threshold != *goal.threshold) {
    return BadGoal(text, absl::StrFormat("%s already has the threshold %g", goal.name, *earlier->threshold));
  }
  earlier->optimize = earlier->optimize || goal.optimize;
  if (goal.threshold) earlier->threshold = goal.threshold;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GoalMetric>> ParseGoals(const std::vector<std::string>& texts) {
  std::vector<GoalMetric> goals;
  for (const std::string& list : texts) {
    const std::vector<std::string> parts = absl::StrSplit(list, ',');
    for (const std::string& part : parts) {
      const std::string text(absl::StripAsciiWhitespace(part));
      SDA_ASSIGN_OR_RETURN(const GoalMetric goal, ParseOne(text));
      SDA_RETURN_IF_ERROR(Merge(text, goal, goals));
    }
  }
  if (goals.empty()) {
    GoalMetric auc;
    auc.name = "auc";
    goals.push_back(auc);
  }
  if (std::none_of(goals.begin(), goals.end(), [](const GoalMetric& goal) { return goal.optimize; })) {
    for (GoalMetric& goal : goals) goal.optimize = true;
  }
  constexpr int kMaxOptimized = 4;
  if (std::count_if(goals.begin(), goals.end(), [](const GoalMetric& g) { return g.optimize; }) >
      kMaxOptimized) {
    return BadGoal(texts.back(), "at most 4 metrics can be optimised; leave the others to thresholds");
  }
  return goals;
}

}  // namespace sda::cli
