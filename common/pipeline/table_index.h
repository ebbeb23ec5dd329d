#ifndef SDA_COMMON_PIPELINE_TABLE_INDEX_H_
#define SDA_COMMON_PIPELINE_TABLE_INDEX_H_

#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "common/pipeline/operation.h"

namespace sda::pipeline {

// Finds values of a learned table, which must outlive it.
class TableIndex {
 public:
  explicit TableIndex(const LearnedTable& table) {
    positions_.reserve(table.values.size());
    for (size_t i = 0; i < table.values.size(); ++i)
      positions_.emplace(table.values[i], static_cast<int64_t>(i));
  }

  // The value's position, or -1.
  int64_t Find(std::string_view value) const {
    const auto found = positions_.find(value);
    return found == positions_.end() ? -1 : found->second;
  }

  // Asks for the memory where the value would lie.
  void Prefetch(std::string_view value) const { positions_.prefetch(value); }

 private:
  absl::flat_hash_map<std::string_view, int64_t> positions_;
};

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_TABLE_INDEX_H_
