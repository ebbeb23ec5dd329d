#ifndef SDA_CLIENTS_CLI_PROCESS_STATE_LOCK_H_
#define SDA_CLIENTS_CLI_PROCESS_STATE_LOCK_H_

#include <stop_token>
#include <string>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "clients/cli/core/suite_plan.h"
#include "clients/cli/process/file_io.h"

namespace sda::cli {

// The right to run a suite over a state folder: a lock on a file in it, held by one owner at a time. The
// owner's children inherit it, so that it is free only when the last of them is gone, however the owner
// ended. Released on destruction.
class StateLock {
 public:
  // Makes the folder where it is missing. `owner` ("sda local") is told to whoever comes second.
  // FAILED_PRECONDITION names the present owner and its process id. Children of a dead owner get a few
  // seconds to follow it.
  static absl::StatusOr<StateLock> Acquire(const StateLayout& layout, const std::string& owner);

  // Whether anybody holds it. A folder that does not exist is free.
  static bool IsHeld(const StateLayout& layout);

  // For the children's side.
  int fd() const { return file_.get(); }

 private:
  explicit StateLock(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_STATE_LOCK_H_
