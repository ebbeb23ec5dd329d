#include "services/trainer_worker/core/data/dataset_reader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <absl/strings/str_cat.h>
#include <arrow/array/array_primitive.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/status_macros.h"

namespace sda::trainer {
namespace {

// The columns of one shard, as pointers into the mapped file.
struct Shard {
  std::string path;
  int64_t begin = 0;  // its first row within the split
  const float* labels = nullptr;
  std::vector<const float*> dense;
  std::vector<const int32_t*> ids;
  std::shared_ptr<arrow::RecordBatch> owner;
};

absl::Status Unexpected(const std::string& path, const std::string& what) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": ", what, "; the shard is not what its manifest says, encode the dataset again"));
}

absl::StatusOr<std::shared_ptr<arrow::RecordBatch>> MapShard(const std::string& path) {
  auto file = arrow::io::MemoryMappedFile::Open(path, arrow::io::FileMode::READ);
  if (!file.ok()) return absl::NotFoundError(absl::StrCat(path, ": ", file.status().message()));
  auto reader = arrow::ipc::RecordBatchFileReader::Open(*file);
  if (!reader.ok()) return Unexpected(path, reader.status().message());
  if ((*reader)->num_record_batches() != 1) {
    return Unexpected(path, absl::StrCat("has ", (*reader)->num_record_batches(), " record batches, not 1"));
  }
  auto batch = (*reader)->ReadRecordBatch(0);
  if (!batch.ok()) return Unexpected(path, batch.status().message());
  return *batch;
}

template <class Value, class ArrowType>
absl::StatusOr<const Value*> Column(const arrow::RecordBatch& batch, const std::string& name,
                                    const std::string& path) {
  const std::shared_ptr<arrow::Array> column = batch.GetColumnByName(name);
  if (column == nullptr) return Unexpected(path, absl::StrCat("has no column \"", name, "\""));
  if (column->type_id() != ArrowType::type_id) {
    return Unexpected(path, absl::StrCat("column \"", name, "\" is of type ", column->type()->ToString()));
  }
  if (column->null_count() != 0)
    return Unexpected(path, absl::StrCat("column \"", name, "\" has missing values"));
  return static_cast<const arrow::NumericArray<ArrowType>&>(*column).raw_values();
}

absl::StatusOr<Shard> OpenShard(const DatasetManifest& manifest, const ManifestShard& described,
                                const std::string& path) {
  Shard shard;
  shard.path = path;
  SDA_ASSIGN_OR_RETURN(shard.owner, MapShard(path));
  if (shard.owner->num_rows() != described.rows) {
    return Unexpected(path, absl::StrCat("has ", shard.owner->num_rows(), " rows, not ", described.rows));
  }
  SDA_ASSIGN_OR_RETURN(shard.labels, (Column<float, arrow::FloatType>(*shard.owner, "label", path)));
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role == ColumnRole::kDense) {
      SDA_ASSIGN_OR_RETURN(const float* values,
                           (Column<float, arrow::FloatType>(*shard.owner, column.name, path)));
      shard.dense.push_back(values);
    } else {
      SDA_ASSIGN_OR_RETURN(const int32_t* ids,
                           (Column<int32_t, arrow::Int32Type>(*shard.owner, column.name, path)));
      shard.ids.push_back(ids);
    }
  }
  return shard;
}

}  // namespace

InputShape ShapeOf(const DatasetManifest& manifest) {
  InputShape shape;
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role == ColumnRole::kDense) {
      ++shape.dense_columns;
    } else {
      shape.table_rows.push_back(column.table_rows);
      shape.table_names.push_back(column.name);
    }
  }
  return shape;
}

struct SplitReader::State {
  InputShape shape;
  std::vector<Shard> shards;  // by begin
  int64_t rows = 0;

