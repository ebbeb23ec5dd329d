#include "services/preprocessing/core/profile/column_kind.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace sda::preprocessing {
namespace {

constexpr std::string_view kTimeWords[] = {"time", "timestamp", "datetime", "date",
                                           "ts",   "unixtime",  "epoch"};

// From 2001-09-09 to 2096-10-02: ten digits of seconds, with room to tell the units apart.
constexpr double kFirstSecond = 1e9;
constexpr double kLastSecond = 4e9;

bool NameSaysTime(std::string_view name) {
  std::string word;
  const auto is_time = [&] {
    return std::find(std::begin(kTimeWords), std::end(kTimeWords), word) != std::end(kTimeWords);
  };
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte) != 0) {
      word.push_back(static_cast<char>(std::tolower(byte)));
      continue;
    }
    if (is_time()) return true;
    word.clear();
  }
  return is_time();
}

// Units a second, or 0 where the numbers are no times since 1970.
double TimeUnits(const ColumnSample& sample) {
  for (const double units : {1.0, 1e3, 1e6}) {
    if (sample.min() >= kFirstSecond * units && sample.max() <= kLastSecond * units) return units;
  }
  return 0;
}

}  // namespace

KindVerdict KindOf(const Column& column, const ColumnSample& sample) {
  if (column.role == Role::kLabel) return {ColumnKind::kLabel, column.reason};
  const bool chosen = column.reason == "given" && column.role != Role::kIgnored;
  if (sample.values() > 0 && !chosen) {
    if (!sample.all_numbers() && sample.all_times()) return {ColumnKind::kTime, "dates or times"};
    if (sample.all_integers() && NameSaysTime(column.name)) {
      if (const double units = TimeUnits(sample); units > 0) {
        return {ColumnKind::kTime,
                units == 1     ? "seconds since 1970, by name and range"
                : units == 1e3 ? "milliseconds since 1970, by name and range"
                               : "microseconds since 1970, by name and range",
                units};
      }
    }
  }
  if (column.role == Role::kDense) return {ColumnKind::kNumber, column.reason};
  if (column.role == Role::kIgnored && sample.values() > 0 && sample.all_numbers() && !sample.all_hashes())
    return {ColumnKind::kNumber, column.reason};
  return {ColumnKind::kCategory, column.reason};
}

}  // namespace sda::preprocessing
