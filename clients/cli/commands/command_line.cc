#include "clients/cli/commands/command_line.h"

#include <utility>

#include <absl/strings/str_cat.h>

namespace sda::cli {

CLI::App* CommandLine::Add(CLI::App& parent, const std::string& name, const std::string& description,
                           const std::string& examples) {
  CLI::App* command = parent.add_subcommand(name, description);
  if (!examples.empty()) command->footer("\nExamples:\n" + examples);
  return command;
}

void CommandLine::Run(CLI::App* command, Action chosen) {
  command->callback([this, chosen = std::move(chosen)] { action = chosen; });
}

void CommandLine::AddOutputOptions(CLI::App* command) {
  command->add_option("--output,-o", common.output, "Form of the result: table, json or yaml (default table)")
      ->type_name("FORM");
  command->add_flag("--quiet,-q", common.quiet, "No progress and no remarks on standard error");
}

void CommandLine::AddConnectionOptions(CLI::App* command, std::initializer_list<const char*> services) {
  const char* group = "Connection";
  command
      ->add_option("--state", common.settings.state,
                   "Folder of the local suite (default ./sda-state, or SDA_STATE)")
      ->type_name("DIR")
      ->group(group);
  for (const std::string service : services) {
    command
        ->add_option("--" + service, *FindSetting(common.settings, service),
                     absl::StrCat("Address of the ", service, " instead of the local suite's"))
        ->type_name("HOST:PORT")
        ->group(group);
  }
  const auto add_file = [&](const char* option, std::optional<std::string>* target, const char* help) {
    command->add_option(option, *target, help)->type_name("FILE")->group(group);
  };
  add_file("--ca", &common.settings.ca, "Issuers of the server's certificate; turns TLS on");
  add_file("--cert", &common.settings.cert, "Own certificate, for mutual TLS");
  add_file("--key", &common.settings.key, "Key of the own certificate");
  add_file("--token-file", &common.settings.token_file, "File with the bearer token");
  add_file("--client-config", &common.client_file,
           "YAML file with these settings (default ~/.config/sda/client.yaml)");
}

void AddInputOptions(CLI::App* command, InputFlags* flags) {
  const char* group = "Click log";
  const auto add = [&](const char* option, std::optional<std::string>* target, const char* type,
                       const char* help) {
    command->add_option(option, *target, help)->type_name(type)->group(group);
  };
  command
      ->add_option("--data", flags->data,
                   "Files to learn from: CSV, TSV, Parquet or Arrow IPC; globs, folders and s3:// URIs too")
      ->type_name("FILE")
      ->expected(1, -1)
      ->group(group);
  command
      ->add_option("--test", flags->test, "Files with the test rows (default: a part of --data, see --split)")
      ->type_name("FILE")
      ->expected(1, -1)
      ->group(group);
  add("--label", &flags->label, "NAME|INDEX",
      "Column that says whether there was a click; its name, or its position from 0");
  add("--positive", &flags->positive, "VALUE,...",
      "Label values that count as clicks (default: labels are 0 and 1)");
  add("--weight", &flags->weight, "NAME",
      "Column with the weight of each row, at least 0 (default: every row weighs 1)");
  add("--delimiter", &flags->delimiter, "TEXT", "Between fields, e.g. , or tab or :: (default: guessed)");
  add("--header", &flags->header, "yes|no|auto", "Whether the first line names the columns (default auto)");
  add("--null", &flags->null_values, "TEXT,...",
      "Fields that mean \"missing\" (default: the empty field, NULL, NA, ?)");
  add("--schema", &flags->schema, "FILE",
      "YAML file that says which columns are dense, categorical or ignored");
  add("--pipeline", &flags->pipeline, "FILE|NAME",
      "YAML file with the operations on columns and rows, or a ready pipeline (`sda pipeline list`), instead "
      "of "
      "inferred roles");
  command
      ->add_flag("--auto", flags->automatic,
                 "Choose operations from a profile of the log, and say why (`sda dataset infer "
                 "--pipeline-yaml` shows "
                 "the pipeline)")
      ->group(group);
  add("--split", &flags->split, "RULE",
      "Test rows: fraction=F, hash:COLUMN or time:COLUMN (default fraction=0.2)");
  add("--test-share", &flags->test_share, "F", "Share of test rows with hash: and time: (default 0.2)");
  add("--validation-share", &flags->validation_share, "F",
      "Share of the other rows that trials are compared on (default 0.1)");
  add("--frequency-threshold", &flags->frequency_threshold, "N",
      "Categories seen fewer times are treated as unknown (default: by the number of rows)");
  add("--seed", &flags->seed, "S", "Seed of every random choice (default 0)");
  add("--bad-rows", &flags->bad_rows, "fail|skip|null",
      "Rows that cannot be read end the job (default), are left out, or have their bad fields taken as "
      "missing");
}

}  // namespace sda::cli
