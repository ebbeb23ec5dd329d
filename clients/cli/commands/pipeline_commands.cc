// `sda pipeline`: what becomes of a log's columns and rows, as YAML. Needs no service.
#include <memory>
#include <string>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/core/input_files.h"
#include "clients/cli/core/table.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/pipeline/ready_pipelines.h"

namespace sda::cli {
namespace {

constexpr const char* kExamples =
    "  sda pipeline show criteo_dlrm > mine.yaml\n"
    "  sda pipeline validate mine.yaml\n"
    "  sda dataset create --data train.tsv --pipeline mine.yaml --name clicks";

absl::StatusOr<ExitCode> List(Session& session) {
  Document document = Document::array();
  Table table({"pipeline", "what"});
  for (const preprocessing::ReadyPipeline& ready : preprocessing::ReadyPipelines()) {
    document.push_back({{"name", ready.name}, {"what", ready.what}});
    table.AddRow({ready.name, ready.what});
  }
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return table.Render(); }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Show(const std::string& name, Session& session) {
  const preprocessing::ReadyPipeline* const ready = preprocessing::FindReadyPipeline(name);
  if (ready == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("there is no ready pipeline ", name, "; `sda pipeline list` names them"));
  }
  const Document document = {{"name", ready->name}, {"what", ready->what}, {"yaml", ready->yaml}};
  SDA_RETURN_IF_ERROR(session.Print(document, [&] { return ready->yaml; }));
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Validate(const std::string& file, Session& session) {
  SDA_ASSIGN_OR_RETURN(const std::string yaml, ReadSmallFile("FILE", file, preprocessing::kMaxPipelineBytes));
  const preprocessing::PipelineReading reading = preprocessing::ReadPipeline(yaml);
  Document document;
  document["valid"] = reading.violations.empty();
  document["violations"] = Document::array();
  for (const YamlViolation& violation : reading.violations) {
    document["violations"].push_back({{"line", violation.line},
                                      {"column", violation.column},
                                      {"field", violation.field},
                                      {"description", violation.description}});
  }
  SDA_RETURN_IF_ERROR(session.Print(document, [&] {
    return reading.violations.empty()
               ? absl::StrCat(file, " is a good pipeline\n")
               : absl::StrCat(preprocessing::DescribeViolations(reading.violations, file), "\n");
  }));
  return reading.violations.empty() ? ExitCode::kDone : ExitCode::kBadInput;
}

}  // namespace

void AddPipelineCommands(CommandLine& line) {
  CLI::App* family =
      line.Add(line.app, "pipeline", "What becomes of a log's columns and rows, as YAML", kExamples);
  family->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  CLI::App* list = line.Add(*family, "list", "Ready pipelines for well-known logs", "");
  line.AddOutputOptions(list);
  line.Run(list, List);
  CLI::App* show = line.Add(*family, "show", "A ready pipeline's YAML", "");
  show->add_option("PIPELINE", *name, "Its name")->required()->type_name("");
  line.AddOutputOptions(show);
  line.Run(show, [=](Session& session) { return Show(*name, session); });
  CLI::App* validate =
      line.Add(*family, "validate", "Names every rule that a file breaks, with line and column", "");
  validate->add_option("FILE", *name, "The file")->required()->type_name("");
  line.AddOutputOptions(validate);
  line.Run(validate, [=](Session& session) { return Validate(*name, session); });
}

}  // namespace sda::cli
