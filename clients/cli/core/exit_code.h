#ifndef SDA_CLIENTS_CLI_CORE_EXIT_CODE_H_
#define SDA_CLIENTS_CLI_CORE_EXIT_CODE_H_

namespace sda::cli {

// How `sda` ends; scripts rely on these numbers.
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,         // something outside the user's input went wrong
  kBadInput = 2,       // options, files or data that the user can correct
  kGoalNotMet = 3,     // a run finished, but no trial meets the thresholds
  kInterrupted = 130,  // SIGINT, SIGTERM or SIGHUP
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_EXIT_CODE_H_
