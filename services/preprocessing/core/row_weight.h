#ifndef SDA_SERVICES_PREPROCESSING_CORE_ROW_WEIGHT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ROW_WEIGHT_H_

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include <absl/strings/str_cat.h>

#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/fast_number.h"

namespace sda::preprocessing {

// The weight of a row; nothing where the field is none.
inline std::optional<float> ReadWeight(std::string_view field) {
  double value = -1;
  if (!ParseDense(field, value) || value < 0) return std::nullopt;
  const auto weight = static_cast<float>(value);
  return std::isfinite(weight) ? std::optional<float>(weight) : std::nullopt;
}

// The rule that a field broke for which ReadWeight returned nothing.
inline std::string WeightRule(std::string_view field) {
  return absl::StrCat("weight ", error::Quoted(field),
                      " is not a finite number of at least 0; every row needs one");
}

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ROW_WEIGHT_H_
