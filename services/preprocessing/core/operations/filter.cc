#include <absl/container/flat_hash_set.h>

#include "services/preprocessing/core/operations/row_operation.h"

namespace sda::preprocessing {
namespace {

using Comparison = pipeline::Filter::Comparison;

bool Compare(Comparison comparison, double value, double operand) {
  switch (comparison) {
    case Comparison::kEqual:
      return value == operand;
    case Comparison::kNotEqual:
      return value != operand;
    case Comparison::kLess:
      return value < operand;
    case Comparison::kLessOrEqual:
      return value <= operand;
    case Comparison::kGreater:
      return value > operand;
    case Comparison::kGreaterOrEqual:
      return value >= operand;
    default:
      return false;
  }
}

class KeepMatching final : public RowOperation {
 public:
  explicit KeepMatching(const pipeline::Filter& options)
      : options_(options), values_(options.values.begin(), options.values.end()) {}

  void Filter(const pipeline::InputColumns& in, const BatchRows& rows, const RowState&,
              std::vector<uint8_t>& keep) const override {
    for (size_t row = 0; row < rows.size(); ++row) {
      if (AppliesTo(options_.splits, rows.splits[row]) && !Matches(*in[0], row)) keep[row] = 0;
    }
  }

 private:
  bool Matches(const pipeline::ColumnData& column, size_t row) const {
    const bool missing = column.IsMissing(row);
    if (options_.comparison == Comparison::kMissing) return missing;
    if (missing || options_.comparison == Comparison::kNotMissing) return !missing;
    if (options_.number) return Compare(options_.comparison, column.numbers[row], *options_.number);
    const bool listed = values_.contains(std::string(column.texts[row]));
    return options_.comparison == Comparison::kEqual || options_.comparison == Comparison::kIn ? listed
                                                                                               : !listed;
  }

  const pipeline::Filter options_;
  const absl::flat_hash_set<std::string> values_;
};

}  // namespace

std::unique_ptr<RowOperation> NewFilter(const pipeline::Filter& options) {
  return std::make_unique<KeepMatching>(options);
}

}  // namespace sda::preprocessing
