#ifndef SDA_SERVICES_PREPROCESSING_CORE_JOIN_TABLE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_JOIN_TABLE_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// The rows of a join, by key, as text in memory. Filled by one thread, row by row; then thread-safe.
class JoinTable {
 public:
  explicit JoinTable(size_t columns) : cells_(columns) {}

  // The number of the row with the key; -1 where there is none.
  int64_t Find(const ValueTable::Key& key) const { return rows_by_key_.Find(key, 0) - 1; }
  void Prefetch(const ValueTable::Key& key) const { rows_by_key_.Prefetch(key); }

  // A value; no data where it is missing. 16 bytes behind it may be read.
  std::string_view Get(int64_t row, size_t column) const {
    const Cell& cell = cells_[column][static_cast<size_t>(row)];
    return {cell.data, cell.size};
  }

  // Adds the next row under a key; the number of the row that has it already, or -1 where it is new.
  int64_t AddKey(const ValueTable::Key& key);
  void AddValue(size_t column, std::string_view value);
  void AddMissing(size_t column) { cells_[column].emplace_back(); }

  // Keys in the order of the rows, valid as long as this is.
  std::vector<std::string_view> Keys() const;

  int64_t rows() const { return static_cast<int64_t>(rows_by_key_.size()); }

  // Memory taken.
  int64_t bytes() const;

 private:
  struct Cell {
    const char* data = nullptr;
    size_t size = 0;
  };

  ValueTable rows_by_key_;  // row + 1
  std::vector<std::vector<Cell>> cells_;
  std::vector<std::unique_ptr<char[]>> pieces_;
  int64_t piece_bytes_ = 0;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_JOIN_TABLE_H_
