#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_DATA_BATCH_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_DATA_BATCH_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "services/trainer_worker/core/kernels/embedding_bag.h"

namespace sda::trainer {

// What a model reads for some samples. A view: whoever made it owns the memory.
struct Batch {
  int64_t rows = 0;
  std::span<const float> labels;        // [rows], 0 or 1; empty where only predictions are wanted
  std::span<const float> dense;         // [rows, dense columns] row-major
  std::vector<TableIds> tables;         // one a categorical column
  std::span<const float> weights = {};  // [rows], finite and at least 0; empty: all are 1
};

// Shape of the inputs of a model, as its dataset states it.
struct InputShape {
  int64_t dense_columns = 0;
  std::vector<int64_t> table_rows;
  std::vector<std::string> table_names;  // as long as table_rows
  // By table: whether a sample has a bag of ids there, not exactly one. Empty: none has.
  std::vector<bool> table_lists = {};
  // Ids a sample in all its bags together, for estimates of memory.
  double list_values = 0;

  bool is_list(int64_t table) const { return !table_lists.empty() && table_lists[table]; }
  int64_t tables() const { return static_cast<int64_t>(table_rows.size()); }
};

// An id that no row of its table has.
struct BadId {
  int64_t table = 0;
  int64_t position = 0;  // among the table's ids
  int64_t sample = 0;    // whose id it is
  int32_t id = 0;
};

// The first one of the batch, tables in order; nothing where all ids are good.
std::optional<BadId> FindBadId(const Batch& batch, const InputShape& shape);

// "table C1: id 12; must be in [0, 12)".
std::string Describe(const BadId& bad, const InputShape& shape);

// Checks what the kernels rely on: sizes, offsets, and each id within its table. OUT_OF_RANGE names table,
// sample and id; INVALID_ARGUMENT names a wrong size.
absl::Status CheckBatch(const Batch& batch, const InputShape& shape);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_DATA_BATCH_H_
