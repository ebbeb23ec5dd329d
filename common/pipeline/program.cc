#include "common/pipeline/program.h"

#include <absl/strings/str_cat.h>

namespace sda::pipeline {

bool Node::is_row_operation() const {
  return conversion == Conversion::kNone &&
         (std::holds_alternative<Filter>(operation) || std::holds_alternative<SampleNegatives>(operation) ||
          std::holds_alternative<Distinct>(operation) || std::holds_alternative<Sort>(operation) ||
          std::holds_alternative<SplitRows>(operation));
}

bool Node::learns() const {
  if (conversion != Conversion::kNone) return false;
  if (const auto* split = std::get_if<SplitRows>(&operation)) {
    using By = SplitRows::By;
    return split->by == By::kTime || split->by == By::kLeaveLastOut || split->by == By::kLastPart;
  }
  if (const auto* fill = std::get_if<FillMissing>(&operation))
    return fill->strategy != FillMissing::Strategy::kConstant;
  if (const auto* bucket = std::get_if<QuantileBucket>(&operation)) return bucket->buckets > 0;
  return std::holds_alternative<Standardise>(operation) || std::holds_alternative<Categorify>(operation) ||
         std::holds_alternative<GroupCategorify>(operation) ||
         std::holds_alternative<CountEncode>(operation) ||
         std::holds_alternative<FrequencyEncode>(operation) ||
         std::holds_alternative<TargetEncode>(operation) || std::holds_alternative<MultiHot>(operation) ||
         std::holds_alternative<Distinct>(operation) || std::holds_alternative<Sort>(operation);
}

std::string Program::Describe(const Node& node) const {
  const std::string step = absl::StrCat("steps[", node.step, "]");
  return node.conversion == Conversion::kNone ? absl::StrCat(step, " (", OperationName(node.operation), ")")
                                              : step;
}

bool MatchesPattern(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;  // the last "*", and where its text began
  size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace sda::pipeline
