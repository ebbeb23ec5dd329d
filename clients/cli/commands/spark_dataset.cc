#include "clients/cli/commands/spark_dataset.h"

#include <cstdlib>
#include <deque>
#include <fstream>
#include <memory>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <unistd.h>

#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/table.h"
#include "clients/cli/process/child_process.h"
#include "clients/cli/process/piped_child.h"
#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/storage/artefact_store.h"
#include "services/preprocessing/core/artefact_output.h"
#include "services/preprocessing/core/spark/spark_plan.h"
#include "services/preprocessing/core/spark/spark_result.h"

namespace sda::cli {
namespace {

constexpr int64_t kMaxBlockMib = 1024;
constexpr size_t kKeptLines = 60;

absl::StatusOr<std::string> RootOf(const SparkFlags& flags, Session& session) {
  if (flags.artefacts) {
    return absl::StrContains(*flags.artefacts, "://") ? *flags.artefacts : AbsolutePath(*flags.artefacts);
  }
  SDA_ASSIGN_OR_RETURN(const auto suite, session.FindSuite());
  return suite ? suite->artefacts : session.state().artefacts();
}

// What the job prints: progress goes to the terminal, everything to the log, the last lines are kept.
class JobOutput {
 public:
  JobOutput(Terminal& terminal, const std::optional<std::string>& log) : terminal_(terminal) {
    if (log) log_.open(*log, std::ios::binary | std::ios::trunc);
  }

  bool good() const { return log_.good(); }

  void Take(std::string_view line) {
    if (const auto progress = ReadSparkProgress(line)) {
      terminal_.Show(*progress);
      return;
    }
    if (log_.is_open()) log_ << line << "\n";
    last_.emplace_back(line);
    if (last_.size() > kKeptLines) last_.pop_front();
  }

  std::string Last() const { return absl::StrJoin(last_, "\n"); }

 private:
  Terminal& terminal_;
  std::ofstream log_;
  std::deque<std::string> last_;
};

Document DocumentOf(const DatasetManifest& manifest, const std::string& uri, const std::string& sha256) {
  Document document = {{"name", manifest.name},
                       {"manifest_uri", uri},
                       {"manifest_sha256", sha256},
                       {"digest", manifest.digest}};
  for (const auto& [name, split] : manifest.splits) {
    int64_t bytes = 0;
    for (const ManifestShard& shard : split.shards) bytes += shard.bytes;
    document["profile"]["splits"][name] = {
        {"rows_count", split.rows}, {"positive_rows_count", split.positive_rows}, {"size_bytes", bytes}};
  }
  document["profile"]["columns"] = Document::array();
  for (const ManifestColumn& column : manifest.columns) {
    const bool dense = column.role == ColumnRole::kDense;
    Document& json = document["profile"]["columns"].emplace_back();
    json = {{"name", column.name},
            {"role", dense ? "DENSE" : "CATEGORICAL"},
            {"missing_rows_count", column.missing_rows},
            {"distinct_count", column.distinct_count}};
    if (!dense) json["table_rows_count"] = column.table_rows;
    if (column.raw_mean) json["mean"] = *column.raw_mean;
  }
  const Document provenance = Document::parse(manifest.provenance_json, nullptr, /*allow_exceptions=*/false);
  if (provenance.is_object() && provenance.contains("bad_rows")) {
    document["profile"]["bad_rows"] = provenance["bad_rows"]["counts"];
    document["profile"]["bad_row_examples"] = provenance["bad_rows"]["examples"];
  }
  return document;
}

std::string TextOf(const DatasetManifest& manifest) {
  Table splits({"split", "rows", "positive"});
  for (const char* name : {"train", "validation", "test"}) {
    const ManifestSplit& split = manifest.splits.at(name);
    splits.AddRow({name, absl::StrCat(split.rows), absl::StrCat(split.positive_rows)});
  }
  Table columns({"column", "role", "missing", "distinct", "table_rows"});
  for (const ManifestColumn& column : manifest.columns) {
    const bool dense = column.role == ColumnRole::kDense;
    columns.AddRow({column.name, dense ? "DENSE" : "CATEGORICAL", absl::StrCat(column.missing_rows),
                    absl::StrCat(column.distinct_count), dense ? "-" : absl::StrCat(column.table_rows)});
  }
  return absl::StrCat(manifest.name, "  digest ", manifest.digest.substr(0, 12), "\n\n", splits.Render(),
                      "\n", columns.Render());
}

// One run of spark-submit over a planned dataset.
class SparkRun {
 public:
  SparkRun(const preprocessing::DatasetPlan& plan, const preprocessing::SparkJob& job,
           const SparkFlags& flags, const ArtefactStore& store, Session& session)
      : plan_(plan), job_(job), flags_(flags), store_(store), session_(session) {}

