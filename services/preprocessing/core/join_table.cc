#include "services/preprocessing/core/join_table.h"

#include <algorithm>
#include <cstring>

#include "services/preprocessing/core/cells.h"

namespace sda::preprocessing {
namespace {

constexpr size_t kPieceBytes = 256 * 1024;

}  // namespace

int64_t JoinTable::AddKey(const ValueTable::Key& key) {
  const int64_t next = rows() + 1;
  int64_t& row = rows_by_key_.At(key);
  if (row != 0) return row - 1;
  row = next;
  return -1;
}

void JoinTable::AddValue(size_t column, std::string_view value) {
  if (left_ < value.size()) {
    const size_t piece = std::max(value.size(), kPieceBytes);
    pieces_.emplace_back(new char[piece + kCellPadding]());
    piece_bytes_ += static_cast<int64_t>(piece + kCellPadding);
    next_ = pieces_.back().get();
    left_ = piece;
  }
  // An empty value that is none of the null tokens cannot be; so data is never null where a value is.
  std::memcpy(next_, value.data(), value.size());
  cells_[column].push_back({next_, value.size()});
  next_ += value.size();
  left_ -= value.size();
}

int64_t JoinTable::bytes() const {
  int64_t bytes = rows_by_key_.bytes() + piece_bytes_;
  for (const auto& cells : cells_) bytes += static_cast<int64_t>(cells.capacity() * sizeof(Cell));
  return bytes;
}

std::vector<std::string_view> JoinTable::Keys() const {
  std::vector<std::string_view> keys(rows_by_key_.size());
  rows_by_key_.ForEach([&](std::string_view key, int64_t row) { keys[static_cast<size_t>(row - 1)] = key; });
  return keys;
}

}  // namespace sda::preprocessing
