// `sda model`: delivered models, and what they predict.
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/prediction_rows.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/prediction_error.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/proto_document.h"
#include "clients/cli/remote/run_reports.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

using advisor::v1::AdvisorService;
using advisor::v1::Model;
using preprocessing::v1::PreprocessingService;
using trainer::v1::TrainerService;

constexpr const char* kPredictExamples =
    "  sda model predict models/01h8xgj3kq --data new.csv > clicks.txt\n"
    "      One click probability a row, in order.\n"
    "  sda model predict models/01h8xgj3kq --data new.tsv --header no --columns label,I1,I2,C1 --output json";

absl::StatusOr<Model> GetModel(const std::string& text, AdvisorClient& advisor) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("MODEL", "models", text));
  advisor::v1::GetModelRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(advisor::v1::GetModelResponse response,
                       advisor.Call(&AdvisorService::Stub::GetModel, request));
  return std::move(*response.mutable_model());
}

std::string MetricText(const Model& model, const char* name) {
  const auto metric = model.metrics().find(name);
  return metric != model.metrics().end() ? FormatNumber(metric->second) : "-";
}

absl::StatusOr<ExitCode> List(Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  Document document = Document::array();
  Table table({"model", "auc", "test_auc", "dataset", "trial", "created"});
  using Request = advisor::v1::ListModelsRequest;
  using Response = advisor::v1::ListModelsResponse;
  SDA_RETURN_IF_ERROR((ForEachPage<Request, Response>(
      Request(), [&](const Request& page) { return advisor->Call(&AdvisorService::Stub::ListModels, page); },
      [&](const Response& page) {
        for (const Model& model : page.models()) {
          document.push_back(ToDocument(model));
          table.AddRow({model.name(), MetricText(model, "auc"), MetricText(model, "test_auc"),
                        model.dataset(), model.trial(), document.back().value("create_time", "")});
        }
      })));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Get(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  SDA_ASSIGN_OR_RETURN(const Model model, GetModel(text, *advisor));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(model), [&] {
    Table metrics({"metric", "value"});
    const Document document = ToDocument(model);
    for (const auto& item : document["metrics"].items())
      metrics.AddRow({item.key(), FormatNumber(item.value())});
    return absl::StrCat(model.name(), " of ", model.trial(), " on ", model.dataset(),
                        "\nfiles: ", ResolveArtefact(session.artefacts(), model.uri()), "\n\n",
                        metrics.Render());
  }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Delete(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("MODEL", "models", text));
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  advisor::v1::DeleteModelRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_RETURN_IF_ERROR(advisor->Call(&AdvisorService::Stub::DeleteModel, request).status());
  session.terminal().Say(absl::StrCat(name, " deleted"));
  return ExitCode::kDone;
}

struct PredictFlags {
  std::string model;
  PredictionInput input;
  std::optional<std::string> columns;
};

// The columns of the log that the model looks at: files may hold more, such as the label.
absl::StatusOr<std::set<std::string>> ColumnsOf(const Model& model, PreprocessingClient& client) {
  preprocessing::v1::GetDatasetRequest request;
  request.set_name(model.dataset());
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::GetDatasetResponse response,
                       client.Call(&PreprocessingService::Stub::GetDataset, request));
  std::set<std::string> names;
  // A pipeline's features are not the log's columns; its model takes any of those.
  if (response.dataset().spec().has_pipeline()) return names;
  for (const auto& column : response.dataset().profile().columns()) names.insert(column.name());
  return names;
}

absl::StatusOr<ExitCode> Predict(PredictFlags flags, Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto advisor, session.Advisor());
  SDA_ASSIGN_OR_RETURN(const Model model, GetModel(flags.model, *advisor));
  SDA_ASSIGN_OR_RETURN(const auto preprocessing, session.Preprocessing());
  SDA_ASSIGN_OR_RETURN(flags.input.wanted, ColumnsOf(model, *preprocessing));
  if (flags.columns) flags.input.columns = SplitList(*flags.columns);
  SDA_ASSIGN_OR_RETURN(const std::unique_ptr<PredictionRows> rows, PredictionRows::Open(flags.input));
  if (const auto missing = rows->MissingColumns(); !missing.empty()) {
    session.terminal().Say(
        absl::StrCat("not in the data, so missing in every row: ", absl::StrJoin(missing, ", ")));
  }
  SDA_ASSIGN_OR_RETURN(const auto trainer, session.Trainer());
  Document document = Document::array();
  std::string text;
  int64_t rows_before = 0;
  while (true) {
    trainer::v1::PredictRequest request;
    request.set_model_uri(model.uri());
    SDA_ASSIGN_OR_RETURN(const bool more, rows->Next(request));
    if (!more) break;
    const absl::StatusOr<trainer::v1::PredictResponse> answer =
        trainer->Call(&TrainerService::Stub::Predict, request);
    if (!answer.ok()) return NameDataRow(answer.status(), rows_before);
    const trainer::v1::PredictResponse& response = *answer;
    rows_before += response.probabilities_size();
    for (const float probability : response.probabilities()) {
      document.push_back(probability);
      absl::StrAppend(&text, FormatNumber(probability), "\n");
    }
  }
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return text; }));
  return ExitCode::kDone;
}

void AddPredictCommand(CommandLine& line, CLI::App& family) {
  const auto flags = std::make_shared<PredictFlags>();
  CLI::App* command = line.Add(family, "predict", "Click probabilities of rows", kPredictExamples);
  command->add_option("MODEL", flags->model, "Its name, e.g. models/01h8xgj3kq")->required()->type_name("");
  command->add_option("--data", flags->input.data, "Files with the rows: CSV, TSV, Parquet or Arrow IPC")
      ->required()
      ->type_name("FILE")
      ->expected(1, -1);
  command->add_option("--delimiter", flags->input.delimiter, "Between fields (default: guessed)")
      ->type_name("TEXT");
  command
      ->add_option("--header", flags->input.header, "Whether the first line names the columns (default auto)")
      ->type_name("yes|no|auto");
  command->add_option("--columns", flags->columns, "Names of the columns, for files without a header")
      ->type_name("NAME,...");
  line.AddOutputOptions(command);
  line.AddConnectionOptions(command, {"advisor", "preprocessing", "trainer"});
  line.Run(command, [flags](Session& session) { return Predict(*flags, session); });
}

}  // namespace

void AddModelCommands(CommandLine& line) {
  CLI::App* family = line.Add(line.app, "model", "Look at delivered models, let them predict",
                              "  sda model list\n"
                              "  sda model predict models/01h8xgj3kq --data new.csv");
  family->require_subcommand(1);
  CLI::App* list = line.Add(*family, "list", "All models, newest first", "");
  line.AddOutputOptions(list);
  line.AddConnectionOptions(list, {"advisor"});
  line.Run(list, List);

  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* verb, const char* description,
                       absl::StatusOr<ExitCode> (*execute)(const std::string&, Session&)) {
    CLI::App* command = line.Add(*family, verb, description, "");
    command->add_option("MODEL", *name, "Its name, e.g. models/01h8xgj3kq")->required()->type_name("");
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"advisor"});
    line.Run(command, [=](Session& session) { return execute(*name, session); });
  };
  add("get", "One model with its metrics and where it lies", Get);
  add("delete", "Removes a model and its files", Delete);

  AddPredictCommand(line, *family);
}

}  // namespace sda::cli
