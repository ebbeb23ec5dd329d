#include "services/trainer_worker/core/data/batch.h"

#include <algorithm>

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

int64_t SampleOf(const TableIds& ids, int64_t position) {
  if (ids.one_hot()) return position;
  return std::upper_bound(ids.offsets.begin(), ids.offsets.end(), position) - ids.offsets.begin() - 1;
}

}  // namespace

std::optional<BadId> FindBadId(const Batch& batch, const InputShape& shape) {
  for (size_t t = 0; t < batch.tables.size(); ++t) {
    const std::span<const int32_t> ids = batch.tables[t].ids;
    const uint64_t table_rows = static_cast<uint64_t>(shape.table_rows[t]);
    for (size_t i = 0; i < ids.size(); ++i) {
      // A negative id becomes huge as unsigned: one comparison covers both ends.
      if (static_cast<uint64_t>(static_cast<int64_t>(ids[i])) < table_rows) continue;
      const auto position = static_cast<int64_t>(i);
      return BadId{.table = static_cast<int64_t>(t),
                   .position = position,
                   .sample = SampleOf(batch.tables[t], position),
                   .id = ids[i]};
    }
  }
  return std::nullopt;
}

std::string Describe(const BadId& bad, const InputShape& shape) {
  return absl::StrCat("table ", shape.table_names[bad.table], ": id ", bad.id, "; must be in [0, ",
                      shape.table_rows[bad.table], ")");
}

absl::Status CheckBatch(const Batch& batch, const InputShape& shape) {
  if (static_cast<int64_t>(batch.dense.size()) != batch.rows * shape.dense_columns) {
    return absl::InvalidArgumentError(absl::StrCat("dense: ", batch.dense.size(), " values; must be ",
                                                   batch.rows, " rows of ", shape.dense_columns));
  }
  if (!batch.labels.empty() && static_cast<int64_t>(batch.labels.size()) != batch.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("labels: ", batch.labels.size(), " values; must be ", batch.rows));
  }
  if (!batch.weights.empty() && static_cast<int64_t>(batch.weights.size()) != batch.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights: ", batch.weights.size(), " values; must be ", batch.rows));
  }
  if (static_cast<int64_t>(batch.tables.size()) != shape.tables()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tables: ", batch.tables.size(), "; the model has ", shape.tables()));
  }
  for (size_t t = 0; t < batch.tables.size(); ++t) {
    const TableIds& ids = batch.tables[t];
    if (absl::Status status = CheckOffsets(ids, batch.rows, shape.table_names[t]); !status.ok())
      return status;
  }
  if (const auto bad = FindBadId(batch, shape)) {
    return absl::OutOfRangeError(
        absl::StrCat(Describe(*bad, shape), ", at position ", bad->position, " of the batch"));
  }
  return absl::OkStatus();
}

}  // namespace sda::trainer
