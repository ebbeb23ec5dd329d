#ifndef SDA_SERVICES_PREPROCESSING_CORE_FAST_NUMBER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_FAST_NUMBER_H_

#include <cmath>
#include <optional>
#include <string_view>

#include "common/base/numbers.h"
#include "services/preprocessing/core/dense_stats.h"

namespace sda::preprocessing {

// The value of a dense field as ParseNumber reads it, with a short way for whole numbers of up to 15 digits,
// which doubles hold exactly. False for what is no number or beyond DenseStats::kLargestValue.
inline bool ParseDense(std::string_view field, double& value) {
  const bool negative = !field.empty() && field.front() == '-';
  const std::string_view digits = negative ? field.substr(1) : field;
  if (!digits.empty() && digits.size() <= 15) {
    int64_t number = 0;
    bool plain = true;
    for (const char c : digits) {
      const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
      plain = plain && digit < 10;
      number = number * 10 + static_cast<int64_t>(digit & 15);
    }
    if (plain) {
      value = static_cast<double>(negative ? -number : number);
      return true;
    }
  }
  const std::optional<double> number = ParseNumber(field);
  if (!number || std::abs(*number) > DenseStats::kLargestValue) return false;
  value = *number;
  return true;
}

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_FAST_NUMBER_H_
