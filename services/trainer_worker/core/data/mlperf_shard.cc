#include "services/trainer_worker/core/data/mlperf_shard.h"

#include <bit>

#include <absl/strings/str_cat.h>
#include <arrow/buffer.h>
#include <arrow/io/file.h>

#include "common/storage/dense_transform.h"

namespace sda::trainer {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are read as they lie");

constexpr int kSmallValues = 1024;

}  // namespace

MlperfDecoder::MlperfDecoder(const DatasetManifest& manifest) : range_(manifest.max_ind_range) {
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role != ColumnRole::kDense) continue;
    transforms_.push_back(column.dense);
    std::vector<float>& small = small_.emplace_back();
    for (int x = 0; x < kSmallValues; ++x) small.push_back(ApplyTransform(column.dense, x));
  }
}

float MlperfDecoder::Large(size_t column, int32_t x) const {
  return ApplyTransform(transforms_[column], x);
}

absl::StatusOr<MlperfShard> MlperfShard::Map(const ManifestShard& described, const std::string& path) {
  const auto file = arrow::io::MemoryMappedFile::Open(path, arrow::io::FileMode::READ);
  if (!file.ok()) return absl::NotFoundError(absl::StrCat(path, ": ", file.status().message()));
  const auto size = (*file)->GetSize();
  if (!size.ok()) return absl::FailedPreconditionError(absl::StrCat(path, ": ", size.status().message()));
  if (*size % kMlperfRowBytes != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": has ", *size, " bytes; must be a multiple of ",
                                                      kMlperfRowBytes, ", the bytes of a row"));
  }
  const int64_t end = described.first_row + described.rows;
  if (*size / kMlperfRowBytes < end) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": has ", *size / kMlperfRowBytes,
                                                      " rows, the dataset needs those up to ", end,
                                                      "; it is not the file that was imported"));
  }
  MlperfShard shard;
  auto bytes = (*file)->ReadAt(described.first_row * kMlperfRowBytes, described.rows * kMlperfRowBytes);
  if (!bytes.ok()) return absl::FailedPreconditionError(absl::StrCat(path, ": ", bytes.status().message()));
  shard.path_ = path;
  shard.first_row_ = described.first_row;
  shard.owner_ = *std::move(bytes);
  // Rows are 160 bytes and mappings begin on pages: the integers are aligned.
  shard.rows_ = reinterpret_cast<const int32_t*>(shard.owner_->data());
  return shard;
}

absl::Status MlperfShard::Decode(const MlperfDecoder& decoder, int64_t row, float& label,
                                 float* dense) const {
  const int32_t* values = Row(row);
  if (values[0] != 0 && values[0] != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": row ", RowOfFile(row), ": label is ", values[0], "; must be 0 or 1"));
  }
  label = static_cast<float>(values[0]);
  for (size_t i = 0; i < kMlperfDenseColumns; ++i) {
    const int32_t x = values[1 + i];
    if (x < 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": row ", RowOfFile(row), ": column I", i + 1, ": is ", x,
                       "; must be at least 0, its logarithm is taken of 1 + x"));
    }
    dense[i] = decoder.Dense(i, x);
  }
  return absl::OkStatus();
}

}  // namespace sda::trainer
