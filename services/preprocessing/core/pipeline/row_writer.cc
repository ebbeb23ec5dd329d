#include "services/preprocessing/core/pipeline/row_writer.h"

#include <algorithm>
#include <limits>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {

using pipeline::ColumnData;

namespace {

// The ids of a row's list; an empty list is that of the id of missing.
void AppendIds(const ColumnData& column, size_t row, std::vector<int32_t>& ids) {
  const size_t before = ids.size();
  ids.insert(ids.end(), column.integers.begin() + column.offsets[row],
             column.integers.begin() + column.offsets[row + 1]);
  if (ids.size() == before) ids.push_back(0);
}

}  // namespace

RowWriter::RowWriter(const DatasetPlan& plan, const PipelineState& state, ShardSet& shards, RowStore* store)
    : plan_(plan),
      state_(state),
      program_(state.program),
      shards_(shards),
      store_(store),
      profile_(program_.dense_features),
      zero_ids_(program_.features.size() - program_.dense_features) {}

absl::Status RowWriter::Write(const Slots& slots, const BatchRows& rows, const BlockPlace& place) {
  absl::Status changed = error::InputChanged(plan_.input.files[static_cast<size_t>(place.file)].path);
  const auto block = static_cast<size_t>(place.index);
  if (block + 1 >= state_.block_offsets.size()) return changed;
  std::vector<int64_t> sorted;
  if (state_.sort_node >= 0) {
    const RowState& sort = state_.rows[static_cast<size_t>(state_.sort_node)];
    SDA_RETURN_IF_ERROR(sort.notes->Read(rows.first_row, rows.end_row, sorted));
  }
  for (size_t s = 0; s < kSplits; ++s) {
    std::vector<uint32_t> chosen;
    std::vector<int64_t> positions;
    int64_t next = state_.block_offsets[block][s];
    for (size_t row = 0; row < rows.size(); ++row) {
      if (static_cast<size_t>(rows.splits[row]) != s) continue;
      chosen.push_back(static_cast<uint32_t>(row));
      if (state_.sort_node < 0) {
        positions.push_back(next);
      } else {
        const int64_t place_in_split = sorted[static_cast<size_t>(rows.numbers[row] - rows.first_row)];
        if (place_in_split == 0 || place_in_split > state_.split_rows[s]) return changed;
        positions.push_back(place_in_split - 1);
      }
      ++next;
    }
    // The counting pass saw the same rows, or the file is another.
    if (next != state_.block_offsets[block + 1][s]) return changed;
    const auto split = static_cast<Split>(s);
    SDA_RETURN_IF_ERROR(store_ != nullptr ? StoreRows(slots, rows, split, chosen, positions)
                                          : WriteRows(slots, rows, split, chosen, positions));
  }
  Profile(slots, rows);
  return absl::OkStatus();
}

absl::Status RowWriter::WriteRows(const Slots& slots, const BatchRows& rows, Split split,
                                  const std::vector<uint32_t>& chosen,
                                  const std::vector<int64_t>& positions) {
  const int64_t shard_rows = shards_.shard_rows();
  // Runs of rows that lie side by side in one shard.
  for (size_t begin = 0, end = 0; begin < chosen.size(); begin = end) {
    const int64_t first = positions[begin];
    end = begin + 1;
    while (end < chosen.size() && positions[end] == positions[end - 1] + 1 &&
           positions[end] / shard_rows == first / shard_rows)
      ++end;
    if (shards_.IsFinished(split, first)) continue;
    SDA_ASSIGN_OR_RETURN(Shard* const opened, shards_.Open(split, first));
    Shard& shard = *opened;
    const auto offset = static_cast<size_t>(first % shard_rows);
    for (size_t i = begin; i < end; ++i) shard.label()[offset + i - begin] = rows.labels[chosen[i]];
    for (size_t f = 0; f < program_.features.size(); ++f) {
      const ColumnData& column = slots[static_cast<size_t>(program_.features[f])];
      if (column.is_list()) {
        WriteLists(column, f - program_.dense_features, {chosen.data() + begin, end - begin}, offset, shard);
        continue;
      }
      for (size_t i = begin; i < end; ++i) {
        const size_t row = chosen[i];
        const size_t at = offset + i - begin;
        if (f < program_.dense_features) {
          shard.dense(f)[at] = pipeline::DenseValue(column, row);
        } else {
          shard.categorical(f - program_.dense_features)[at] = static_cast<int32_t>(column.integers[row]);
        }
      }
    }
    const size_t mlperf = shards_.columns().mlperf_values;
    for (size_t i = begin; i < end && mlperf > 0; ++i)
      SDA_RETURN_IF_ERROR(FillMlperf(slots, rows, chosen[i], shard.mlperf() + (offset + i - begin) * mlperf));
    SDA_RETURN_IF_ERROR(shards_.Complete(split, first, static_cast<int64_t>(end - begin)));
  }
  return absl::OkStatus();
}

