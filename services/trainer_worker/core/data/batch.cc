#include "services/trainer_worker/core/data/batch.h"

#include <absl/strings/str_cat.h>

namespace sda::trainer {
namespace {

absl::Status CheckOffsets(const TableIds& ids, int64_t rows, const std::string& table) {
  if (ids.one_hot()) {
    if (static_cast<int64_t>(ids.ids.size()) == rows) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("table ", table, ": ", ids.ids.size(), " ids for ", rows, " samples without offsets"));
  }
  bool ordered = static_cast<int64_t>(ids.offsets.size()) == rows + 1 && ids.offsets.front() == 0 &&
                 ids.offsets.back() == static_cast<int64_t>(ids.ids.size());
  for (size_t i = 1; ordered && i < ids.offsets.size(); ++i) ordered = ids.offsets[i - 1] <= ids.offsets[i];
  if (ordered) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("table ", table, ": offsets must be ", rows + 1,
                                                 " non-decreasing values from 0 to ", ids.ids.size()));
}

}  // namespace

absl::Status CheckBatch(const Batch& batch, const InputShape& shape) {
  if (static_cast<int64_t>(batch.dense.size()) != batch.rows * shape.dense_columns) {
    return absl::InvalidArgumentError(absl::StrCat("dense: ", batch.dense.size(), " values; must be ", batch.rows,
                                                   " rows of ", shape.dense_columns));
  }
  if (!batch.labels.empty() && static_cast<int64_t>(batch.labels.size()) != batch.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("labels: ", batch.labels.size(), " values; must be ", batch.rows));
  }
  if (static_cast<int64_t>(batch.tables.size()) != shape.tables()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tables: ", batch.tables.size(), "; the model has ", shape.tables()));
  }
  for (size_t t = 0; t < batch.tables.size(); ++t) {
    const TableIds& ids = batch.tables[t];
    if (absl::Status status = CheckOffsets(ids, batch.rows, shape.table_names[t]); !status.ok()) return status;
    const uint64_t table_rows = static_cast<uint64_t>(shape.table_rows[t]);
    for (size_t i = 0; i < ids.ids.size(); ++i) {
      // A negative id becomes huge as unsigned: one comparison covers both ends.
      if (static_cast<uint64_t>(static_cast<int64_t>(ids.ids[i])) < table_rows) continue;
      return absl::OutOfRangeError(absl::StrCat("table ", shape.table_names[t], ": id ", ids.ids[i], " at position ",
                                                i, " of the batch; must be in [0, ", table_rows, ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace sda::trainer
