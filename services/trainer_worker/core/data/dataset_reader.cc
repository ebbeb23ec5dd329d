#include "services/trainer_worker/core/data/dataset_reader.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>
#include <arrow/array/array_nested.h>
#include <arrow/array/array_primitive.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "common/base/status_macros.h"
#include "services/trainer_worker/core/data/mlperf_shard.h"

namespace sda::trainer {
namespace {

// Rows are numbered by 32 bits.
constexpr int64_t kMostRows = int64_t{1} << 32;

// The ids of a categorical column of one shard.
struct ShardIds {
  const int32_t* values = nullptr;
  const int32_t* offsets =
      nullptr;              // of lists: row r has values [offsets[r], offsets[r + 1]); null otherwise
  int64_t values_size = 0;  // of lists
};

// The columns of one shard, as pointers into the mapped file.
struct Shard {
  std::string path;
  int64_t begin = 0;  // its first row within the split
  const float* labels = nullptr;
  const float* weights = nullptr;  // null where there are none
  std::vector<const float*> dense;
  std::vector<ShardIds> ids;
  std::shared_ptr<arrow::RecordBatch> owner;
  std::optional<MlperfShard> binary;  // instead of all the pointers
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
  // A damaged file may have buffers shorter than its rows.
  if (const arrow::Status valid = (*batch)->Validate(); !valid.ok()) return Unexpected(path, valid.message());
  return *batch;
}

// The column at this place, which must have this name. By place, as a feature may be called as the label is.
absl::StatusOr<std::shared_ptr<arrow::Array>> ColumnAt(const arrow::RecordBatch& batch, int place,
                                                       const std::string& name, const std::string& path) {
  if (place >= batch.num_columns() || batch.column_name(place) != name)
    return Unexpected(path, absl::StrCat("has no column \"", name, "\" at place ", place));
  return batch.column(place);
}

absl::Status WrongType(const arrow::Array& column, const std::string& name, const std::string& path) {
  return Unexpected(path, absl::StrCat("column \"", name, "\" is of type ", column.type()->ToString()));
}

template <class Value, class ArrowType>
absl::StatusOr<const Value*> Column(const arrow::RecordBatch& batch, int place, const std::string& name,
                                    const std::string& path) {
  SDA_ASSIGN_OR_RETURN(const auto column, ColumnAt(batch, place, name, path));
  if (column->type_id() != ArrowType::type_id) return WrongType(*column, name, path);
  if (column->null_count() != 0)
    return Unexpected(path, absl::StrCat("column \"", name, "\" has missing values"));
  return static_cast<const arrow::NumericArray<ArrowType>&>(*column).raw_values();
}

absl::StatusOr<ShardIds> ListColumn(const arrow::RecordBatch& batch, int place, const std::string& name,
                                    const std::string& path) {
  SDA_ASSIGN_OR_RETURN(const auto column, ColumnAt(batch, place, name, path));
  const auto* lists = dynamic_cast<const arrow::ListArray*>(column.get());
  if (lists == nullptr || lists->value_type()->id() != arrow::Type::INT32)
    return WrongType(*column, name, path);
  const auto& values = static_cast<const arrow::Int32Array&>(*lists->values());
  if (lists->null_count() != 0 || values.null_count() != 0)
    return Unexpected(path, absl::StrCat("column \"", name, "\" has missing values"));
  return ShardIds{
      .values = values.raw_values(), .offsets = lists->raw_value_offsets(), .values_size = values.length()};
}

absl::StatusOr<Shard> OpenShard(const DatasetManifest& manifest, const ManifestShard& described,
                                const std::string& path) {
  Shard shard;
  shard.path = path;
  if (manifest.shard_format == ShardFormat::kMlperfBinary) {
    SDA_ASSIGN_OR_RETURN(shard.binary, MlperfShard::Map(described, path));
    return shard;
  }
  SDA_ASSIGN_OR_RETURN(shard.owner, MapShard(path));
  if (shard.owner->num_rows() != described.rows) {
    return Unexpected(path, absl::StrCat("has ", shard.owner->num_rows(), " rows, not ", described.rows));
  }
  const arrow::RecordBatch& batch = *shard.owner;
  int place = 0;
  SDA_ASSIGN_OR_RETURN(shard.labels, (Column<float, arrow::FloatType>(batch, place++, "label", path)));
  if (!manifest.weight_column.empty()) {
    SDA_ASSIGN_OR_RETURN(shard.weights, (Column<float, arrow::FloatType>(batch, place++, "weight", path)));
  }
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role == ColumnRole::kDense) {
      SDA_ASSIGN_OR_RETURN(shard.dense.emplace_back(),
                           (Column<float, arrow::FloatType>(batch, place++, column.name, path)));
    } else if (column.is_list()) {
      SDA_ASSIGN_OR_RETURN(shard.ids.emplace_back(), ListColumn(batch, place++, column.name, path));
    } else {
      SDA_ASSIGN_OR_RETURN(const int32_t* ids,
                           (Column<int32_t, arrow::Int32Type>(batch, place++, column.name, path)));
      shard.ids.push_back({.values = ids});
    }
  }
  return shard;
}

