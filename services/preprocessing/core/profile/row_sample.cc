#include "services/preprocessing/core/profile/row_sample.h"

#include <algorithm>
#include <utility>

namespace sda::preprocessing {

void RowSample::Add(Row row) {
  bytes_ += BytesOf(row);
  rows_.push_back(std::move(row));
  Shrink();
}

void RowSample::Merge(RowSample other) {
  mask_ = std::max(mask_, other.mask_);
  for (Row& row : other.rows_) {
    bytes_ += BytesOf(row);
    rows_.push_back(std::move(row));
  }
  std::erase_if(rows_, [&](const Row& row) {
    if (Wants(row.hash)) return false;
    bytes_ -= BytesOf(row);
    return true;
  });
  Shrink();
}

void RowSample::Shrink() {
  while (!rows_.empty() && (rows_.size() > max_rows_ || bytes_ > max_bytes_)) {
    mask_ = (mask_ >> 1) | (uint64_t{1} << 63);
    std::erase_if(rows_, [&](const Row& row) {
      if (Wants(row.hash)) return false;
      bytes_ -= BytesOf(row);
      return true;
    });
    if (mask_ == ~uint64_t{0}) return;
  }
}

}  // namespace sda::preprocessing
