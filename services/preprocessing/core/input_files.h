#ifndef SDA_SERVICES_PREPROCESSING_CORE_INPUT_FILES_H_
#define SDA_SERVICES_PREPROCESSING_CORE_INPUT_FILES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace arrow::io {
class InputStream;
class RandomAccessFile;
}  // namespace arrow::io

namespace sda::preprocessing {

// A file to read. Paths are local, or URIs that Arrow's file systems know ("file:///…", "s3://…").
struct InputFile {
  std::string path;  // as given, or found below a folder or glob; names the file in messages
  int64_t bytes = 0;
  int64_t modified_nanos = 0;  // 0 where the store does not say

  bool operator==(const InputFile&) const = default;
};

// The files that `paths` name: a file is itself, a folder its files (not below, and none that begin with "."
// or
// "_"), a path with *, ? or [ what it matches. Sorted by path. INPUT_NOT_FOUND, INPUT_EMPTY (a file without
// bytes, a folder or glob without files); INVALID_ARGUMENT where a file is named twice.
absl::StatusOr<std::vector<InputFile>> FindInputFiles(const std::vector<std::string>& paths);

// A file as a stream of bytes.
struct OpenedInput {
  std::shared_ptr<arrow::io::InputStream> stream;  // decompressed
  std::shared_ptr<arrow::io::RandomAccessFile>
      raw;  // what lies in the file; its position tells how far reading is
};

// Decompresses a file that begins as gzip or Zstandard data does.
absl::StatusOr<OpenedInput> OpenInputStream(const InputFile& file);

absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> OpenInputFile(const InputFile& file);

// INPUT_CHANGED if the file no longer has the size and time it had.
absl::Status CheckUnchanged(const InputFile& file);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_INPUT_FILES_H_
