#include <cmath>

#include <absl/strings/str_cat.h>

#include "common/base/numbers.h"
#include "common/base/strings.h"
#include "common/base/utf8.h"
#include "common/pipeline/number_range.h"
#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

constexpr double kLargestWhole = 9007199254740992.0;  // 2^53
constexpr size_t kShownBytes = 60;

CellProblem Bad(size_t row, const char* reason, std::string_view field, std::string_view rule) {
  const std::string shown = TruncateUtf8(ToValidUtf8(field), kShownBytes);
  return {row, reason, absl::StrCat("\"", shown, "\" ", ToAbsl(rule))};
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whole numbers of up to 15 digits, nearly all there are, without the general reader.
bool ReadShortWhole(std::string_view field, double& value) {
  const bool negative = !field.empty() && field.front() == '-';
  const std::string_view digits = negative ? field.substr(1) : field;
  if (digits.empty() || digits.size() > 15) return false;
  int64_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  value = static_cast<double>(negative ? -number : number);
  return true;
}

class ToNumber final : public AppliedOperation {
 public:
  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const ColumnData& from = *in[0];
    out[0]->Reset(ColumnType::kNumber, rows.rows);
    if (!from.missing.empty()) out[0]->missing = from.missing;
    for (size_t row = 0; row < rows.rows; ++row) {
      double& value = out[0]->numbers[row];
      if (from.IsMissing(row)) continue;
      if (from.type == ColumnType::kInteger || from.type == ColumnType::kId) {
        value = static_cast<double>(from.integers[row]);
        continue;
      }
      const std::string_view field = from.texts[row];
      if (ReadShortWhole(field, value)) continue;
      const auto number = ParseNumber(field);
      if (!number || std::abs(*number) > kLargestNumber)
        return Bad(row, "BAD_NUMBER", field, "is not a number (of at most 1e150)");
      value = *number + 0.0;  // −0 is 0
    }
    return std::nullopt;
  }
};

class ToInteger final : public AppliedOperation {
 public:
  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const ColumnData& from = *in[0];
    out[0]->Reset(ColumnType::kInteger, rows.rows);
    if (!from.missing.empty()) out[0]->missing = from.missing;
    for (size_t row = 0; row < rows.rows; ++row) {
      int64_t& value = out[0]->integers[row];
      if (from.IsMissing(row)) continue;
      if (from.type == ColumnType::kId) {
        value = from.integers[row];
      } else if (from.type == ColumnType::kNumber) {
        const double number = from.numbers[row];
        if (std::floor(number) != number || !(std::abs(number) < kLargestWhole))
          return Bad(row, "BAD_NUMBER", NumberToText(number), "is not a whole number below 2^53");
        value = static_cast<int64_t>(number);
      } else {
        const auto number = ParseInteger(Trim(from.texts[row]));
        if (!number) return Bad(row, "BAD_NUMBER", from.texts[row], "is not a whole number of 64 bits");
        value = *number;
      }
    }
    return std::nullopt;
  }
};

class ToText final : public AppliedOperation {
 public:
  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const ColumnData& from = *in[0];
    out[0]->Reset(ColumnType::kText, rows.rows);
    if (!from.missing.empty()) out[0]->missing = from.missing;
    out[0]->arena = std::make_shared<TextArena>();
    for (size_t row = 0; row < rows.rows; ++row) {
      if (from.IsMissing(row)) continue;
      out[0]->texts[row] = out[0]->arena->Add(ToStd(absl::AlphaNum(from.integers[row]).Piece()));
    }
    return std::nullopt;
  }
};

class ToTime final : public AppliedOperation {
 public:
  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const ColumnData& from = *in[0];
    out[0]->Reset(ColumnType::kNumber, rows.rows);
    out[0]->missing = from.missing;
    for (size_t row = 0; row < rows.rows; ++row) {
      if (from.IsMissing(row)) continue;
      const auto time = ParseTime(from.texts[row]);
      if (!time)
        return Bad(row, "BAD_TIME", from.texts[row], "is neither a number nor an ISO 8601 date or time");
      out[0]->numbers[row] = *time;
    }
    return std::nullopt;
  }
};

class Identity final : public AppliedOperation {
 public:
  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext&,
                                   const OutputColumns& out) const override {
    *out[0] = *in[0];
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeConversion(Conversion conversion) {
  switch (conversion) {
    case Conversion::kNumber:
      return std::make_unique<ToNumber>();
    case Conversion::kInteger:
      return std::make_unique<ToInteger>();
    case Conversion::kText:
      return std::make_unique<ToText>();
    case Conversion::kTime:
      return std::make_unique<ToTime>();
    case Conversion::kNone:
      break;
  }
  return nullptr;
}

std::unique_ptr<AppliedOperation> MakeIdentity() {
  return std::make_unique<Identity>();
}

}  // namespace sda::pipeline
