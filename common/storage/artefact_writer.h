#ifndef SDA_COMMON_STORAGE_ARTEFACT_WRITER_H_
#define SDA_COMMON_STORAGE_ARTEFACT_WRITER_H_

#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace arrow::fs {
class FileSystem;
}  // namespace arrow::fs

namespace sda {

// A file that is being written and is not there yet for anybody. Made by ArtefactStore::Create; errors as it
// lists them. Not thread-safe. What is not published goes with the writer, without a trace.
class ArtefactWriter {
 public:
  virtual ~ArtefactWriter() = default;

  // Appends. After an error only the destructor may be called.
  virtual absl::Status Write(std::string_view bytes) = 0;

  // Makes the file durable and visible, replacing what was there. Call once, last.
  virtual absl::Status Publish() = 0;
};

// `file` is absolute; its folder is made as needed. `path` is its name in errors.
absl::StatusOr<std::unique_ptr<ArtefactWriter>> NewLocalWriter(const std::string& file,
                                                               std::string_view path);

// Whether a local file of this name is a writer's that has not published it.
bool IsTemporaryName(std::string_view name);

// For object stores, which show objects whole by themselves. `file` is the path inside the file system.
absl::StatusOr<std::unique_ptr<ArtefactWriter>> NewRemoteWriter(arrow::fs::FileSystem& filesystem,
                                                                const std::string& file,
                                                                std::string_view path);

// Makes what happened to the entries of a local folder durable.
absl::Status SyncLocalFolder(const std::string& folder, std::string_view path);

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_ARTEFACT_WRITER_H_
