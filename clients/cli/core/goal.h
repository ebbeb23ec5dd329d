#ifndef SDA_CLIENTS_CLI_CORE_GOAL_H_
#define SDA_CLIENTS_CLI_CORE_GOAL_H_

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// What one metric is to do in a search.
struct GoalMetric {
  std::string name;
  bool optimize = true;  // false: only its threshold counts
  bool maximize = true;
  std::optional<double> threshold;

  bool operator==(const GoalMetric&) const = default;
};

// Reads what users write after --goal, in order of first mention:
//
//   maximize METRIC | minimize METRIC     (also max, min, maximise, minimise)
//   METRIC>=NUMBER | METRIC<=NUMBER       a threshold; blanks are allowed around the operator
//
// Several goals may also stand in one text, separated by commas. A threshold is a condition where another
// metric is optimised ("auc>=0.8", "minimize train_seconds"); where nothing is, its own metric is optimised
// beyond it. No text at all means "maximize auc". INVALID_ARGUMENT names the goal and what is allowed: an
// unknown metric, a direction no one can want (maximize logloss), a threshold outside the metric's range, two
// statements that contradict each other.
absl::StatusOr<std::vector<GoalMetric>> ParseGoals(const std::vector<std::string>& texts);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_GOAL_H_