  // The shard that holds a row of the split. Rows come in runs, so the last one is tried first.
  const Shard& Find(int64_t row, size_t& hint) const {
    const auto holds = [&](size_t i) {
      return row >= shards[i].begin && (i + 1 == shards.size() || row < shards[i + 1].begin);
    };
    if (!holds(hint)) {
      const auto after =
          std::upper_bound(shards.begin(), shards.end(), row,
                           [](int64_t value, const Shard& shard) { return value < shard.begin; });
      hint = static_cast<size_t>(after - shards.begin()) - 1;
    }
    return shards[hint];
  }
};

SplitReader::SplitReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
SplitReader::~SplitReader() = default;

absl::StatusOr<std::unique_ptr<SplitReader>> SplitReader::Open(const DatasetManifest& manifest,
                                                               const std::string& folder,
                                                               const std::string& split) {
  const auto described = manifest.splits.find(split);
  if (described == manifest.splits.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(manifest.name, " has no split \"", split, "\"; must be train, validation or test"));
  }
  auto state = std::make_unique<State>();
  state->shape = ShapeOf(manifest);
  for (const ManifestShard& entry : described->second.shards) {
    SDA_ASSIGN_OR_RETURN(Shard shard, OpenShard(manifest, entry, absl::StrCat(folder, "/", entry.path)));
    shard.begin = state->rows;
    state->rows += entry.rows;
    state->shards.push_back(std::move(shard));
  }
  return std::unique_ptr<SplitReader>(new SplitReader(std::move(state)));
}

int64_t SplitReader::rows() const {
  return state_->rows;
}
const InputShape& SplitReader::shape() const {
  return state_->shape;
}

BatchBuffer::BatchBuffer(const SplitReader& reader, int64_t max_rows)
    : reader_(reader),
      labels_(max_rows),
      dense_(max_rows * reader.shape().dense_columns),
      ids_(reader.shape().tables(), std::vector<int32_t>(max_rows)) {}

int64_t BatchBuffer::Bytes(const InputShape& shape, int64_t max_rows) {
  return max_rows * (2 + shape.dense_columns + shape.tables()) * 4;
}

absl::StatusOr<Batch> BatchBuffer::Fill(std::span<const uint32_t> rows) {
  const SplitReader::State& split = *reader_.state_;
  const int64_t dense_columns = split.shape.dense_columns;
  size_t hint = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Shard& shard = split.Find(rows[i], hint);
    const int64_t row = rows[i] - shard.begin;
    labels_[i] = shard.labels[row];
    for (int64_t c = 0; c < dense_columns; ++c) dense_[i * dense_columns + c] = shard.dense[c][row];
    for (size_t t = 0; t < ids_.size(); ++t) ids_[t][i] = shard.ids[t][row];
  }
  return Checked(rows);
}

absl::StatusOr<Batch> BatchBuffer::FillRange(int64_t begin, int64_t end) {
  range_.resize(end - begin);
  std::iota(range_.begin(), range_.end(), static_cast<uint32_t>(begin));
  return Fill(range_);
}

absl::StatusOr<Batch> BatchBuffer::Checked(std::span<const uint32_t> taken) {
  const auto rows = static_cast<int64_t>(taken.size());
  Batch batch;
  batch.rows = rows;
  batch.labels = {labels_.data(), static_cast<size_t>(rows)};
  batch.dense = {dense_.data(), static_cast<size_t>(rows * reader_.shape().dense_columns)};
  for (const auto& ids : ids_)
    batch.tables.push_back({.ids = {ids.data(), static_cast<size_t>(rows)}, .offsets = {}});
  if (const auto bad = FindBadId(batch, reader_.shape())) {
    size_t hint = 0;
    const Shard& shard = reader_.state_->Find(taken[bad->position], hint);
    return absl::OutOfRangeError(absl::StrCat(shard.path, ": row ", taken[bad->position] - shard.begin, ": ",
                                              Describe(*bad, reader_.shape())));
  }
  return batch;
}

}  // namespace sda::trainer