// What the training shards hold beyond one value a row and column is the values of their lists.
double ListValuesPerRow(const DatasetManifest& manifest) {
  const auto is_list = [](const ManifestColumn& column) { return column.is_list(); };
  const auto lists = std::count_if(manifest.columns.begin(), manifest.columns.end(), is_list);
  const auto train = manifest.splits.find("train");
  if (lists == 0 || train == manifest.splits.end() || train->second.rows == 0) return 0;
  int64_t bytes = 0;
  for (const ManifestShard& shard : train->second.shards) bytes += shard.bytes;
  const double fixed =
      (manifest.weight_column.empty() ? 1 : 2) + static_cast<double>(manifest.columns.size());
  const double values = static_cast<double>(bytes) / 4 / static_cast<double>(train->second.rows);
  return std::max(static_cast<double>(lists), values - fixed);
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
      shape.table_lists.push_back(column.is_list());
    }
  }
  shape.list_values = ListValuesPerRow(manifest);
  return shape;
}

struct SplitReader::State {
  InputShape shape;
  bool weighted = false;
  std::optional<MlperfDecoder> decoder;  // of binary shards
  std::vector<Shard> shards;             // by begin
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
  state->weighted = !manifest.weight_column.empty();
  if (manifest.shard_format == ShardFormat::kMlperfBinary) state->decoder.emplace(manifest);
  for (const ManifestShard& entry : described->second.shards) {
    // Binary files stay where they are, which their absolute paths say.
    const std::string path = std::filesystem::path(folder) / entry.path;
    SDA_ASSIGN_OR_RETURN(Shard shard, OpenShard(manifest, entry, path));
    shard.begin = state->rows;
    state->rows += entry.rows;
    state->shards.push_back(std::move(shard));
  }
  if (state->rows > kMostRows) {
    return absl::InvalidArgumentError(absl::StrCat(manifest.name, ": the ", split, " split has ", state->rows,
                                                   " rows; at most ", kMostRows, " can be read"));
  }
  return std::unique_ptr<SplitReader>(new SplitReader(std::move(state)));
}

int64_t SplitReader::rows() const {
  return state_->rows;
}
const InputShape& SplitReader::shape() const {
  return state_->shape;
}
bool SplitReader::weighted() const {
  return state_->weighted;
}

BatchBuffer::BatchBuffer(const SplitReader& reader, int64_t max_rows)
    : reader_(reader),
      labels_(max_rows),
      weights_(reader.weighted() ? max_rows : 0),
      dense_(max_rows * reader.shape().dense_columns),
      ids_(reader.shape().tables(), std::vector<int32_t>(max_rows)),
      offsets_(reader.shape().tables()) {
  for (int64_t t = 0; t < reader.shape().tables(); ++t) {
    if (reader.shape().is_list(t)) offsets_[t].resize(max_rows + 1);
  }
}

int64_t BatchBuffer::Bytes(const InputShape& shape, int64_t max_rows) {
  // Memory of bags grows by doubling.
  const auto bags = static_cast<int64_t>(2 * shape.list_values * static_cast<double>(max_rows));
  return (max_rows * (3 + shape.dense_columns + shape.tables()) + bags) * 4;
}

