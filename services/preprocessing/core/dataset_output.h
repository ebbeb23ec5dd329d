#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATASET_OUTPUT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATASET_OUTPUT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/artefact_writer.h"

namespace arrow::io {
class RandomAccessFile;
}  // namespace arrow::io

namespace sda::preprocessing {

// The folder a dataset is written to. Thread-safe.
class DatasetOutput {
 public:
  virtual ~DatasetOutput() = default;

  // Publishes a file whole or not at all: nobody ever sees a part of it, and after OK it survives a crash.
  // `path` is relative to the folder, e.g. "train/shard-00000.arrow"; what was there before is replaced.
  virtual absl::Status Write(const std::string& path, std::string_view bytes) = 0;

  // The same for a file that is written piece by piece; this output must outlive the writer.
  virtual absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) = 0;

  // What Write or Create published, to read; NOT_FOUND if there is nothing. Not mapped into memory.
  virtual absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) = 0;

  // The whole of it.
  absl::StatusOr<std::string> Read(const std::string& path);

  // Removes what Write published; OK if there is nothing.
  virtual absl::Status Remove(const std::string& path) = 0;

  // Removes everything that belongs to the dataset.
  virtual absl::Status Clear() = 0;
};

struct FileDigest {
  std::string sha256;
  int64_t bytes = 0;
};

// Of a file's content, read piece by piece.
absl::StatusOr<FileDigest> DigestOf(arrow::io::RandomAccessFile& file);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATASET_OUTPUT_H_
