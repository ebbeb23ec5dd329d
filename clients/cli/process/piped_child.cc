#include "clients/cli/process/piped_child.h"

#include <cerrno>
#include <chrono>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "clients/cli/process/child_process.h"
#include "clients/cli/process/file_io.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMillis = 100;
constexpr std::chrono::seconds kGrace{10};
constexpr size_t kLongestLine = 64 * 1024;

// Cuts what comes out of the pipe into lines.
class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}

  void Add(std::string_view bytes) {
    for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      rest_.append(bytes.substr(0, end));
      Flush();
      bytes.remove_prefix(end + 1);
    }
    rest_.append(bytes);
    if (rest_.size() > kLongestLine) Flush();
  }

  void Flush() {
    if (!rest_.empty()) on_line_(rest_);
    rest_.clear();
  }

 private:
  const std::function<void(std::string_view)>& on_line_;
  std::string rest_;
};

// False at the end of the pipe.
bool ReadSome(int fd, Lines& lines) {
  char buffer[8192];
  const ssize_t read = ::read(fd, buffer, sizeof(buffer));
  if (read > 0) lines.Add({buffer, static_cast<size_t>(read)});
  return read > 0 || (read < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace

absl::StatusOr<std::string> RunPiped(const std::string& path, const std::vector<std::string>& args,
                                     std::stop_token stop,
                                     const std::function<void(std::string_view)>& on_line) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FileError("cannot make a pipe for", path, errno);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  SDA_ASSIGN_OR_RETURN(const pid_t child, StartChild({path, args, write_end.get(), -1}));
  write_end = UniqueFd();
  Lines lines(on_line);
  std::optional<Clock::time_point> asked;
  bool open = true;
  std::optional<std::string> end;
  while (!end) {
    if (stop.stop_requested()) {
      if (!asked) kill(-child, SIGTERM);
      asked = asked.value_or(Clock::now());
      if (Clock::now() - *asked > kGrace) kill(-child, SIGKILL);
    }
    pollfd waiting{read_end.get(), POLLIN, 0};
    // Grandchildren may hold the pipe open longer than the child lives; without a pipe this is a pause.
    const int ready = poll(open ? &waiting : nullptr, open ? 1 : 0, kPollMillis);
    if (ready > 0) open = ReadSome(read_end.get(), lines);
    if (ready > 0 && open) continue;
    end = CollectEnd(child);
  }
  pollfd waiting{read_end.get(), POLLIN, 0};
  while (open && poll(&waiting, 1, 0) > 0) open = ReadSome(read_end.get(), lines);
  lines.Flush();
  return *end;
}

}  // namespace sda::cli
