#include "common/yaml/scalars.h"

#include <charconv>
#include <limits>
#include <string>

#include <absl/strings/ascii.h>

#include "common/base/strings.h"

namespace sda {

bool ParseReal(std::string_view text, double* value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string lower = absl::AsciiStrToLower(ToAbsl(text));
  if (lower == ".nan" || lower == "nan") return *value = std::numeric_limits<double>::quiet_NaN(), true;
  if (lower == ".inf" || lower == "+.inf" || lower == "inf") return *value = kInfinity, true;
  if (lower == "-.inf" || lower == "-inf") return *value = -kInfinity, true;
  std::string_view digits = text;
  const bool plus = !digits.empty() && digits.front() == '+';
  if (plus) digits.remove_prefix(1);
  // from_chars would also read "infinity" and "nan(1)".
  if (digits.empty() || digits.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
  if (digits.front() == '+' || (plus && digits.front() == '-')) return false;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
  if (error == std::errc::result_out_of_range) {
    *value = kInfinity;  // refused as not finite, rather than as no number
    return true;
  }
  return error == std::errc() && end == digits.data() + digits.size();
}

bool ParseInteger(std::string_view text, int64_t* value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace sda
