#include "services/preprocessing/core/pipeline/chosen_steps.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <nlohmann/json.hpp>

namespace sda::preprocessing {

std::string QuotedInYaml(const std::string& name) {
  // JSON's quotes are YAML's.
  return nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string StepComment(const std::string& column, const std::string& reason) {
  // A line break in a name would end the comment.
  return absl::StrCat(
      "  # ", absl::StrReplaceAll(absl::StrCat(column, ": ", reason), {{"\n", " "}, {"\r", " "}}), "\n");
}

std::string StepInYaml(const std::string& operation, const std::vector<std::string>& inputs,
                       const std::string& options) {
  if (inputs.empty()) return "";
  const auto quoted = [](std::string* out, const std::string& name) { out->append(QuotedInYaml(name)); };
  return absl::StrCat("  - {operation: ", operation, ", inputs: [", absl::StrJoin(inputs, ", ", quoted), "]",
                      options.empty() ? "" : ", ", options, "}\n");
}

}  // namespace sda::preprocessing
