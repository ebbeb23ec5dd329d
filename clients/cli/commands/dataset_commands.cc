// `sda dataset`: encoded datasets.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/automatic_pipeline.h"
#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/spark_dataset.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/input_files.h"
#include "clients/cli/core/input_plan.h"
#include "clients/cli/core/table.h"
#include "clients/cli/remote/follow_stream.h"
#include "clients/cli/remote/plan_to_proto.h"
#include "clients/cli/remote/proto_document.h"
#include "clients/cli/remote/run_reports.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/server_config.h"

namespace sda::cli {
namespace {

using preprocessing::v1::Dataset;
using preprocessing::v1::Job;
using preprocessing::v1::PreprocessingService;

constexpr const char* kCreateExamples =
    "  sda dataset create --data clicks.csv --label click --name clicks\n"
    "  sda dataset create --data train.tsv --test test.tsv --label 0 --schema columns.yaml\n"
    "  sda dataset create --engine spark --master 'local[4]' --data train.tsv --pipeline criteo_dlrm";

bool IsFinal(Job::State state) {
  return state == Job::STATE_SUCCEEDED || state == Job::STATE_FAILED || state == Job::STATE_CANCELLED;
}

// Files are looked at here only when the service shares this machine's.
absl::StatusOr<InputPlan> PlanFor(const InputFlags& flags, const Session& session) {
  const auto& address = session.settings().preprocessing;
  return PlanInput(flags, address && !rpc::IsLoopback(*address) ? FileCheck::kElsewhere : FileCheck::kHere);
}

std::string DatasetText(const Dataset& dataset) {
  std::string text = absl::StrCat(dataset.name(), "  digest ", dataset.digest().substr(0, 12), "\n\n");
  Table splits({"split", "rows", "positive", "bytes"});
  for (const char* name : {"train", "validation", "test"}) {
    const auto split = dataset.profile().splits().find(name);
    if (split == dataset.profile().splits().end()) continue;
    splits.AddRow({name, absl::StrCat(split->second.rows_count()),
                   absl::StrCat(split->second.positive_rows_count()),
                   absl::StrCat(split->second.size_bytes())});
  }
  Table columns({"column", "role", "missing", "distinct", "table_rows", "mean", "reason"});
  for (const preprocessing::v1::ColumnProfile& column : dataset.profile().columns()) {
    const Document document = ToDocument(column);
    columns.AddRow({column.name(), document["role"], absl::StrCat(column.missing_rows_count()),
                    absl::StrCat(column.distinct_count()),
                    column.table_rows_count() > 0 ? absl::StrCat(column.table_rows_count()) : "-",
                    column.has_mean() ? FormatNumber(column.mean()) : "-", column.reason()});
  }
  return absl::StrCat(text, splits.Render(), "\n", columns.Render());
}

absl::StatusOr<Dataset> GetDataset(const std::string& name, PreprocessingClient& client) {
  preprocessing::v1::GetDatasetRequest request;
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(preprocessing::v1::GetDatasetResponse response,
                       client.Call(&PreprocessingService::Stub::GetDataset, request));
  return std::move(*response.mutable_dataset());
}

absl::StatusOr<Job> FollowJob(const std::string& name, PreprocessingClient& client, Terminal& terminal) {
  Job job;
  preprocessing::v1::WatchJobRequest request;
  request.set_name(name);
  StreamFollower<PreprocessingClient, preprocessing::v1::WatchJobResponse> stream{
      .client = client,
      .open = [&](grpc::ClientContext* context) { return client.stub().WatchJob(context, request); },
      .take =
          [&](const preprocessing::v1::WatchJobResponse& response) {
            job = response.job();
            if (!IsFinal(job.state())) terminal.Show(ToView(job.progress()));
            return IsFinal(job.state());
          },
      .on_wait =
          [&] {
            ProgressView view = ToView(job.progress());
            view.note = "waiting for the preprocessing service";
            terminal.Show(view);
          }};
  const absl::Status status = stream.Follow();
  terminal.ClearBar();
  if (absl::IsCancelled(status)) {
    return absl::CancelledError(
        absl::StrCat("interrupted; the job goes on, `sda dataset cancel ", name, "` ends it"));
  }
  SDA_RETURN_IF_ERROR(status);
  return job;
}

// `pipeline` is what the spec's was read from, for messages about it.
absl::StatusOr<ExitCode> CreateFrom(const preprocessing::v1::DatasetSpec& spec,
                                    const std::optional<PipelineFile>& pipeline, const std::string& id,
                                    bool replace, Session& session) {
  preprocessing::v1::CreateDatasetRequest request;
  if (!id.empty()) {
    SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("--name", "datasets", id));
    request.set_dataset_id(name.substr(std::string("datasets/").size()));
  }
  request.set_request_id(NewRequestId());
  request.set_replace(replace);
  *request.mutable_spec() = spec;
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::CreateDatasetResponse response,
                       client->Call(&PreprocessingService::Stub::CreateDataset, request));
  SDA_ASSIGN_OR_RETURN(const Job job, FollowJob(response.job().name(), *client, session.terminal()));
  if (job.state() != Job::STATE_SUCCEEDED) {
    const int code = job.has_error() ? job.error().code() : static_cast<int>(absl::StatusCode::kAborted);
    return absl::Status(static_cast<absl::StatusCode>(code),
                        job.has_error() ? WithPipelinePlace(job.error().message(), pipeline)
                                        : absl::StrCat(job.name(), " was cancelled"));
  }
  SDA_ASSIGN_OR_RETURN(const Dataset dataset, GetDataset(job.dataset(), *client));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(dataset), [&] { return DatasetText(dataset); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Create(const InputFlags& flags, const SparkFlags& spark, const std::string& id,
                                bool replace, Session& session) {
  SDA_ASSIGN_OR_RETURN(const bool with_spark, WantsSpark(spark));
  SDA_ASSIGN_OR_RETURN(InputPlan plan, PlanFor(flags, session));
  SDA_RETURN_IF_ERROR(ChoosePipeline(plan, session));
  if (with_spark) return CreateWithSpark(plan, spark, id, replace, session);
  return CreateFrom(ToProto(plan), plan.pipeline, id, replace, session);
}

// Files in MLPerf's binary format.
struct ImportFlags {
  std::vector<std::string> data, validation, test;
  std::optional<std::string> counts, table_rows, max_ind_range, validation_share;
};

absl::StatusOr<preprocessing::v1::DatasetSpec> ImportSpec(const ImportFlags& flags, FileCheck check) {
  constexpr int64_t kMost = 2147483647;
  if (flags.data.empty()) return InvalidField("--data", "is missing; name the files to train on");
  preprocessing::v1::DatasetSpec spec;
  spec.mutable_format()->set_kind(preprocessing::v1::InputFormat::KIND_MLPERF_BINARY);
  SDA_ASSIGN_OR_RETURN(const auto data, ResolveInputs("--data", flags.data, check));
  SDA_ASSIGN_OR_RETURN(const auto validation, ResolveInputs("--validation", flags.validation, check));
  SDA_ASSIGN_OR_RETURN(const auto test, ResolveInputs("--test", flags.test, check));
  spec.mutable_data_uris()->Assign(data.begin(), data.end());
  spec.mutable_mlperf()->mutable_validation_uris()->Assign(validation.begin(), validation.end());
  spec.mutable_test_uris()->Assign(test.begin(), test.end());
  if (flags.counts) {
    SDA_ASSIGN_OR_RETURN(const auto counts, ResolveInputs("--counts", {*flags.counts}, check));
    spec.mutable_mlperf()->set_counts_uri(counts.front());
  }
  if (flags.table_rows) {
    for (const std::string& text : SplitList(*flags.table_rows)) {
      SDA_ASSIGN_OR_RETURN(const int64_t rows, ParseIntFlag("--table-rows", text, 1, kMost));
      spec.mutable_mlperf()->add_table_rows(rows);
    }
  }
  if (flags.max_ind_range) {
    SDA_ASSIGN_OR_RETURN(const int64_t range,
                         ParseIntFlag("--max-ind-range", *flags.max_ind_range, 1, kMost));
    spec.mutable_mlperf()->set_max_ind_range(range);
  }
  if (flags.validation_share) {
    SDA_ASSIGN_OR_RETURN(const double share,
                         ParseDoubleFlag("--validation-share", *flags.validation_share, 0, 0.5));
    spec.mutable_split()->set_validation_share(share);
  }
  return spec;
}

absl::StatusOr<ExitCode> Import(const ImportFlags& flags, const std::string& id, Session& session) {
  const auto& address = session.settings().preprocessing;
  const bool here = !address || rpc::IsLoopback(*address);
  SDA_ASSIGN_OR_RETURN(const auto spec, ImportSpec(flags, here ? FileCheck::kHere : FileCheck::kElsewhere));
  return CreateFrom(spec, std::nullopt, id, /*replace=*/false, session);
}

void AddImport(CommandLine& line, CLI::App* command, const std::shared_ptr<std::string>& name) {
  const auto flags = std::make_shared<ImportFlags>();
  const auto files = [&](const char* option, std::vector<std::string>& target, const char* help) {
    command->add_option(option, target, help)->type_name("FILE")->expected(1, -1);
  };
  files("--data", flags->data, "Files with the rows to train on, 160 bytes each; they stay where they are");
  files("--validation", flags->validation,
        "Files that trials are compared on (default: the last rows of --data)");
  files("--test", flags->test, "Files with the test rows (default: the last fifth of --data)");
  const auto add = [&](const char* option, std::optional<std::string>& target, const char* type,
                       const char* help) { command->add_option(option, target, help)->type_name(type); };
  add("--counts", flags->counts, "FILE",
      "day_fea_count.npz with the rows of each table (default: what ids need)");
  add("--table-rows", flags->table_rows, "N,...", "Rows of the 26 tables");
  add("--max-ind-range", flags->max_ind_range, "N", "Take ids modulo N");
  add("--validation-share", flags->validation_share, "F",
      "Share of --data without --validation (default 0.1)");
  command->add_option("--name", *name, "The dataset's name (default: chosen)")->type_name("NAME");
  line.Run(command, [=](Session& session) { return Import(*flags, *name, session); });
}

absl::StatusOr<ExitCode> Infer(const InputFlags& flags, bool yaml, Session& session) {
  SDA_ASSIGN_OR_RETURN(const InputPlan plan, PlanFor(flags, session));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  preprocessing::v1::InferSchemaRequest request;
  *request.mutable_spec() = ToProto(plan);
  SDA_ASSIGN_OR_RETURN(preprocessing::v1::InferSchemaResponse response,
                       client->Call(&PreprocessingService::Stub::InferSchema, request));
  if (yaml) {
    // Of all rows instead of the first ones, as --auto has it.
    SDA_ASSIGN_OR_RETURN(*response.mutable_pipeline_yaml(), ChosenPipeline(plan, session));
    response.clear_pipeline();
    SDA_RETURN_IF_ERROR(session.Print(ToDocument(response), [&] { return response.pipeline_yaml(); }));
    return ExitCode::kDone;
  }
  Table table({"column", "role", "reason"});
  for (const preprocessing::v1::ColumnSpec& column : response.columns()) {
    table.AddRow({column.name(), ToDocument(column)["role"], column.reason()});
  }
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(response), [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> List(Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  Document document = Document::array();
  Table table({"dataset", "rows", "columns", "label", "digest", "created"});
  using Request = preprocessing::v1::ListDatasetsRequest;
  using Response = preprocessing::v1::ListDatasetsResponse;
  SDA_RETURN_IF_ERROR((ForEachPage<Request, Response>(
      Request(),
      [&](const Request& page) { return client->Call(&PreprocessingService::Stub::ListDatasets, page); },
      [&](const Response& page) {
        for (const Dataset& dataset : page.datasets()) {
          document.push_back(ToDocument(dataset));
          int64_t rows = 0;
          for (const auto& split : dataset.profile().splits()) rows += split.second.rows_count();
          table.AddRow({dataset.name(), absl::StrCat(rows), absl::StrCat(dataset.profile().columns_size()),
                        dataset.spec().label(), dataset.digest().substr(0, 12),
                        document.back().value("create_time", "")});
        }
      })));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Get(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("DATASET", "datasets", text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  SDA_ASSIGN_OR_RETURN(const Dataset dataset, GetDataset(name, *client));
  SDA_RETURN_IF_ERROR(session.Print(ToDocument(dataset), [&] { return DatasetText(dataset); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Delete(const std::string& text, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("DATASET", "datasets", text));
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  preprocessing::v1::DeleteDatasetRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_RETURN_IF_ERROR(client->Call(&PreprocessingService::Stub::DeleteDataset, request).status());
  session.terminal().Say(absl::StrCat(name, " deleted"));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Cancel(const std::string& name, Session& session) {
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  preprocessing::v1::CancelJobRequest request;
  request.set_request_id(NewRequestId());
  request.set_name(name);
  SDA_ASSIGN_OR_RETURN(const preprocessing::v1::CancelJobResponse response,
                       client->Call(&PreprocessingService::Stub::CancelJob, request));
  const Document document = ToDocument(response.job());
  SDA_RETURN_IF_ERROR(session.Print(
      document, [&] { return absl::StrCat(name, " ", document["state"].get<std::string>(), "\n"); }));
  return ExitCode::kDone;
}

}  // namespace

void AddDatasetCommands(CommandLine& line) {
  CLI::App* family = line.Add(line.app, "dataset", "Encode click logs, look at encoded datasets",
                              "  sda dataset infer --data clicks.csv --label click\n"
                              "  sda dataset create --data clicks.csv --label click --name clicks\n"
                              "  sda dataset get datasets/clicks");
  family->require_subcommand(1);
  const auto prepare = [&](CLI::App* command) {
    line.AddOutputOptions(command);
    line.AddConnectionOptions(command, {"preprocessing"});
  };
  const auto input = std::make_shared<InputFlags>();
  const auto name = std::make_shared<std::string>();
  const auto replace = std::make_shared<bool>(false);

  CLI::App* create = line.Add(*family, "create", "Encodes a click log", kCreateExamples);
  AddInputOptions(create, input.get());
  create->add_option("--name", *name, "The dataset's name (default: chosen)")->type_name("NAME");
  create->add_flag("--replace", *replace, "Replace a dataset of this name (default: an error)");
  const auto spark = std::make_shared<SparkFlags>();
  AddSparkOptions(create, spark.get());
  prepare(create);
  line.Run(create, [=](Session& session) { return Create(*input, *spark, *name, *replace, session); });

  CLI::App* import =
      line.Add(*family, "import-mlperf", "Makes a dataset of files in MLPerf's binary format",
               "  sda dataset import-mlperf --data train.bin --validation val.bin --test test.bin");
  AddImport(line, import, name);
  prepare(import);

  CLI::App* infer = line.Add(*family, "infer", "Says what would be done with each column, and why", "");
  AddInputOptions(infer, input.get());
  const auto yaml = std::make_shared<bool>(false);
  infer->add_flag("--pipeline-yaml", *yaml, "Print the pipeline that --auto would use, to be edited");
  prepare(infer);
  line.Run(infer, [=](Session& session) { return Infer(*input, *yaml, session); });

  CLI::App* list = line.Add(*family, "list", "All datasets", "");
  prepare(list);
  line.Run(list, List);

  const auto add = [&](const char* verb, const char* what, const char* description,
                       absl::StatusOr<ExitCode> (*execute)(const std::string&, Session&)) {
    CLI::App* command = line.Add(*family, verb, description, "");
    command->add_option(what, *name, "Its name")->required()->type_name("");
    prepare(command);
    line.Run(command, [=](Session& session) { return execute(*name, session); });
  };
  add("get", "DATASET", "One dataset with the profile of its columns", Get);
  add("delete", "DATASET", "Removes a dataset's files", Delete);
  add("cancel", "JOB", "Ends a job that makes a dataset, e.g. datasets/clicks/jobs/1", Cancel);
}

}  // namespace sda::cli
