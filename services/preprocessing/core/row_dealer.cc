#include "services/preprocessing/core/row_dealer.h"

#include <string_view>

#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/row_weight.h"

namespace sda::preprocessing {

absl::Status RowDealer::Deal(const CellBlock& cells, const BlockPlace& place) {
  labels_.resize(cells.rows);
  for (auto& rows : rows_) rows.clear();
  positives_.fill(0);
  const auto label_column = static_cast<size_t>(plan_.label);
  const auto key_column = static_cast<size_t>(plan_.split_column);
  const bool in_test_file = place.file >= plan_.input.first_test_file;
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, label_column);
    const auto label = labels_reader_.Read(field);
    if (!label) {
      return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), plan_.label), "BAD_LABEL",
                            labels_reader_.Rule(field));
    }
    const std::string_view key = splitter_.by_column() ? cells.view(row, key_column) : std::string_view();
    const Split split = splitter_.Assign(place.first_row + static_cast<int64_t>(row), in_test_file, key);
    labels_[row] = *label ? 1 : 0;
    rows_[static_cast<size_t>(split)].push_back(static_cast<uint32_t>(row));
    positives_[static_cast<size_t>(split)] += *label ? 1 : 0;
  }
  return plan_.weight < 0 ? absl::OkStatus() : ReadWeights(cells, place);
}

absl::Status RowDealer::ReadWeights(const CellBlock& cells, const BlockPlace& place) {
  weights_.resize(cells.rows);
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, static_cast<size_t>(plan_.weight));
    const auto weight = ReadWeight(field);
    if (!weight) {
      return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), plan_.weight), "BAD_WEIGHT",
                            WeightRule(field));
    }
    weights_[row] = *weight;
  }
  return absl::OkStatus();
}

}  // namespace sda::preprocessing
