#include <algorithm>

#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

class Bucket final : public AppliedOperation {
 public:
  explicit Bucket(std::vector<double> bounds) : bounds_(std::move(bounds)) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    out[0]->Reset(ColumnType::kId, rows.rows);
    for (size_t row = 0; row < rows.rows; ++row) {
      if (in[0]->missing[row]) continue;
      const auto above = std::lower_bound(bounds_.begin(), bounds_.end(), in[0]->numbers[row]);
      out[0]->integers[row] = 1 + (above - bounds_.begin());
    }
    return std::nullopt;
  }

  int64_t table_rows() const override { return static_cast<int64_t>(bounds_.size()) + 2; }

 private:
  const std::vector<double> bounds_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeQuantileBucket(const QuantileBucket& options, const NodeState& state) {
  return std::make_unique<Bucket>(options.buckets > 0 ? state.numbers : options.bounds);
}

}  // namespace sda::pipeline
