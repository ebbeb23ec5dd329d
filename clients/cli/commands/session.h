#ifndef SDA_CLIENTS_CLI_COMMANDS_SESSION_H_
#define SDA_CLIENTS_CLI_COMMANDS_SESSION_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "clients/cli/commands/signals.h"
#include "clients/cli/commands/terminal.h"
#include "clients/cli/core/announcement.h"
#include "clients/cli/core/client_settings.h"
#include "clients/cli/core/document.h"
#include "clients/cli/core/suite_plan.h"
#include "clients/cli/remote/clients.h"

namespace sda::cli {

// Options that all commands share, as given.
struct CommonFlags {
  ClientSettings settings;
  std::optional<std::string> client_file;
  std::string output = "table";
  bool quiet = false;
};

// One execution of a command: what it may speak with and whom it may speak to. Use from one thread.
class Session {
 public:
  // Completes the settings from environment and client file. INVALID_ARGUMENT for a bad file or --output.
  static absl::StatusOr<std::unique_ptr<Session>> Create(const CommonFlags& flags, Terminal& terminal,
                                                         Signals& signals);

  Terminal& terminal() { return terminal_; }
  Signals& signals() { return signals_; }
  std::stop_token stop() const { return signals_.stop(); }
  const ClientSettings& settings() const { return settings_; }

  // The state folder: --state, else ./sda-state.
  StateLayout state() const;

  // The suite that runs over the state folder; nothing where none does. Asked once.
  absl::StatusOr<std::optional<Announcement>> FindSuite();

  // Makes `announcement` the suite of this session, in place of what FindSuite would find.
  void UseSuite(Announcement announcement) { suite_ = std::optional(std::move(announcement)); }

  // Folder the artefacts of the suite lie in; "" when it is not on this machine.
  std::string artefacts() const { return suite_ && *suite_ ? (*suite_)->artefacts : ""; }

  // Clients of the services: at the address that was given, else of the running suite. FAILED_PRECONDITION,
  // saying what to do, where there is neither.
  absl::StatusOr<std::unique_ptr<AdvisorClient>> Advisor();
  absl::StatusOr<std::unique_ptr<OptimizerClient>> Optimizer();
  absl::StatusOr<std::unique_ptr<PreprocessingClient>> Preprocessing();
  absl::StatusOr<std::unique_ptr<TrainerClient>> Trainer();

  // A connection with the session's credentials. INVALID_ARGUMENT names `option`, which the address came
  // from.
  absl::StatusOr<std::shared_ptr<rpc::Connection>> Connect(const std::string& option,
                                                           const std::string& address) const;

  // Where a service is, by its name ("advisor").
  absl::StatusOr<std::string> AddressOf(const std::string& service);

  // Prints the result in the form that was asked for; `table` makes the text for people.
  absl::Status Print(const Document& document, const std::function<std::string()>& table);

 private:
  Session(Terminal& terminal, Signals& signals) : terminal_(terminal), signals_(signals) {}

  template <class Client>
  absl::StatusOr<std::unique_ptr<Client>> Open(const std::string& service);

  Terminal& terminal_;
  Signals& signals_;
  ClientSettings settings_;
  OutputFormat output_ = OutputFormat::kTable;
  std::optional<std::optional<Announcement>> suite_;  // once it was looked for
};

// A fresh id for a changing call.
std::string NewRequestId();

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_SESSION_H_
