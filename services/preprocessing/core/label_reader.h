#ifndef SDA_SERVICES_PREPROCESSING_CORE_LABEL_READER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_LABEL_READER_H_

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/numbers.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/missing_test.h"

namespace sda::preprocessing {

// Tells clicks from the rest. With positive values, those are clicks and all others are not; without, labels
// must be the numbers 0 and 1. A missing label is an error either way, unless it is one of the positive
// values.
class LabelReader {
 public:
  LabelReader(std::vector<std::string> positive_values, MissingTest missing)
      : positive_values_(std::move(positive_values)), missing_(std::move(missing)) {}

  // Nothing where the field is no label.
  std::optional<bool> Read(std::string_view field) const {
    if (!positive_values_.empty()) {
      if (std::find(positive_values_.begin(), positive_values_.end(), field) != positive_values_.end())
        return true;
      return missing_(field) ? std::nullopt : std::optional<bool>(false);
    }
    if (field == "0") return false;
    if (field == "1") return true;
    const auto number = ParseNumber(field);
    if (number == 0.0) return false;
    if (number == 1.0) return true;
    return std::nullopt;
  }

  // The rule that a field broke for which Read returned nothing.
  std::string Rule(std::string_view field) const {
    if (missing_(field)) return "the label is missing";
    return absl::StrCat("label ", error::Quoted(field),
                        " is neither 0 nor 1; name the values that count as clicks "
                        "(positive_values, --positive)");
  }

 private:
  std::vector<std::string> positive_values_;
  MissingTest missing_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_LABEL_READER_H_
