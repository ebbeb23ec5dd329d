#ifndef SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_LEARNED_H_
#define SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_LEARNED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/pipeline/operation.h"
#include "services/preprocessing/core/scratch_file.h"

namespace sda::preprocessing {

// An entry of a learned table (pipeline::LearnedTable), valid while it is visited.
struct TableEntry {
  std::string_view value;  // with 8 readable bytes behind it
  int64_t count = 0;
  int64_t positives = 0;
  std::span<const int64_t> fold_counts;  // of target_encode
  std::span<const int64_t> fold_positives;
};

// A learned table on disk, its entries in order. Thread-safe.
class StoredTable {
 public:
  int64_t size() const { return size_; }

  // About what the table takes in memory with its index.
  int64_t memory_bytes() const { return memory_bytes_; }

  using Visit = std::function<absl::Status(const TableEntry&)>;
  absl::Status ForEach(const Visit& visit) const;

 private:
  friend class TableBuilder;

  std::unique_ptr<ScratchFile> records_;
  size_t folds_ = 0;
  int64_t size_ = 0;
  int64_t memory_bytes_ = 0;
};

// What a node learned: its table is in `state` or, where it exceeds the memory there is for it, in `stored`.
struct Learned {
  pipeline::NodeState state;
  std::shared_ptr<const StoredTable> stored;  // may be null
};

// Where a step may put what it learned.
struct LearnSettings {
  int64_t table_bytes = 0;  // for a table that stays in memory; 0: no limit
  int64_t sort_bytes = 0;   // for what is sorted on the way; 0: no limit
  std::string scratch_folder = {};
};

// Takes the entries of a table in order.
class TableBuilder {
 public:
  // `folds` of target_encode, whose entries have positives; else 0.
  TableBuilder(const LearnSettings& settings, size_t folds) : settings_(settings), folds_(folds) {}

  absl::Status Add(const TableEntry& entry);

  // Call once, last.
  absl::Status Finish(Learned& learned);

  // About what an entry takes in memory, in the table and its index.
  static int64_t MemoryOf(std::string_view value, size_t folds);

 private:
  absl::Status Store(const TableEntry& entry);
  absl::Status MoveToDisk();

  const LearnSettings& settings_;
  const size_t folds_;
  pipeline::LearnedTable table_;
  int64_t bytes_ = 0;
  std::shared_ptr<StoredTable> stored_;
  std::optional<ScratchWriter> writer_;
};

// The entries of a table in memory; `folds` as for the builder.
absl::Status ForEachEntry(const pipeline::LearnedTable& table, size_t folds, const StoredTable::Visit& visit);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_LEARNED_H_
