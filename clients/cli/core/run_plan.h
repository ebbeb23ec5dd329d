#ifndef SDA_CLIENTS_CLI_CORE_RUN_PLAN_H_
#define SDA_CLIENTS_CLI_CORE_RUN_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "clients/cli/core/goal.h"
#include "clients/cli/core/input_plan.h"

namespace sda::cli {

// The options of `sda run` that say what to do, as given.
struct RunFlags {
  InputFlags input;
  std::optional<std::string> dataset;
  std::optional<std::string> recipe;
  std::optional<std::string> model;
  std::vector<std::string> goals;
  std::optional<std::string> budget;
  std::optional<std::string> parallel;
  std::optional<std::string> run_id;
  std::optional<std::string> resume;
};

// The same, understood and checked. Exactly one of resume, input, dataset and recipe (file or name) says
// where it begins.
struct RunPlan {
  std::string resume;  // "runs/…"
  std::optional<InputPlan> input;
  std::string dataset;      // "datasets/…"
  std::string recipe;       // "recipes/…"
  std::string recipe_file;  // path of a recipe's YAML
  std::string recipe_yaml;  // its text
  std::string model;        // empty: the services' default
  bool goals_given = false;
  std::vector<GoalMetric> goals;
  int64_t budget = 0;    // 0: the recipe's
  int64_t parallel = 0;  // 0: the recipe's, else 1
  int64_t seed = 0;
  std::string run_id;  // empty: chosen by the services
};

inline constexpr int64_t kMaxBudget = 1000000;
inline constexpr int64_t kMaxParallel = 10000;
inline constexpr size_t kMaxRecipeBytes = 1 << 20;

// INVALID_ARGUMENT names the option, its value and the rule.
absl::StatusOr<RunPlan> PlanRun(const RunFlags& flags, FileCheck check);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_RUN_PLAN_H_
