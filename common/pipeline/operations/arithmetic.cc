#include <algorithm>
#include <cmath>

#include "common/pipeline/number_range.h"
#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

// Beyond it squares, which fits need, are no doubles any more; what a step makes there is missing.
bool IsInRange(double value) {
  return std::abs(value) <= kLargestNumber;
}

// A function of the numbers of one column; missing stays missing.
template <class Function>
class OneNumber final : public AppliedOperation {
 public:
  explicit OneNumber(Function function) : function_(std::move(function)) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    out[0]->Reset(ColumnType::kNumber, rows.rows);
    out[0]->missing = in[0]->missing;
    for (size_t row = 0; row < rows.rows; ++row) {
      if (in[0]->missing[row]) continue;
      const double value = function_(in[0]->numbers[row]);
      out[0]->missing[row] = IsInRange(value) ? 0 : 1;
      out[0]->numbers[row] = IsInRange(value) ? value : 0;
    }
    return std::nullopt;
  }

 private:
  const Function function_;
};

template <class Function>
std::unique_ptr<AppliedOperation> MakeOneNumber(Function function) {
  return std::make_unique<OneNumber<Function>>(std::move(function));
}

// A function of two columns; missing where one is, and where the function says so.
template <class Function>
class TwoNumbers final : public AppliedOperation {
 public:
  explicit TwoNumbers(Function function) : function_(std::move(function)) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    out[0]->Reset(ColumnType::kNumber, rows.rows);
    for (size_t row = 0; row < rows.rows; ++row) {
      const bool missing = in[0]->missing[row] || in[1]->missing[row];
      const double value = missing ? 0 : function_(in[0]->numbers[row], in[1]->numbers[row]);
      out[0]->missing[row] = missing || !IsInRange(value) ? 1 : 0;
      out[0]->numbers[row] = out[0]->missing[row] ? 0 : value;
    }
    return std::nullopt;
  }

 private:
  const Function function_;
};

template <class Function>
std::unique_ptr<AppliedOperation> MakeTwoNumbers(Function function) {
  return std::make_unique<TwoNumbers<Function>>(std::move(function));
}

class ClipIntegers final : public AppliedOperation {
 public:
  explicit ClipIntegers(const Clip& options) : options_(options), numbers_(MakeNumbers(options)) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    if (in[0]->type == ColumnType::kNumber) return numbers_->Apply(in, rows, out);
    *out[0] = *in[0];
    const int64_t min = options_.min ? static_cast<int64_t>(*options_.min) : INT64_MIN;
    const int64_t max = options_.max ? static_cast<int64_t>(*options_.max) : INT64_MAX;
    for (int64_t& value : out[0]->integers) value = std::clamp(value, min, max);
    return std::nullopt;
  }

 private:
  static std::unique_ptr<AppliedOperation> MakeNumbers(const Clip& options) {
    return MakeOneNumber([options](double value) {
      if (options.min) value = std::max(value, *options.min);
      if (options.max) value = std::min(value, *options.max);
      return value;
    });
  }

  const Clip options_;
  const std::unique_ptr<AppliedOperation> numbers_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeClip(const Clip& options) {
  return std::make_unique<ClipIntegers>(options);
}

std::unique_ptr<AppliedOperation> MakeLog() {
  return MakeOneNumber([](double value) { return std::copysign(std::log1p(std::abs(value)), value); });
}

std::unique_ptr<AppliedOperation> MakeStandardise(const NodeState& state) {
  const double mean = state.numbers[0];
  const double scale = state.numbers[1];
  return MakeOneNumber([mean, scale](double value) { return (value - mean) / scale; });
}

std::unique_ptr<AppliedOperation> MakeDifference() {
  return MakeTwoNumbers([](double a, double b) { return a - b; });
}

std::unique_ptr<AppliedOperation> MakeRatio() {
  // Over 0 it is infinite or no number: out of range either way.
  return MakeTwoNumbers([](double a, double b) { return a / b; });
}

}  // namespace sda::pipeline
