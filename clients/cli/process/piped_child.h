#ifndef SDA_CLIENTS_CLI_PROCESS_PIPED_CHILD_H_
#define SDA_CLIENTS_CLI_PROCESS_PIPED_CHILD_H_

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// Runs a program to its end and passes every line of what it prints, standard error included, to `on_line`,
// without the line end. Returns how it ended (see CollectEnd). When `stop` is requested the program's process
// group gets SIGTERM, and SIGKILL ten seconds later.
absl::StatusOr<std::string> RunPiped(const std::string& path, const std::vector<std::string>& args,
                                     std::stop_token stop,
                                     const std::function<void(std::string_view)>& on_line);

inline constexpr char kEndedWell[] = "ended with exit code 0";

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_PROCESS_PIPED_CHILD_H_
