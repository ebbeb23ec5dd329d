#include "tests/benchmarks/optimizer_server.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stop_token>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/rpc/announce.h"

namespace sda::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kStartTime = std::chrono::seconds(60);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

absl::StatusOr<std::unique_ptr<OptimizerServer>> OptimizerServer::Start(const std::string& database,
                                                                        const std::string& folder) {
  const std::string announce = folder + "/announce.json";
  const std::string log = folder + "/server.log";
  fs::remove(announce);
  std::vector<std::string> command = {fs::read_symlink("/proc/self/exe").parent_path() / "sda-optimizer",
                                      "--database",
                                      database,
                                      "--announce",
                                      announce,
                                      "--log-level",
                                      "warning"};
  std::vector<char*> argv;
  for (std::string& part : command) argv.push_back(part.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  const Clock::time_point start = Clock::now();
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return absl::NotFoundError(absl::StrCat("cannot start ", command[0]));
  std::unique_ptr<OptimizerServer> server(new OptimizerServer(pid));
  while (SecondsSince(start) < std::chrono::duration<double>(kStartTime).count()) {
    if (auto announced = rpc::ReadAnnounceFile(announce); announced.ok()) {
      server->address_ = announced->address;
      server->start_seconds_ = SecondsSince(start);
      return server;
    }
    if (waitpid(pid, nullptr, WNOHANG) == pid)
      return absl::UnavailableError(absl::StrCat("sda-optimizer ended at once; its log: ", log));
    RealClock::Get().Sleep(absl::Milliseconds(5), std::stop_token());
  }
  return absl::UnavailableError(absl::StrCat("sda-optimizer is not ready; its log: ", log));
}

OptimizerServer::~OptimizerServer() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

double OptimizerServer::CpuSeconds() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/stat"));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // After the name in parentheses: utime and stime are the 12th and 13th fields.
  std::istringstream rest(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int64_t OptimizerServer::PeakMemoryBytes() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/status"));
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    std::istringstream value(line.substr(6));
    int64_t kilobytes = 0;
    value >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

}  // namespace sda::bench