absl::Status RowWriter::StoreRows(const Slots& slots, const BatchRows& rows, Split split,
                                  const std::vector<uint32_t>& chosen,
                                  const std::vector<int64_t>& positions) {
  const size_t dense = program_.dense_features;
  EncodedRow encoded;
  encoded.dense.resize(dense);
  encoded.categorical.resize(program_.features.size() - dense);
  encoded.lists.resize(encoded.categorical.size());
  encoded.mlperf.resize(shards_.columns().mlperf_values);
  for (size_t i = 0; i < chosen.size(); ++i) {
    const size_t row = chosen[i];
    if (shards_.IsFinished(split, positions[i])) continue;
    encoded.label = rows.labels[row];
    for (size_t f = 0; f < program_.features.size(); ++f) {
      const ColumnData& column = slots[static_cast<size_t>(program_.features[f])];
      if (f < dense) {
        encoded.dense[f] = pipeline::DenseValue(column, row);
      } else if (column.is_list()) {
        std::vector<int32_t>& ids = encoded.lists[f - dense];
        ids.clear();
        AppendIds(column, row, ids);
        encoded.categorical[f - dense] = static_cast<int32_t>(ids.size());
      } else {
        encoded.categorical[f - dense] = static_cast<int32_t>(column.integers[row]);
      }
    }
    if (!encoded.mlperf.empty()) SDA_RETURN_IF_ERROR(FillMlperf(slots, rows, row, encoded.mlperf.data()));
    SDA_RETURN_IF_ERROR(store_->Put(split, positions[i], encoded));
  }
  return absl::OkStatus();
}

void RowWriter::WriteLists(const ColumnData& column, size_t feature, std::span<const uint32_t> rows,
                           size_t offset, Shard& shard) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t before = ids.size();
    AppendIds(column, rows[i], ids);
    shard.categorical(feature)[offset + i] = static_cast<int32_t>(ids.size() - before);
  }
  shard.AddListValues(feature, static_cast<int64_t>(offset), ids);
}

absl::Status RowWriter::FillMlperf(const Slots& slots, const BatchRows& rows, size_t row,
                                   int32_t* out) const {
  *out++ = rows.labels[row];
  for (const auto* columns : {&program_.mlperf_integers, &program_.mlperf_categories}) {
    for (const int slot : *columns) {
      const ColumnData& column = slots[static_cast<size_t>(slot)];
      const int64_t value = column.IsMissing(row) ? 0 : column.integers[row];
      if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
        return MakeError(
            absl::StatusCode::kInvalidArgument,
            absl::StrCat("output.mlperf_binary: column ", program_.slots[static_cast<size_t>(slot)].name,
                         " holds ", value, " in row ", rows.numbers[row], ", which does not fit 32 bits"),
            {.reason = "BAD_NUMBER", .metadata = {}, .violations = {}});
      }
      *out++ = static_cast<int32_t>(value);
    }
  }
  return absl::OkStatus();
}

void RowWriter::Profile(const Slots& slots, const BatchRows& rows) {
  for (size_t f = 0; f < program_.features.size(); ++f) {
    const ColumnData& column = slots[static_cast<size_t>(program_.features[f])];
    for (size_t row = 0; row < rows.size(); ++row) {
      if (rows.splits[row] != Split::kTrain) continue;
      if (f >= program_.dense_features) {
        const bool zero =
            column.is_list() ? column.offsets[row] == column.offsets[row + 1] : column.integers[row] == 0;
        zero_ids_[f - program_.dense_features] += zero ? 1 : 0;
      } else if (column.IsMissing(row)) {
        profile_[f].AddMissing();
      } else {
        profile_[f].Add(pipeline::DenseValue(column, row));
      }
    }
  }
}

}  // namespace sda::preprocessing
