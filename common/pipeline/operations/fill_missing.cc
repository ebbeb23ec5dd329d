#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

class Fill final : public AppliedOperation {
 public:
  Fill(double number, const std::string& text, bool indicator)
      : number_(number), text_(std::make_shared<TextArena>()), indicator_(indicator) {
    view_ = text_->Add(text);
  }

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    ColumnData& filled = *out[0];
    filled = *in[0];
    if (indicator_) out[1]->Reset(ColumnType::kInteger, rows.rows);
    // Both the column's own texts and the fill value's stay alive.
    for (size_t row = 0; row < rows.rows; ++row) {
      if (!filled.missing[row]) continue;
      filled.missing[row] = 0;
      if (filled.type == ColumnType::kNumber) filled.numbers[row] = number_;
      if (filled.type == ColumnType::kInteger) filled.integers[row] = static_cast<int64_t>(number_);
      if (filled.type == ColumnType::kText) filled.texts[row] = view_;
      if (indicator_) out[1]->integers[row] = 1;
    }
    return std::nullopt;
  }

 private:
  const double number_;
  const std::shared_ptr<TextArena> text_;
  std::string_view view_;
  const bool indicator_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeFillMissing(const FillMissing& options, const NodeState& state) {
  if (options.strategy == FillMissing::Strategy::kConstant)
    return std::make_unique<Fill>(options.value.value_or(0), options.text.value_or(""), options.indicator);
  return std::make_unique<Fill>(state.numbers.empty() ? 0 : state.numbers[0], state.text.value_or(""),
                                options.indicator);
}

}  // namespace sda::pipeline
