#ifndef SDA_COMMON_TESTING_CHILD_PROCESS_H_
#define SDA_COMMON_TESTING_CHILD_PROCESS_H_

#include <string>
#include <vector>

#include <absl/time/time.h>
#include <sys/types.h>

#include "common/testing/temp_dir.h"

namespace sda::testing {

// A program started by a test. Killed and waited for when this goes.
class ChildProcess {
 public:
  // `command` is the program's path and its arguments. Standard input is empty; the outputs go to files.
  explicit ChildProcess(std::vector<std::string> command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;

  // The exit code, 128 + the signal that ended it, or -1 when it still runs after `timeout`. Callable again.
  int Wait(absl::Duration timeout = absl::Seconds(60));

  std::string standard_output() const { return ReadFile(dir_ / "out"); }
  std::string standard_error() const { return ReadFile(dir_ / "err"); }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int exit_code_ = -1;
};

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_CHILD_PROCESS_H_
