#ifndef SDA_CLIENTS_CLI_PROCESS_CHILD_PROCESS_H_
#define SDA_CLIENTS_CLI_PROCESS_CHILD_PROCESS_H_

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <sys/types.h>

namespace sda::cli {

struct ChildCommand {
  std::string path;
  std::vector<std::string> args;  // without the program's name
  int output_fd = -1;             // becomes standard output and error
  int inherited_fd = -1;          // stays open in the child; -1: none
};

// Starts a program that the kernel kills (SIGKILL) when the calling thread ends: call from a thread that
// lives as long as the child is to. The child has a process group of its own, so that Ctrl-C in a terminal
// reaches the caller only, no blocked signals, and no input.
absl::StatusOr<pid_t> StartChild(const ChildCommand& command);

// How a child of this process ended, e.g. "was killed by signal 9 (Killed)"; nothing while it runs. Collects
// it.
std::optional<std::string> CollectEnd(pid_t pid);

// Folder of the running program's binary.
std::string BinaryFolder();

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_CHILD_PROCESS_H_
