#ifndef SDA_SERVICES_PREPROCESSING_CORE_SCRATCH_FILE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SCRATCH_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace sda::preprocessing {

// A local file without a name for what does not fit into memory; it goes with the object, or with the process
// however that ends. Reads and writes at places of their own may run at the same time; Append is for one
// thread. Errors: RESOURCE_EXHAUSTED (SCRATCH_FULL) where the disk is full, UNAVAILABLE (SCRATCH) otherwise.
class ScratchFile {
 public:
  // In `folder`, which is made where it does not exist; empty: the system's folder for temporary files.
  static absl::StatusOr<std::unique_ptr<ScratchFile>> Create(const std::string& folder);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  int64_t size() const { return size_; }

  // Writes behind everything appended before.
  absl::Status Append(std::string_view bytes);

  absl::Status WriteAt(int64_t offset, const void* data, size_t size);

  // Reads exactly `size` bytes; DATA_LOSS where the file ends before.
  absl::Status ReadAt(int64_t offset, void* data, size_t size) const;

 private:
  ScratchFile(int descriptor, std::string folder) : descriptor_(descriptor), folder_(std::move(folder)) {}
  absl::Status Error(const char* what, int code) const;

  const int descriptor_;
  const std::string folder_;
  int64_t size_ = 0;
};

// Appends small pieces to a scratch file through a buffer.
class ScratchWriter {
 public:
  explicit ScratchWriter(ScratchFile& file) : file_(file) {}

  absl::Status Write(const void* data, size_t size);
  absl::Status Flush();

 private:
  static constexpr size_t kBufferBytes = 64 * 1024;

  ScratchFile& file_;
  std::string buffer_;
};

// Reads a range of a scratch file from begin to end through a buffer.
class ScratchReader {
 public:
  ScratchReader(const ScratchFile& file, int64_t begin, int64_t end) : file_(file), next_(begin), end_(end) {}

  bool AtEnd() const { return taken_ == buffer_.size() && next_ == end_; }

  // The next `size` bytes, valid until the next call.
  absl::StatusOr<std::string_view> Take(size_t size);

 private:
  static constexpr size_t kBufferBytes = 16 * 1024;

  const ScratchFile& file_;
  int64_t next_;
  const int64_t end_;
  std::string buffer_;
  size_t taken_ = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SCRATCH_FILE_H_
