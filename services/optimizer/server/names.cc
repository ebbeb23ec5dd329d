#include "services/optimizer/server/names.h"

#include <algorithm>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "common/base/error.h"
#include "common/base/strings.h"

namespace sda::optimizer {

bool IsResourceId(std::string_view id) {
  if (id.empty() || id.size() > 63 || id[0] < 'a' || id[0] > 'z') return false;
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

std::string ExperimentName(std::string_view experiment_id) {
  return absl::StrCat("experiments/", ToAbsl(experiment_id));
}

std::string TrialName(std::string_view experiment_id, int64_t number) {
  return absl::StrCat("experiments/", ToAbsl(experiment_id), "/trials/", number);
}

std::string ExperimentIdOf(std::string_view name) {
  constexpr std::string_view kPrefix = "experiments/";
  if (!name.starts_with(kPrefix)) return "";
  name.remove_prefix(kPrefix.size());
  return IsResourceId(name) ? std::string(name) : "";
}

absl::StatusOr<std::string> ParseExperimentName(std::string_view field, std::string_view name) {
  absl::string_view rest = ToAbsl(name);
  if (absl::ConsumePrefix(&rest, "experiments/") && IsResourceId(ToStd(rest))) return std::string(rest);
  return InvalidField(
      field, absl::StrCat("is \"", ToAbsl(name.substr(0, 200)), "\"; must read experiments/{experiment}"));
}

absl::StatusOr<TrialId> ParseTrialName(std::string_view field, std::string_view name) {
  const size_t trials = name.find("/trials/");
  TrialId id;
  if (trials != std::string_view::npos) {
    const auto experiment = ParseExperimentName(field, name.substr(0, trials));
    const std::string_view number = name.substr(trials + 8);
    if (experiment.ok() && absl::SimpleAtoi(ToAbsl(number), &id.number) && id.number > 0 &&
        absl::StrCat(id.number) == ToAbsl(number)) {
      id.experiment_id = *experiment;
      return id;
    }
  }
  return InvalidField(field, absl::StrCat("is \"", ToAbsl(name.substr(0, 200)),
                                          "\"; must read experiments/{experiment}/trials/{trial}"));
}

}  // namespace sda::optimizer
