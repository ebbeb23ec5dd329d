#include "common/base/numbers.h"

#include <charconv>
#include <cmath>

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

namespace sda {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Reads exactly `digits` digits and removes them from the front.
bool TakeDigits(std::string_view& text, size_t digits, int& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".25" as 0.25; no fraction is 0.
bool TakeFraction(std::string_view& text, double& out) {
  out = 0;
  if (!TakeChar(text, '.')) return true;
  double unit = 0.1;
  bool any = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    out += unit * (text.front() - '0');
    unit /= 10;
    any = true;
    text.remove_prefix(1);
  }
  return any;
}

// "Z", "+02:00", "+0200" or nothing, as seconds east of Greenwich.
bool TakeZone(std::string_view& text, int& seconds) {
  seconds = 0;
  if (text.empty() || TakeChar(text, 'Z')) return true;
  const int sign = text.front() == '-' ? -1 : 1;
  if (!TakeChar(text, '+') && !TakeChar(text, '-')) return false;
  int hours = 0;
  int minutes = 0;
  if (!TakeDigits(text, 2, hours)) return false;
  TakeChar(text, ':');
  if (!text.empty() && !TakeDigits(text, 2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

std::optional<double> ParseIsoTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
  double fraction = 0;
  if (!TakeDigits(text, 4, year) || !TakeChar(text, '-') || !TakeDigits(text, 2, month) ||
      !TakeChar(text, '-') || !TakeDigits(text, 2, day)) {
    return std::nullopt;
  }
  if (!text.empty()) {
    if (!TakeChar(text, 'T') && !TakeChar(text, ' ')) return std::nullopt;
    if (!TakeDigits(text, 2, hour) || !TakeChar(text, ':') || !TakeDigits(text, 2, minute))
      return std::nullopt;
    if (TakeChar(text, ':') && !(TakeDigits(text, 2, second) && TakeFraction(text, fraction)))
      return std::nullopt;
    if (!TakeZone(text, zone) || !text.empty()) return std::nullopt;
  }
  const absl::CivilDay date(year, month, day);
  const bool exists = date.year() == year && date.month() == month && date.day() == day;
  if (!exists || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const absl::CivilSecond civil = absl::CivilSecond(year, month, day, hour, minute, 0) + second - zone;
  return static_cast<double>(civil - absl::CivilSecond(1970, 1, 1)) + fraction;
}

}  // namespace

std::optional<double> ParseNumber(std::string_view text) {
  text = Trim(text);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return std::nullopt;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ParseTime(std::string_view text) {
  text = Trim(text);
  if (auto time = ParseIsoTime(text)) return time;
  return ParseNumber(text);
}

std::string NumberToText(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, end);
}

}  // namespace sda
