#ifndef SDA_SERVICES_PREPROCESSING_CORE_TESTING_DATASET_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TESTING_DATASET_H_

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <gtest/gtest.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_output.h"

// Where tests put datasets, and how they look into them.
namespace sda::preprocessing::testing {

// A dataset in a plain folder. Not safe against crashes; Write can be told to fail.
class FolderOutput final : public DatasetOutput {
 public:
  explicit FolderOutput(std::string folder) : folder_(std::move(folder)) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    if (path == fail_at) return absl::ResourceExhaustedError("no space left on the disk");
    const std::filesystem::path file = std::filesystem::path(folder_) / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) override {
    if (path == fail_at) return absl::ResourceExhaustedError("no space left on the disk");
    return NewLocalWriter((std::filesystem::absolute(folder_) / path).string(), path);
  }

  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    const auto file = arrow::io::ReadableFile::Open(folder_ + "/" + path);
    if (!file.ok()) return absl::NotFoundError(path);
    return *file;
  }

  absl::Status Remove(const std::string& path) override {
    std::filesystem::remove(std::filesystem::path(folder_) / path);
    return absl::OkStatus();
  }

  absl::Status Clear() override {
    std::filesystem::remove_all(folder_);
    return absl::OkStatus();
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    if (!std::filesystem::exists(folder_)) return files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) files.push_back(std::filesystem::relative(entry.path(), folder_).string());
    }
    return files;
  }

  std::string fail_at;

 private:
  const std::string folder_;
};

inline std::shared_ptr<arrow::RecordBatch> ReadBatch(const std::string& path, int batch = 0) {
  auto file = arrow::io::ReadableFile::Open(path).ValueOrDie();
  auto reader = arrow::ipc::RecordBatchFileReader::Open(file).ValueOrDie();
  return reader->ReadRecordBatch(batch).ValueOrDie();
}

// One column of one split, over all its shards.
template <class Value>
std::vector<Value> ReadColumn(const std::string& folder, const DatasetManifest& manifest,
                              const std::string& split, const std::string& name) {
  std::vector<Value> values;
  for (const ManifestShard& shard : manifest.splits.at(split).shards) {
    const auto batch = ReadBatch(folder + "/" + shard.path);
    const auto column = batch->GetColumnByName(name);
    EXPECT_NE(column, nullptr) << name;
    if (column == nullptr) continue;
    const Value* data = column->data()->GetValues<Value>(1);
    values.insert(values.end(), data, data + column->length());
  }
  return values;
}

inline std::vector<std::string> ReadVocabulary(const std::string& folder, const ManifestColumn& column) {
  const auto batch = ReadBatch(folder + "/" + column.vocabulary_path);
  const auto& values = static_cast<const arrow::StringArray&>(*batch->column(0));
  std::vector<std::string> vocabulary;
  for (int64_t i = 0; i < values.length(); ++i) vocabulary.push_back(values.GetString(i));
  return vocabulary;
}

inline const ManifestColumn& ColumnNamed(const DatasetManifest& manifest, const std::string& name) {
  for (const ManifestColumn& column : manifest.columns) {
    if (column.name == name) return column;
  }
  ADD_FAILURE() << "no column " << name;
  static const ManifestColumn kNone;
  return kNone;
}

}  // namespace sda::preprocessing::testing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TESTING_DATASET_H_
