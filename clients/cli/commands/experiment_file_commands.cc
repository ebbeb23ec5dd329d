// `sda experiment export`, `import`, `import-csv`: searches and observations as files.
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/client_context.h>

#include "clients/cli/commands/experiment_commands.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/observations_csv.h"
#include "clients/cli/process/file_io.h"
#include "clients/cli/remote/observations.h"
#include "clients/cli/remote/proto_document.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/error_details.h"

namespace sda::cli {
namespace {

using optimizer::v1::ExperimentRecord;
using optimizer::v1::OptimizerService;

// A file moves at the speed of a disk and a network, not of a call.
constexpr absl::Duration kTransferTimeout = absl::Minutes(10);

struct FileFlags {
  std::string experiment, file, name;
};

// A file that had been there is replaced only by a whole one.
absl::StatusOr<ExitCode> Export(const FileFlags& flags, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("EXPERIMENT", "experiments", flags.experiment));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  optimizer::v1::ExportExperimentRequest request;
  request.set_name(name);
  grpc::ClientContext context;
  client->connection().Prepare(context, kTransferTimeout);
  const auto cancel = [&context] { context.TryCancel(); };
  const std::stop_callback<decltype(cancel)> on_stop(session.stop(), cancel);
  const auto stream = client->stub().ExportExperiment(&context, request);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  int64_t trials = 0;
  optimizer::v1::ExportExperimentResponse response;
  while (stream->Read(&response)) {
    std::string line;
    const auto printed = google::protobuf::util::MessageToJsonString(response.record(), &line, options);
    if (!printed.ok())
      return absl::InternalError(absl::StrCat("a record cannot be written: ", printed.ToString()));
    absl::StrAppend(&text, line, "\n");
    trials += response.record().has_trial();
  }
  const absl::Status ended = rpc::FromGrpcStatus(stream->Finish());
  if (session.stop().stop_requested()) return absl::CancelledError("interrupted");
  if (!ended.ok()) return client->Explain(ended);
  if (flags.file == "-") {
    std::cout << text << std::flush;
    return ExitCode::kDone;
  }
  SDA_RETURN_IF_ERROR(WriteFileAtomically(flags.file, text));
  session.terminal().Say(absl::StrCat(name, " with ", trials, " trials is in ", flags.file));
  return ExitCode::kDone;
}

absl::StatusOr<ExperimentRecord> ParseLine(const std::string& line, const std::string& file, size_t number) {
  ExperimentRecord record;
  const auto parsed = google::protobuf::util::JsonStringToMessage(line, &record);
  if (!parsed.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": line ", number, ": ", std::string(parsed.message())));
  return record;
}

// Records count from 0, lines from 1.
absl::Status WithLines(const absl::Status& status, const std::string& file,
                       const std::vector<size_t>& lines) {
  const auto detail = GetErrorDetail(status);
  if (!detail || detail->violations.empty()) return status;
  std::vector<std::string> problems;
  for (const FieldViolation& violation : detail->violations) {
    std::string place = violation.field;
    size_t index = 0;
    const size_t end = place.find(']');
    if (place.rfind("records[", 0) == 0 && end != std::string::npos &&
        absl::SimpleAtoi(place.substr(8, end - 8), &index) && index < lines.size()) {
      place = absl::StrCat("line ", lines[index], place.size() > end + 2 ? ", " : "",
                           place.size() > end + 2 ? place.substr(end + 2) : "");
    }
    problems.push_back(absl::StrCat(place, ": ", violation.description));
  }
  return BadTable(file, problems);
}

