#ifndef SDA_SERVICES_PREPROCESSING_CORE_VALUE_SPILL_H_
#define SDA_SERVICES_PREPROCESSING_CORE_VALUE_SPILL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/scratch_file.h"
#include "services/preprocessing/core/value_table.h"
#include "services/preprocessing/core/vocabulary.h"

namespace sda::preprocessing {

// Counts of one thread that had to leave memory: the tables of each column, cut by hash into partitions that
// are later brought together one at a time. One writer; Load is thread-safe once nothing is written.
class ValueSpill {
 public:
  static constexpr size_t kPartitions = 64;

  ValueSpill(std::string folder, size_t columns) : folder_(std::move(folder)), chunks_(columns) {}

  bool empty() const { return file_ == nullptr; }
  bool holds(size_t column) const { return !chunks_[column].empty(); }

  // Writes the counts of a column and empties the table, whose memory is given back.
  absl::Status Spill(size_t column, ValueTable& table);

  // Adds the counts of one partition of a column to `table`.
  absl::Status Load(size_t column, size_t partition, ValueTable& table) const;

 private:
  struct Chunk {
    int64_t offset = 0;
    uint32_t size = 0;
    uint32_t partition = 0;
  };

  const std::string folder_;
  std::unique_ptr<ScratchFile> file_;       // null until something is written
  std::vector<std::vector<Chunk>> chunks_;  // by column
};

// The vocabulary of a column from the spills of all threads, as BuildVocabulary makes it from one table: each
// partition is added up and sorted in memory, then all are merged into a scratch file.
struct SpilledCounts {
  std::shared_ptr<const SpilledVocabulary> vocabulary;
  int64_t distinct = 0;
};
absl::StatusOr<SpilledCounts> BuildSpilledVocabulary(const std::vector<const ValueSpill*>& spills,
                                                     size_t column, int64_t threshold,
                                                     const std::string& folder);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_VALUE_SPILL_H_