  absl::StatusOr<DatasetManifest> Run() {
    const absl::Time started = absl::Now();
    // Before anything of an old dataset is gone.
    SDA_RETURN_IF_ERROR(FindProgram());
    preprocessing::ArtefactOutput output(store_, job_.dataset);
    SDA_RETURN_IF_ERROR(output.Clear());
    preprocessing::ArtefactOutput staging(store_, job_.staging);
    SDA_RETURN_IF_ERROR(preprocessing::WriteSparkPlan(plan_, job_, staging));
    auto manifest = SubmitAndFinish(started);
    if (!manifest.ok()) {
      // What cannot be removed stays, without a manifest: it is no dataset.
      output.Clear().IgnoreError();
      return manifest;
    }
    store_.RemoveFolder(job_.staging).IgnoreError();
    return manifest;
  }

 private:
  std::string InStaging(const char* file) const { return absl::StrCat(job_.staging, "/", file); }

  absl::StatusOr<DatasetManifest> SubmitAndFinish(absl::Time started) {
    SDA_RETURN_IF_ERROR(Submit());
    SDA_ASSIGN_OR_RETURN(const std::string result, store_.Read(InStaging(preprocessing::kSparkResultFile)));
    SDA_RETURN_IF_ERROR(preprocessing::SparkResultStatus(result));
    SDA_ASSIGN_OR_RETURN(const std::string tables, store_.Read(InStaging(preprocessing::kSparkTablesFile)));
    preprocessing::ArtefactOutput output(store_, job_.dataset);
    return preprocessing::FinishSparkDataset(plan_, job_.dataset, result, tables, started, output);
  }

  absl::Status FindProgram() {
    const auto environment = [](const std::string& name) -> std::optional<std::string> {
      // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
      const char* const value = std::getenv(name.c_str());
      return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    const auto executable = [](const std::string& path) { return access(path.c_str(), X_OK) == 0; };
    SDA_ASSIGN_OR_RETURN(program_, FindSparkSubmit(flags_, environment, executable));
    const std::string package = BinaryFolder() + "/spark";
    if (access((package + "/sda_spark.zip").c_str(), R_OK) != 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          package, "/sda_spark.zip, the job's code, is not there; it belongs beside the program sda"));
    }
    SDA_ASSIGN_OR_RETURN(args_, SparkSubmitArgs(flags_, package, job_.root, job_.staging, job_.dataset));
    return absl::OkStatus();
  }

  absl::Status Submit() {
    JobOutput output(session_.terminal(), flags_.log);
    if (!output.good()) return InvalidField("--spark-log", absl::StrCat(*flags_.log, " cannot be written"));
    const auto end =
        RunPiped(program_, args_, session_.stop(), [&](std::string_view line) { output.Take(line); });
    session_.terminal().ClearBar();
    SDA_RETURN_IF_ERROR(end.status());
    if (session_.stop().stop_requested()) return absl::CancelledError("interrupted; the Spark job was ended");
    SDA_ASSIGN_OR_RETURN(const bool answered, store_.Exists(InStaging(preprocessing::kSparkResultFile)));
    // A result, good or bad, says more than the exit code.
    if (answered) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat(program_, " ", *end, " without a result; it last said:\n", output.Last()));
  }

