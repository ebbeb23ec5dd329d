// `sda health`: whether services are ready, for people and for containers.
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/core/person_error.h"
#include "clients/cli/core/table.h"
#include "common/base/status_macros.h"
#include "common/rpc/connection.h"

namespace sda::cli {
namespace {

constexpr const char* kExamples =
    "  sda health\n"
    "      Every process of the local suite.\n"
    "  sda health --address 127.0.0.1:7001 --service sda.advisor.v1.AdvisorService\n"
    "      One server: whether this service of it is ready. Without --service: whether the process lives.\n"
    "\nExit codes: 0 all are serving, 1 one is not, 2 bad input.";

constexpr absl::Duration kTimeout = absl::Seconds(5);

// Full gRPC name of what a child of the local suite serves.
std::string ServiceName(const std::string& service) {
  if (service == "advisor") return "sda.advisor.v1.AdvisorService";
  if (service == "optimizer") return "sda.optimizer.v1.OptimizerService";
  if (service == "preprocessing") return "sda.preprocessing.v1.PreprocessingService";
  if (service == "trainer") return "sda.trainer.v1.TrainerService";
  return "";
}

struct HealthFlags {
  std::string address;
  std::string service;
};

absl::StatusOr<absl::Status> Check(const std::string& address, const std::string& service, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::shared_ptr<rpc::Connection> connection,
                       session.Connect("--address", address));
  return ExplainCall(rpc::CheckHealth(*connection, service, kTimeout), "server", address);
}

struct Entry {
  std::string name, address, service;
};

absl::StatusOr<std::vector<Entry>> Entries(const HealthFlags& flags, Session& session) {
  if (!flags.address.empty()) return std::vector<Entry>{{flags.service, flags.address, flags.service}};
  SDA_ASSIGN_OR_RETURN(const std::optional<Announcement> suite, session.FindSuite());
  if (!suite) {
    return absl::FailedPreconditionError(absl::StrCat("no suite runs over ", session.state().folder,
                                                      "; name a server with --address HOST:PORT"));
  }
  std::vector<Entry> entries;
  for (const Announcement::Child& child : suite->children) {
    entries.push_back({child.name, child.address, ServiceName(child.service)});
  }
  return entries;
}

absl::StatusOr<ExitCode> Execute(const HealthFlags& flags, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::vector<Entry> entries, Entries(flags, session));
  Document document = Document::array();
  Table table({"process", "address", "state"});
  bool all = true;
  for (const Entry& entry : entries) {
    SDA_ASSIGN_OR_RETURN(const absl::Status status, Check(entry.address, entry.service, session));
    all = all && status.ok();
    const std::string state = status.ok() ? "SERVING" : "NOT_SERVING";
    Document row;
    row["name"] = entry.name;
    row["address"] = entry.address;
    row["state"] = state;
    row["reason"] = std::string(status.message());
    document.push_back(std::move(row));
    table.AddRow({entry.name.empty() ? "-" : entry.name, entry.address,
                  status.ok() ? state : absl::StrCat(state, ": ", status.message())});
  }
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return all ? ExitCode::kDone : ExitCode::kFailed;
}

}  // namespace

void AddHealthCommand(CommandLine& line) {
  CLI::App* command = line.Add(line.app, "health", "Whether services are ready", kExamples);
  const auto flags = std::make_shared<HealthFlags>();
  command->add_option("--address", flags->address, "The server to ask (default: all of the local suite)")
      ->type_name("HOST:PORT");
  command
      ->add_option("--service", flags->service, "Full gRPC name of a service; without it the process as such")
      ->type_name("NAME");
  line.AddOutputOptions(command);
  line.AddConnectionOptions(command, {});
  line.Run(command, [flags](Session& session) { return Execute(*flags, session); });
}

}  // namespace sda::cli
