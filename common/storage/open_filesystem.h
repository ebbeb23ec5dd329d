#ifndef SDA_COMMON_STORAGE_OPEN_FILESYSTEM_H_
#define SDA_COMMON_STORAGE_OPEN_FILESYSTEM_H_

#include <memory>
#include <string>

#include <absl/status/statusor.h>

namespace arrow::fs {
class FileSystem;
}  // namespace arrow::fs

namespace sda {

// A place that files can be in: a file system, and a path inside it without a slash at its end.
struct FileLocation {
  std::shared_ptr<arrow::fs::FileSystem> filesystem;
  std::string path;
};

// `location` is a local path, relative to the working folder or absolute, or a URI: "file:///…",
// "s3://bucket/…" (credentials and region as the AWS tools take them;
// "?endpoint_override=HOST:PORT&scheme=http" for stores that speak the same protocol). Arrow's S3 library is
// loaded on first need. INVALID_ARGUMENT for what cannot be a location, UNIMPLEMENTED where the S3 library is
// not installed. Thread-safe.
absl::StatusOr<FileLocation> OpenFilesystem(const std::string& location);

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_OPEN_FILESYSTEM_H_
