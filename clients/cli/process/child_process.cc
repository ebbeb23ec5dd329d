#include "clients/cli/process/child_process.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/process/file_io.h"

namespace sda::cli {
namespace {

constexpr int kCannotExecute = 127;

// Between fork and exec of a process with threads only async-signal-safe calls are allowed.
[[noreturn]] void BecomeChild(const ChildCommand& command, char* const* argv, pid_t parent, int null_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotExecute);  // the parent died before the line above
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &standard, nullptr);
  dup2(null_fd, STDIN_FILENO);
  dup2(command.output_fd, STDOUT_FILENO);
  dup2(command.output_fd, STDERR_FILENO);
  if (command.inherited_fd >= 0) fcntl(command.inherited_fd, F_SETFD, 0);
  execv(command.path.c_str(), argv);
  const char message[] = "the program cannot be executed\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);
  _exit(kCannotExecute);
}

}  // namespace

absl::StatusOr<pid_t> StartChild(const ChildCommand& command) {
  if (access(command.path.c_str(), X_OK) != 0) return FileError("cannot execute", command.path, errno);
  const UniqueFd null_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null_fd.get() < 0) return FileError("cannot open", "/dev/null", errno);
  std::vector<std::string> words = {command.path};
  words.insert(words.end(), command.args.begin(), command.args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return FileError("cannot start", command.path, errno);
  if (child == 0) BecomeChild(command, argv.data(), parent, null_fd.get());
  return child;
}

std::optional<std::string> CollectEnd(pid_t pid) {
  int status = 0;
  const pid_t result = waitpid(pid, &status, WNOHANG);
  if (result == 0 || (result < 0 && errno == EINTR)) return std::nullopt;
  if (result < 0) return "vanished";
  if (WIFSIGNALED(status)) {
    return absl::StrCat("was killed by signal ", WTERMSIG(status), " (", sigdescr_np(WTERMSIG(status)), ")");
  }
  return absl::StrCat("ended with exit code ", WEXITSTATUS(status));
}

std::string BinaryFolder() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : self.parent_path().string();
}

}  // namespace sda::cli
