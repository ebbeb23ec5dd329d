#ifndef SDA_SERVICES_OPTIMIZER_SERVER_NAMES_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

// Resource names of the optimizer; made and read here only. {x}_id is one component, {x}_name the full path.
namespace sda::optimizer {

struct TrialId {
  std::string experiment_id;
  int64_t number = 0;

  bool operator==(const TrialId&) const = default;
};

// 1 to 63 characters of [a-z0-9-], beginning with a letter.
bool IsResourceId(std::string_view id);

std::string ExperimentName(std::string_view experiment_id);
std::string TrialName(std::string_view experiment_id, int64_t number);

// The {experiment} of an experiment's name; "" if it is none.
std::string ExperimentIdOf(std::string_view name);

// INVALID_ARGUMENT names `field` and the format.
absl::StatusOr<std::string> ParseExperimentName(std::string_view field, std::string_view name);
absl::StatusOr<TrialId> ParseTrialName(std::string_view field, std::string_view name);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_NAMES_H_
