#ifndef SDA_CLIENTS_CLI_COMMANDS_TERMINAL_H_
#define SDA_CLIENTS_CLI_COMMANDS_TERMINAL_H_

#include <mutex>
#include <string>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "clients/cli/core/progress.h"

namespace sda::cli {

// Where a command speaks: results on standard output; progress and remarks on standard error, as a bar that
// stays at the bottom of a terminal, else as single lines. Thread-safe.
class Terminal {
 public:
  // `quiet` leaves out progress and remarks, not errors.
  explicit Terminal(bool quiet);
  ~Terminal();

  // Results. INTERNAL or RESOURCE_EXHAUSTED where they cannot be written in full.
  absl::Status Print(const std::string& text);

  // A remark, on a line of its own.
  void Say(const std::string& line);

  // How far things are.
  void Show(const ProgressView& view);

  // Takes the bar away.
  void ClearBar();

  // An error, with the program's name before each line.
  void Error(const std::string& text);

 private:
  void Erase();  // mutex_ is held
  void Draw();   // mutex_ is held

  const bool quiet_;
  const bool bar_;  // standard error is a terminal
  std::mutex mutex_;
  std::string drawn_;  // the bar as it stands
  LineThrottle throttle_;
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_TERMINAL_H_
