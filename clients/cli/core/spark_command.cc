#include "clients/cli/core/spark_command.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"

namespace sda::cli {

absl::StatusOr<bool> WantsSpark(const SparkFlags& flags) {
  const std::string engine = flags.engine.value_or("sda");
  if (engine == "spark") return true;
  if (engine != "sda") {
    return InvalidField("--engine",
                        absl::StrCat("'", engine, "' is not one of sda (this machine), spark (a cluster)"));
  }
  const std::pair<bool, const char*> given[] = {
      {flags.master.has_value(), "--master"},       {flags.deploy_mode.has_value(), "--deploy-mode"},
      {flags.submit.has_value(), "--spark-submit"}, {flags.artefacts.has_value(), "--artefacts"},
      {flags.block_mib.has_value(), "--block-mib"}, {flags.log.has_value(), "--spark-log"},
      {!flags.conf.empty(), "--spark-conf"}};
  for (const auto& [is_given, name] : given) {
    if (is_given) return InvalidField(name, "goes with --engine spark only");
  }
  return false;
}

absl::StatusOr<std::vector<std::string>> SparkSubmitArgs(const SparkFlags& flags, const std::string& package,
                                                         const std::string& root, const std::string& staging,
                                                         const std::string& dataset) {
  std::vector<std::string> args;
  if (flags.master) args.insert(args.end(), {"--master", *flags.master});
  if (flags.deploy_mode) {
    if (*flags.deploy_mode != "client" && *flags.deploy_mode != "cluster")
      return InvalidField("--deploy-mode",
                          absl::StrCat("'", *flags.deploy_mode, "' is not client or cluster"));
    args.insert(args.end(), {"--deploy-mode", *flags.deploy_mode});
  }
  args.insert(args.end(),
              {"--name", absl::StrCat("sda ", dataset), "--py-files", package + "/sda_spark.zip"});
  for (const std::string& conf : flags.conf) {
    if (conf.find('=') == std::string::npos || conf.front() == '=')
      return InvalidField("--spark-conf", absl::StrCat("'", conf, "' is not KEY=VALUE"));
    args.insert(args.end(), {"--conf", conf});
  }
  args.insert(args.end(), {package + "/sda_spark_job.py", root, staging});
  return args;
}

absl::StatusOr<std::string> FindSparkSubmit(
    const SparkFlags& flags, const std::function<std::optional<std::string>(const std::string&)>& environment,
    const std::function<bool(const std::string&)>& executable) {
  if (flags.submit) {
    if (executable(*flags.submit)) return *flags.submit;
    return InvalidField("--spark-submit",
                        absl::StrCat("'", *flags.submit, "' is no program that can be run"));
  }
  if (const auto home = environment("SPARK_HOME")) {
    std::string path = *home + "/bin/spark-submit";
    if (executable(path)) return path;
  }
  for (const auto folder : absl::StrSplit(environment("PATH").value_or(""), ':', absl::SkipEmpty())) {
    std::string path = absl::StrCat(folder, "/spark-submit");
    if (executable(path)) return path;
  }
  return absl::FailedPreconditionError(
      "there is no spark-submit in $SPARK_HOME/bin and on $PATH; install Apache Spark's client, or name the "
      "program "
      "with --spark-submit PATH");
}

std::optional<ProgressView> ReadSparkProgress(std::string_view line) {
  constexpr std::string_view kMark = "@sda ";
  if (!line.starts_with(kMark)) return std::nullopt;
  line.remove_prefix(kMark.size());
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto number = [&](const char* key) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>() : 0.0;
  };
  ProgressView view;
  view.step = static_cast<int>(number("step"));
  view.steps = static_cast<int>(number("steps"));
  view.done = static_cast<int64_t>(number("done"));
  view.total = static_cast<int64_t>(number("total"));
  view.unit = "tasks";
  if (json.contains("stage") && json["stage"].is_string()) view.what = json["stage"].get<std::string>();
  return view;
}

preprocessing::DatasetSpec ToSpec(const InputPlan& plan) {
  preprocessing::DatasetSpec spec;
  spec.data_uris = plan.data;
  spec.test_uris = plan.test;
  spec.label = plan.label;
  spec.positive_values = plan.positive_values;
  spec.weight = plan.weight;
  spec.format.delimiter = plan.delimiter;
  if (plan.header == HeaderMode::kYes) spec.format.header = preprocessing::FormatSpec::Header::kYes;
  if (plan.header == HeaderMode::kNo) spec.format.header = preprocessing::FormatSpec::Header::kNo;
  spec.format.null_values = plan.null_values;
  spec.split.column = plan.split.column;
  if (plan.split.by == SplitBy::kHashColumn) spec.split.kind = preprocessing::SplitSpec::Kind::kHash;
  if (plan.split.by == SplitBy::kTimeColumn) spec.split.kind = preprocessing::SplitSpec::Kind::kTime;
  if (plan.split.by == SplitBy::kFraction) spec.split.test_share = plan.split.fraction;
  if (plan.split.test_share != 0) spec.split.test_share = plan.split.test_share;
  if (plan.split.validation_share != 0) spec.split.validation_share = plan.split.validation_share;
  spec.frequency_threshold = plan.frequency_threshold;
  spec.seed = plan.seed;
  if (plan.bad_rows == BadRowsRule::kSkip) spec.bad_rows = preprocessing::BadRowPolicy::kSkip;
  if (plan.bad_rows == BadRowsRule::kNull) spec.bad_rows = preprocessing::BadRowPolicy::kNull;
  if (plan.pipeline) spec.pipeline = plan.pipeline->pipeline;
  return spec;
}

}  // namespace sda::cli
