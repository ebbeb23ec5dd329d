#include "common/pipeline/crossed_keys.h"
#include "common/pipeline/operation.h"
#include "common/pipeline/table_index.h"

namespace sda::pipeline {
namespace {

// A single missing value's key is the empty text, which no present value has.
class Counts final : public AppliedOperation {
 public:
  // `rows`: what counts are divided by; 0: they stay whole.
  Counts(const LearnedTable& table, double rows) : table_(table), rows_(rows), index_(table) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const bool whole = rows_ == 0;
    out[0]->Reset(whole ? ColumnType::kInteger : ColumnType::kNumber, rows.rows);
    KeyBuilder keys(in);
    for (size_t row = 0; row < rows.rows; ++row) {
      const int64_t position = index_.Find(keys.Key(row));
      const int64_t count = position < 0 ? 0 : table_.counts[static_cast<size_t>(position)];
      if (whole)
        out[0]->integers[row] = count;
      else
        out[0]->numbers[row] = static_cast<double>(count) / rows_;
    }
    return std::nullopt;
  }

 private:
  const LearnedTable& table_;
  const double rows_;
  const TableIndex index_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeCountEncode(const NodeState& state) {
  return std::make_unique<Counts>(*state.table, 0);
}

std::unique_ptr<AppliedOperation> MakeFrequencyEncode(const NodeState& state) {
  // Without rows to learn from every count is 0.
  return std::make_unique<Counts>(*state.table, state.numbers[0] > 0 ? state.numbers[0] : 1);
}

}  // namespace sda::pipeline