absl::StatusOr<Batch> BatchBuffer::Fill(std::span<const uint32_t> rows) {
  const SplitReader::State& split = *reader_.state_;
  const int64_t dense_columns = split.shape.dense_columns;
  size_t hint = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Shard& shard = split.Find(rows[i], hint);
    const int64_t row = rows[i] - shard.begin;
    if (shard.binary) {
      SDA_RETURN_IF_ERROR(
          shard.binary->Decode(*split.decoder, row, labels_[i], dense_.data() + i * dense_columns));
      for (size_t t = 0; t < ids_.size(); ++t) ids_[t][i] = shard.binary->Id(*split.decoder, row, t);
      continue;
    }
    labels_[i] = shard.labels[row];
    if (!weights_.empty()) {
      weights_[i] = shard.weights[row];
      if (!(weights_[i] >= 0 && std::isfinite(weights_[i]))) {
        return Unexpected(shard.path, absl::StrCat("row ", row, ": its weight is ", weights_[i]));
      }
    }
    for (int64_t c = 0; c < dense_columns; ++c) dense_[i * dense_columns + c] = shard.dense[c][row];
    for (size_t t = 0; t < ids_.size(); ++t) {
      if (shard.ids[t].offsets == nullptr) ids_[t][i] = shard.ids[t].values[row];
    }
  }
  for (size_t t = 0; t < ids_.size(); ++t) {
    if (!offsets_[t].empty()) SDA_RETURN_IF_ERROR(FillBags(rows, t));
  }
  return Checked(rows);
}

absl::Status BatchBuffer::FillBags(std::span<const uint32_t> rows, size_t table) {
  const SplitReader::State& split = *reader_.state_;
  std::vector<int32_t>& ids = ids_[table];
  size_t hint = 0, size = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Shard& shard = split.Find(rows[i], hint);
    const ShardIds& column = shard.ids[table];
    const int64_t row = rows[i] - shard.begin;
    const int64_t begin = column.offsets[row], end = column.offsets[row + 1];
    offsets_[table][i] = static_cast<int32_t>(size);
    if (begin < 0 || end < begin || end > column.values_size) {
      return Unexpected(
          shard.path, absl::StrCat("row ", row, ": table ", split.shape.table_names[table], ": its list is [",
                                   begin, ", ", end, ") of ", column.values_size, " values"));
    }
    const size_t grown = size + static_cast<size_t>(end - begin);
    if (grown > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
      return absl::OutOfRangeError(absl::StrCat(
          "table ", split.shape.table_names[table], ": the lists of ", rows.size(),
          " rows hold more than 2^31 - 1 ids; use a smaller training.batch_size or a list_max_values"));
    }
    if (grown > ids.size()) ids.resize(std::max(grown, 2 * ids.size()));
    std::copy(column.values + begin, column.values + end, ids.begin() + static_cast<int64_t>(size));
    size = grown;
  }
  offsets_[table][rows.size()] = static_cast<int32_t>(size);
  return absl::OkStatus();
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
  if (!weights_.empty()) batch.weights = {weights_.data(), static_cast<size_t>(rows)};
  for (size_t t = 0; t < ids_.size(); ++t) {
    const bool bags = !offsets_[t].empty();
    const auto size = static_cast<size_t>(bags ? offsets_[t][taken.size()] : rows);
    TableIds& table = batch.tables.emplace_back(TableIds{.ids = {ids_[t].data(), size}, .offsets = {}});
    if (bags) table.offsets = {offsets_[t].data(), taken.size() + 1};
  }
  if (const auto bad = FindBadId(batch, reader_.shape())) {
    size_t hint = 0;
    const Shard& shard = reader_.state_->Find(taken[bad->sample], hint);
    const int64_t row = taken[bad->sample] - shard.begin;
    return absl::OutOfRangeError(absl::StrCat(shard.path, ": row ",
                                              shard.binary ? shard.binary->RowOfFile(row) : row, ": ",
                                              Describe(*bad, reader_.shape())));
  }
  return batch;
}

}  // namespace sda::trainer