  const preprocessing::DatasetPlan& plan_;
  const preprocessing::SparkJob& job_;
  const SparkFlags& flags_;
  const ArtefactStore& store_;
  Session& session_;
  std::string program_;
  std::vector<std::string> args_;
};

}  // namespace

void AddSparkOptions(CLI::App* command, SparkFlags* flags) {
  const auto add = [&](const char* option, std::optional<std::string>& target, const char* type,
                       const char* help) { command->add_option(option, target, help)->type_name(type); };
  add("--engine", flags->engine, "NAME",
      "Who does the work: sda (the preprocessing service, the default) or spark (a Spark cluster, with "
      "--pipeline)");
  add("--master", flags->master, "URL",
      "Spark: local[N], spark://HOST:PORT, yarn or k8s://URL (default: spark-submit's own)");
  add("--deploy-mode", flags->deploy_mode, "MODE", "Spark: where the driver runs, client or cluster");
  add("--spark-submit", flags->submit, "PATH",
      "Spark: the program (default: $SPARK_HOME/bin/spark-submit, else the one on $PATH)");
  command->add_option("--spark-conf", flags->conf, "Spark: a setting, passed on as --conf")
      ->type_name("KEY=VALUE")
      ->expected(1, -1);
  add("--artefacts", flags->artefacts, "ROOT",
      "Spark: folder or URI the dataset goes to, which all executors reach (default: the suite's artefacts)");
  add("--block-mib", flags->block_mib, "N", "Spark: MiB of input in one task (default 32)");
  add("--spark-log", flags->log, "FILE", "Spark: write what spark-submit prints here");
}

absl::StatusOr<ExitCode> CreateWithSpark(const InputPlan& input, const SparkFlags& flags,
                                         const std::string& id, bool replace, Session& session) {
  preprocessing::SparkJob job;
  if (flags.block_mib) {
    SDA_ASSIGN_OR_RETURN(const int64_t mib, ParseIntFlag("--block-mib", *flags.block_mib, 1, kMaxBlockMib));
    job.block_bytes = mib << 20;
  }
  job.dataset = "datasets/" + NewUlid(absl::Now());
  if (!id.empty()) {
    SDA_ASSIGN_OR_RETURN(job.dataset, ParseNameFlag("--name", "datasets", id));
  }
  job.staging = absl::StrCat(job.dataset, "/spark-", NewUlid(absl::Now()));
  SDA_ASSIGN_OR_RETURN(job.root, RootOf(flags, session));
  SDA_ASSIGN_OR_RETURN(const auto store, ArtefactStore::Open(job.root));
  const std::string manifest_path = job.dataset + "/manifest.json";
  SDA_ASSIGN_OR_RETURN(const bool exists, store->Exists(manifest_path));
  if (exists && !replace) {
    return MakeError(absl::StatusCode::kAlreadyExists,
                     absl::StrCat(job.dataset, " exists; choose another --name, or say --replace"),
                     {.reason = "DATASET_EXISTS", .metadata = {{"dataset", job.dataset}}, .violations = {}});
  }
  const auto plan = preprocessing::PlanForSpark(ToSpec(input));
  if (!plan.ok()) {
    return absl::Status(plan.status().code(),
                        WithPipelinePlace(std::string(plan.status().message()), input.pipeline));
  }
  SDA_ASSIGN_OR_RETURN(const DatasetManifest manifest, SparkRun(*plan, job, flags, *store, session).Run());
  const std::string text = ManifestToJson(manifest);
  const Document document = DocumentOf(manifest, manifest_path, Sha256Hex(text));
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return TextOf(manifest); }));
  return ExitCode::kDone;
}

}  // namespace sda::cli
