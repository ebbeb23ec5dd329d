#ifndef SDA_SERVICES_PREPROCESSING_CORE_ROW_DEALER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ROW_DEALER_H_

#include <array>
#include <cstdint>
#include <vector>

#include <absl/status/status.h>

#include "services/preprocessing/core/dataset_plan.h"

namespace sda::preprocessing {

// Reads label and split of every row of a block; both passes use it, so they cannot disagree. Not
// thread-safe.
class RowDealer {
 public:
  explicit RowDealer(const DatasetPlan& plan)
      : plan_(plan), labels_reader_(plan.label_reader()), splitter_(plan.splitter()) {}

  // BAD_LABEL and BAD_WEIGHT with the place.
  absl::Status Deal(const CellBlock& cells, const BlockPlace& place);

  // Of the block dealt last: 1 for clicks, row by row, and the rows of each split in order.
  const std::vector<uint8_t>& labels() const { return labels_; }
  // Weights row by row; empty where the dataset has none.
  const std::vector<float>& weights() const { return weights_; }
  const std::vector<uint32_t>& rows(Split split) const { return rows_[static_cast<size_t>(split)]; }
  int64_t positives(Split split) const { return positives_[static_cast<size_t>(split)]; }

 private:
  absl::Status ReadWeights(const CellBlock& cells, const BlockPlace& place);

  const DatasetPlan& plan_;
  const LabelReader labels_reader_;
  const Splitter splitter_;
  std::vector<uint8_t> labels_;
  std::vector<float> weights_;
  std::array<std::vector<uint32_t>, kSplits> rows_;
  std::array<int64_t, kSplits> positives_{};
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ROW_DEALER_H_
