#include "common/base/row_hash.h"
#include "common/pipeline/crossed_keys.h"
#include "common/pipeline/operation.h"
#include "common/pipeline/table_index.h"

namespace sda::pipeline {
namespace {

class Target final : public AppliedOperation {
 public:
  Target(const TargetEncode& options, const NodeState& state)
      : options_(options), state_(state), table_(*state.table), index_(table_) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    out[0]->Reset(ColumnType::kNumber, rows.rows);
    KeyBuilder keys(in);
    const auto folds = static_cast<uint64_t>(options_.folds);
    for (size_t row = 0; row < rows.rows; ++row) {
      const int64_t position = index_.Find(keys.Key(row));
      Sums key = position < 0 ? Sums{} : KeySums(static_cast<size_t>(position));
      Sums all{static_cast<int64_t>(state_.numbers[0]), static_cast<int64_t>(state_.numbers[1])};
      if (rows.is_train != nullptr && rows.is_train[row]) {
        // Out of fold: nothing of the row's own fold, its label least of all, goes into its value.
        const size_t fold =
            HashRow(rows.seed, RandomStream::kFold, static_cast<uint64_t>(rows.row_numbers[row])) % folds;
        all.rows -= state_.fold_rows[fold];
        all.positives -= state_.fold_positives[fold];
        if (position >= 0) {
          const size_t cell = static_cast<size_t>(position) * folds + fold;
          key.rows -= table_.fold_counts[cell];
          key.positives -= table_.fold_positives[cell];
        }
      }
      out[0]->numbers[row] = Value(key, all);
    }
    return std::nullopt;
  }

 private:
  struct Sums {
    int64_t rows = 0;
    int64_t positives = 0;
  };

  Sums KeySums(size_t position) const { return {table_.counts[position], table_.positives[position]}; }

  double Value(const Sums& key, const Sums& all) const {
    const double prior =
        all.rows > 0 ? static_cast<double>(all.positives) / static_cast<double>(all.rows) : 0;
    const double weight = static_cast<double>(key.rows) + options_.smoothing;
    if (key.rows < options_.min_count || weight == 0) return prior;
    const double weighted = options_.smoothing * prior;
    return (static_cast<double>(key.positives) + weighted) / weight;
  }

  const TargetEncode options_;
  const NodeState& state_;
  const LearnedTable& table_;
  const TableIndex index_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeTargetEncode(const TargetEncode& options, const NodeState& state) {
  return std::make_unique<Target>(options, state);
}

}  // namespace sda::pipeline
