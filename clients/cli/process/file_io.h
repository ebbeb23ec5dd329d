#ifndef SDA_CLIENTS_CLI_PROCESS_FILE_IO_H_
#define SDA_CLIENTS_CLI_PROCESS_FILE_IO_H_

#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace sda::cli {

// An open file descriptor that closes itself; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The error of the last failed system call on `path`, with code and path: RESOURCE_EXHAUSTED for a full disk,
// NOT_FOUND, PERMISSION_DENIED, else INTERNAL. `doing` is a phrase such as "cannot write".
absl::Status FileError(std::string_view doing, const std::string& path, int error);

// Replaces `path` by a file with this text, so that readers see the old or the new one whole, and a crash
// leaves no half of it. Nothing is left behind after an error.
absl::Status WriteFileAtomically(const std::string& path, std::string_view text);

absl::StatusOr<std::string> ReadFile(const std::string& path);

// `path` and the folders above it; OK where they exist.
absl::Status MakeFolder(const std::string& path);

// Why a server ended, by its log: the last line that is not JSON or that carries an "error", else the last
// line; "" where there is none. At most 1000 bytes.
std::string LastWords(const std::string& log_path);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_FILE_IO_H_
