#include "clients/cli/commands/session.h"

#include <cstdlib>
#include <filesystem>

#include <absl/strings/str_cat.h>

#include "clients/cli/core/input_files.h"
#include "clients/cli/process/local_suite.h"
#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

constexpr const char* kDefaultState = "./sda-state";
constexpr size_t kMaxClientFileBytes = 1 << 20;

std::optional<std::string> Environment(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

// --client-config, SDA_CLIENT_CONFIG, or the user's own file where there is one.
std::string ClientFile(const CommonFlags& flags) {
  if (flags.client_file) return *flags.client_file;
  if (const auto path = Environment("SDA_CLIENT_CONFIG")) return *path;
  const auto home = Environment("HOME");
  if (!home) return "";
  const std::string path = *home + "/.config/sda/client.yaml";
  std::error_code error;
  return std::filesystem::exists(path, error) ? path : "";
}

absl::StatusOr<ClientSettings> ReadClientFile(const std::string& path) {
  if (path.empty()) return ClientSettings();
  SDA_ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile("--client-config", path, kMaxClientFileBytes));
  return ParseClientFile(path, std::filesystem::path(AbsolutePath(path)).parent_path().string(), yaml);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Create(const CommonFlags& flags, Terminal& terminal,
                                                         Signals& signals) {
  std::unique_ptr<Session> session(new Session(terminal, signals));
  SDA_ASSIGN_OR_RETURN(session->output_, ParseOutputFormat(flags.output));
  SDA_ASSIGN_OR_RETURN(ClientSettings file, ReadClientFile(ClientFile(flags)));
  session->settings_ = MergeSettings(flags.settings, Environment, std::move(file));
  return session;
}

StateLayout Session::state() const {
  return StateLayout(AbsolutePath(settings_.state.value_or(kDefaultState)));
}

absl::StatusOr<std::optional<Announcement>> Session::FindSuite() {
  if (!suite_) {
    SDA_ASSIGN_OR_RETURN(suite_, FindRunningSuite(state(), stop()));
  }
  return *suite_;
}

absl::StatusOr<std::string> Session::AddressOf(const std::string& service) {
  ClientSettings settings = settings_;
  if (const auto& address = *FindSetting(settings, service)) return *address;
  SDA_ASSIGN_OR_RETURN(const std::optional<Announcement> suite, FindSuite());
  if (suite) return suite->AddressOf(service);
  return absl::FailedPreconditionError(
      absl::StrCat("no suite runs over ", state().folder, "; start one with `sda local --state ",
                   state().folder, "`, or name the ", service, " with --", service, " HOST:PORT"));
}

absl::StatusOr<std::shared_ptr<rpc::Connection>> Session::Connect(const std::string& option,
                                                                  const std::string& address) const {
  rpc::ClientConfig config;
  config.ca = settings_.ca.value_or("");
  config.cert = settings_.cert.value_or("");
  config.key = settings_.key.value_or("");
  config.token_file = settings_.token_file.value_or("");
  auto connection = rpc::Connection::Open(address, config);
  const auto detail = GetErrorDetail(connection.status());
  if (detail && !detail->violations.empty() && detail->violations[0].field == "address") {
    return InvalidField(option, detail->violations[0].description);
  }
  return connection;
}

template <class Client>
absl::StatusOr<std::unique_ptr<Client>> Session::Open(const std::string& service) {
  SDA_ASSIGN_OR_RETURN(const std::string address, AddressOf(service));
  SDA_ASSIGN_OR_RETURN(std::shared_ptr<rpc::Connection> connection, Connect("--" + service, address));
  return std::make_unique<Client>(service, std::move(connection), stop());
}

absl::StatusOr<std::unique_ptr<AdvisorClient>> Session::Advisor() {
  return Open<AdvisorClient>("advisor");
}
absl::StatusOr<std::unique_ptr<OptimizerClient>> Session::Optimizer() {
  return Open<OptimizerClient>("optimizer");
}
absl::StatusOr<std::unique_ptr<PreprocessingClient>> Session::Preprocessing() {
  return Open<PreprocessingClient>("preprocessing");
}
absl::StatusOr<std::unique_ptr<TrainerClient>> Session::Trainer() {
  return Open<TrainerClient>("trainer");
}

absl::Status Session::Print(const Document& document, const std::function<std::string()>& table) {
  switch (output_) {
    case OutputFormat::kJson:
      return terminal_.Print(ToJson(document));
    case OutputFormat::kYaml:
      return terminal_.Print(ToYaml(document));
    case OutputFormat::kTable:
      break;
  }
  return terminal_.Print(table());
}

std::string NewRequestId() {
  return NewUuid();
}

}  // namespace sda::cli