absl::StatusOr<ExitCode> Import(const FileFlags& flags, Session& session) {
  std::string id;
  if (!flags.name.empty()) {
    SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("--name", "experiments", flags.name));
    id = name.substr(std::string("experiments/").size());
  }
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.file));
  std::vector<ExperimentRecord> records;
  std::vector<size_t> lines;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || line == "\r") continue;
    SDA_ASSIGN_OR_RETURN(records.emplace_back(), ParseLine(std::string(line), flags.file, number));
    lines.push_back(number);
  }
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  grpc::ClientContext context;
  client->connection().Prepare(context, kTransferTimeout);
  const auto cancel = [&context] { context.TryCancel(); };
  const std::stop_callback<decltype(cancel)> on_stop(session.stop(), cancel);
  optimizer::v1::ImportExperimentResponse response;
  const auto stream = client->stub().ImportExperiment(&context, &response);
  for (size_t i = 0; i < records.size(); ++i) {
    optimizer::v1::ImportExperimentRequest request;
    if (i == 0) {
      request.set_request_id(NewRequestId());
      request.set_experiment_id(id);
    }
    *request.mutable_record() = std::move(records[i]);
    if (!stream->Write(request)) break;  // the status says why
  }
  stream->WritesDone();
  const absl::Status ended = rpc::FromGrpcStatus(stream->Finish());
  if (session.stop().stop_requested()) return absl::CancelledError("interrupted");
  if (!ended.ok()) return WithLines(client->Explain(ended), flags.file, lines);
  return PrintExperiment(response.experiment(), session);
}

absl::StatusOr<ExitCode> ImportCsv(const FileFlags& flags, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("EXPERIMENT", "experiments", flags.experiment));
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.file));
  SDA_ASSIGN_OR_RETURN(const ObservationTable table, ParseObservations(text, flags.file));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Optimizer());
  optimizer::v1::GetExperimentRequest get;
  get.set_name(name);
  SDA_ASSIGN_OR_RETURN(const optimizer::v1::GetExperimentResponse got,
                       client->Call(&OptimizerService::Stub::GetExperiment, get));
  SDA_ASSIGN_OR_RETURN(auto request, ToTrials(table, flags.file, got.experiment()));
  request.set_request_id(NewRequestId());
  const auto created = client->Call(&OptimizerService::Stub::BatchCreateTrials, request);
  if (!created.ok()) return WithPlaces(created.status(), table, flags.file);
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(*created), [&] {
    return absl::StrCat(created->trials_size(), " observations of ", flags.file, " are in ", name, "\n");
  }));
  return ExitCode::kDone;
}

}  // namespace

void AddExperimentFileCommands(CommandLine& line, CLI::App& family) {
  const auto flags = std::make_shared<FileFlags>();
  const auto add = [&](const char* verb, const char* description, const char* example,
                       absl::StatusOr<ExitCode> (*execute)(const FileFlags&, Session&)) {
    CLI::App* command = line.Add(family, verb, description, example);
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"optimizer"});
    line.Run(command, [=](Session& session) { return execute(*flags, session); });
    return command;
  };
  CLI::App* out =
      add("export", "Writes it with its trials and measurements to a file, one JSON object a line",
          "  sda experiment export experiments/01h8xgj3kq search.jsonl", Export);
  out->add_option("EXPERIMENT", flags->experiment, "Its name")->required()->type_name("");
  out->add_option("FILE", flags->file, "Where to; - for standard output")->required()->type_name("");
  CLI::App* in = add("import", "Creates an experiment from an exported file; a running one arrives paused",
                     "  sda experiment import search.jsonl --name experiments/copy", Import);
  in->add_option("FILE", flags->file, "Written by `sda experiment export`")->required()->type_name("");
  in->add_option("--name", flags->name, "Its new name (default: the old one, which must be free)")
      ->type_name("NAME");
  CLI::App* csv =
      add("import-csv",
          "Adds observations: a column a parameter and a metric, by name; <metric>.stddev where known",
          "  sda experiment import-csv experiments/01h8xgj3kq earlier.csv", ImportCsv);
  csv->add_option("EXPERIMENT", flags->experiment, "Its name")->required()->type_name("");
  csv->add_option("FILE", flags->file, "CSV with a header; all of it is taken, or nothing")
      ->required()
      ->type_name("");
}

}  // namespace sda::cli
