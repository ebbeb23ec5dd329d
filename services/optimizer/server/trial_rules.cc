#include "services/optimizer/server/trial_rules.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include "services/optimizer/server/converters.h"

namespace sda::optimizer {
namespace {

constexpr size_t kMaxMetadataBytes = 10'000;
constexpr size_t kMaxMetadataKeyBytes = 200;
constexpr size_t kMaxMetadata = 100;

// Names are cut: a path is for people.
std::string Entry(const std::string& path, const std::string& key) {
  return absl::StrCat(path, "[", key.substr(0, 100), "]");
}

}  // namespace

void CheckMetadata(const google::protobuf::Map<std::string, std::string>& metadata, const std::string& path,
                   std::vector<FieldViolation>& violations) {
  if (metadata.size() > kMaxMetadata)
    violations.push_back(
        {path, absl::StrCat("has ", metadata.size(), " entries; must have at most ", kMaxMetadata)});
  for (const auto& [key, value] : metadata) {
    if (key.size() > kMaxMetadataKeyBytes)
      violations.push_back(
          {Entry(path, key),
           absl::StrCat("has a key of ", key.size(), " bytes; must have at most ", kMaxMetadataKeyBytes)});
    if (value.size() > kMaxMetadataBytes)
      violations.push_back({Entry(path, key), absl::StrCat("has ", value.size(), " bytes; must have at most ",
                                                           kMaxMetadataBytes)});
  }
}

void CheckAssignmentValues(const google::protobuf::Map<std::string, v1::ParameterValue>& assignments,
                           const std::string& path, std::vector<FieldViolation>& violations) {
  for (const auto& [name, value] : assignments) {
    if (value.value_case() == v1::ParameterValue::VALUE_NOT_SET)
      violations.push_back({Entry(path, name),
                            "has no value; must have one of double_value, int_value, "
                            "string_value"});
  }
}

void CheckGivenMetrics(const std::vector<Metric>& metrics,
                       const google::protobuf::Map<std::string, v1::MetricValue>& values,
                       const std::string& path, std::vector<FieldViolation>& violations) {
  for (const auto& [name, value] : values) {
    const std::string& metric = name;
    if (std::none_of(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.name == metric; })) {
      violations.push_back({Entry(path, name), "is no metric of the experiment"});
      continue;
    }
    if (!std::isfinite(value.value()))
      violations.push_back(
          {Entry(path, name), absl::StrCat("is ", value.value(), "; must be a finite number")});
    if (value.has_stddev() && !(value.stddev() >= 0 && std::isfinite(value.stddev())))
      violations.push_back({Entry(path, name) + ".stddev",
                            absl::StrCat("is ", value.stddev(), "; must be finite and at least 0")});
  }
}

void CheckGivenTrial(const Space& space, const std::vector<Metric>& metrics, const v1::Trial& trial,
                     const std::string& path, std::vector<FieldViolation>& violations) {
  CheckMetadata(trial.metadata(), path + ".metadata", violations);
  const size_t before = violations.size();
  CheckAssignmentValues(trial.assignments(), path + ".assignments", violations);
  if (violations.size() == before) {
    auto found = CheckAssignments(space, ToAssignments(trial.assignments()), path + ".assignments");
    violations.insert(violations.end(), found.begin(), found.end());
  }
  if (trial.metrics().empty()) return;
  CheckGivenMetrics(metrics, trial.metrics(), path + ".metrics", violations);
  if (const auto missing = MissingMetric(metrics, ToMetricValues(trial.metrics()))) {
    violations.push_back({Entry(path + ".metrics", *missing),
                          "is missing; every OPTIMIZE and CONSTRAINT metric needs a value"});
  }
}

}  // namespace sda::optimizer
