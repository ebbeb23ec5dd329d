#include <cmath>

#include <absl/time/civil_time.h>

#include "common/base/numbers.h"
#include "common/base/utf8.h"
#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

// ISO 8601: the week of a year's first Thursday is its first; weeks begin on Monday.
int64_t IsoWeek(absl::CivilDay day) {
  const int weekday = static_cast<int>(absl::GetWeekday(day));  // Monday 0
  const absl::CivilDay thursday = day - weekday + 3;
  return (absl::GetYearDay(thursday) - 1) / 7 + 1;
}

int64_t PartOf(DateParts::Part part, absl::CivilSecond time) {
  using Part = DateParts::Part;
  const absl::CivilDay day(time);
  const int weekday = static_cast<int>(absl::GetWeekday(day));
  switch (part) {
    case Part::kYear:
      return time.year();
    case Part::kMonth:
      return time.month();
    case Part::kDay:
      return time.day();
    case Part::kHour:
      return time.hour();
    case Part::kMinute:
      return time.minute();
    case Part::kSecond:
      return time.second();
    case Part::kWeekday:
      return weekday;
    case Part::kDayOfYear:
      return absl::GetYearDay(day);
    case Part::kWeek:
      return IsoWeek(day);
    case Part::kIsWeekend:
      return weekday >= 5 ? 1 : 0;
    case Part::kDays:
      return day - absl::CivilDay(1970, 1, 1);
    case Part::kSeconds:
      return time - absl::CivilSecond(1970, 1, 1);
  }
  return 0;
}

// The years 1 to 9999.
constexpr double kFirstSecond = -62135596800.0;
constexpr double kLastSecond = 253402300799.0;

class Parts final : public AppliedOperation {
 public:
  explicit Parts(const DateParts& options) : options_(options) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    for (ColumnData* column : out) {
      column->Reset(ColumnType::kInteger, rows.rows);
      column->missing = in[0]->missing;
    }
    for (size_t row = 0; row < rows.rows; ++row) {
      if (in[0]->missing[row]) continue;
      const std::optional<double> seconds = Seconds(*in[0], row);
      if (!seconds) {
        const std::string field = in[0]->type == ColumnType::kText ? ToValidUtf8(in[0]->texts[row])
                                                                   : NumberToText(in[0]->numbers[row]);
        return CellProblem{row, "BAD_TIME",
                           "\"" + TruncateUtf8(field, 60) +
                               "\" is neither a number of seconds nor an ISO 8601 date or "
                               "time of the years to 9999"};
      }
      const absl::CivilSecond time = absl::CivilSecond(1970, 1, 1) +
                                     static_cast<int64_t>(std::floor(*seconds)) +
                                     options_.offset_minutes * 60;
      for (size_t i = 0; i < out.size(); ++i) out[i]->integers[row] = PartOf(options_.parts[i], time);
    }
    return std::nullopt;
  }

 private:
  std::optional<double> Seconds(const ColumnData& column, size_t row) const {
    const double unit = options_.unit == DateParts::Unit::kMilliseconds ? 1000 : 1;
    std::optional<double> seconds;
    if (column.type == ColumnType::kNumber) {
      seconds = column.numbers[row] / unit;
    } else if (const auto number = ParseNumber(column.texts[row])) {
      seconds = *number / unit;
    } else {
      seconds = ParseTime(column.texts[row]);
    }
    return seconds && *seconds >= kFirstSecond && *seconds <= kLastSecond ? seconds : std::nullopt;
  }

  const DateParts options_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeDateParts(const DateParts& options) {
  return std::make_unique<Parts>(options);
}

}  // namespace sda::pipeline
