// `sda data`: raw data, before anything is made of it.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>

#include "clients/cli/commands/command_line.h"
#include "clients/cli/commands/profile_call.h"
#include "clients/cli/commands/profile_output.h"
#include "clients/cli/core/flag_values.h"
#include "clients/cli/core/input_plan.h"
#include "clients/cli/process/local_suite.h"
#include "clients/cli/remote/plan_to_proto.h"
#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/rpc/server_config.h"

namespace sda::cli {
namespace {

using preprocessing::v1::ProfileDataRequest;

constexpr const char* kExamples =
    "  sda data profile clicks.csv --label click\n"
    "  sda data profile train.tsv --test test.tsv --label 0 --output profile.html\n"
    "  sda data profile logs/ --label click --split time:timestamp --output profile/\n"
    "  sda data profile --dataset clicks --json";

struct ProfileFlags {
  InputFlags input;
  std::optional<std::string> dataset, leakage_auc;
  std::string output = "table";
  bool json = false;
};

absl::StatusOr<ProfileDataRequest> RequestOf(const ProfileFlags& flags, const Session& session) {
  ProfileDataRequest request;
  if (flags.leakage_auc) {
    SDA_ASSIGN_OR_RETURN(const double auc, ParseDoubleFlag("--leakage-auc", *flags.leakage_auc, 0.5, 1));
    request.set_leakage_auc(auc);
  }
  if (flags.dataset) {
    if (!flags.input.data.empty())
      return InvalidField("--dataset", "does not go with files; give one of the two");
    SDA_ASSIGN_OR_RETURN(const std::string name, ParseNameFlag("--dataset", "datasets", *flags.dataset));
    request.set_dataset(name);
    return request;
  }
  if (flags.input.data.empty())
    return InvalidField("FILE", "is missing; name the files to look at, or a dataset with --dataset");
  const auto& address = session.settings().preprocessing;
  InputFlags input = flags.input;
  if (!input.label) input.label = "0";  // which other commands need
  SDA_ASSIGN_OR_RETURN(
      InputPlan plan,
      PlanInput(input, address && !rpc::IsLoopback(*address) ? FileCheck::kElsewhere : FileCheck::kHere));
  if (!flags.input.label) plan.label.clear();
  *request.mutable_spec() = ToProto(plan);
  return request;
}

// A suite of its own over a folder that goes with it, where none runs: a look at a file needs no state.
class PassingSuite {
 public:
  static absl::StatusOr<std::unique_ptr<PassingSuite>> Start(Session& session) {
    auto passing = std::make_unique<PassingSuite>();
    LocalSuiteOptions options;
    options.state = passing->folder_.string();
    options.owner = "sda data";
    options.log_level = "warning";
    options.say = [&terminal = session.terminal()](const std::string& line) { terminal.Say(line); };
    SDA_ASSIGN_OR_RETURN(passing->suite_, LocalSuite::Start(options, session.stop()));
    session.signals().OnImpatience([&supervisor = passing->suite_->supervisor()] { supervisor.Kill(); });
    session.UseSuite(passing->suite_->announcement());
    return passing;
  }

  ~PassingSuite() {
    suite_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 private:
  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("sda-data-" + NewUuid());
  std::unique_ptr<LocalSuite> suite_;
};

absl::StatusOr<ExitCode> Profile(const ProfileFlags& flags, Session& session) {
  SDA_ASSIGN_OR_RETURN(const ProfileDestination destination,
                       ParseProfileDestination(flags.output, flags.json));
  SDA_ASSIGN_OR_RETURN(ProfileDataRequest request, RequestOf(flags, session));
  request.set_html(destination.wants_page());
  std::unique_ptr<PassingSuite> own;
  if (!session.settings().preprocessing && !flags.dataset) {
    SDA_ASSIGN_OR_RETURN(const std::optional<Announcement> suite, session.FindSuite());
    if (!suite) {
      SDA_ASSIGN_OR_RETURN(own, PassingSuite::Start(session));
    }
  }
  SDA_ASSIGN_OR_RETURN(const auto client, session.Preprocessing());
  const auto reply = CallProfileData(request, *client, session.terminal());
  session.signals().OnImpatience({});
  own.reset();
  SDA_RETURN_IF_ERROR(reply.status());
  SDA_RETURN_IF_ERROR(WriteProfile(reply->profile, reply->page, destination, session.terminal()));
  return ExitCode::kDone;
}

void AddProfileOptions(CLI::App* command, ProfileFlags& flags) {
  command
      ->add_option("FILE", flags.input.data, "CSV, TSV or Parquet files; globs, folders and s3:// URIs too")
      ->type_name("")
      ->expected(0, -1);
  const auto add = [&](const char* option, std::optional<std::string>& target, const char* type,
                       const char* help) { command->add_option(option, target, help)->type_name(type); };
  add("--dataset", flags.dataset, "NAME",
      "Instead of files: the raw rows a dataset was made of, with its split");
  command->add_option("--test", flags.input.test, "Files with test rows, which the others are compared with")
      ->type_name("FILE")
      ->expected(1, -1);
  add("--label", flags.input.label, "NAME|INDEX",
      "Column with the label (default: nothing is said of labels)");
  add("--positive", flags.input.positive, "VALUE,...",
      "Label values that are positive (default: labels are 0 and 1)");
  add("--split", flags.input.split, "RULE",
      "Test rows to compare with: fraction=F, hash:COLUMN or time:COLUMN (default: those of --test, else "
      "none)");
  add("--test-share", flags.input.test_share, "F", "Share of test rows with hash: and time: (default 0.2)");
  add("--leakage-auc", flags.leakage_auc, "A",
      "AUC from which on a column alone is called a leak (default 0.9)");
  add("--delimiter", flags.input.delimiter, "TEXT", "Between fields, e.g. , or tab or :: (default: guessed)");
  add("--header", flags.input.header, "yes|no|auto",
      "Whether the first line names the columns (default auto)");
  add("--null", flags.input.null_values, "TEXT,...",
      "Fields that mean \"missing\" (default: the empty field, NULL, NA, ?)");
  add("--schema", flags.input.schema, "FILE",
      "YAML file that says which columns are dense, categorical or ignored");
  add("--seed", flags.input.seed, "S", "Seed of folds, sample and split (default 0)");
  command
      ->add_option("--output,-o", flags.output,
                   "table, json or yaml; FILE.html, FILE.yaml or FILE.json; or a folder for profile.html and "
                   "profile.yaml (default table)")
      ->type_name("FORM|FILE|DIR");
  command->add_flag("--json", flags.json, "The same as --output json");
}

}  // namespace

void AddDataCommands(CommandLine& line) {
  CLI::App* family = line.Add(line.app, "data", "Look at raw data", kExamples);
  family->require_subcommand(1);
  const auto flags = std::make_shared<ProfileFlags>();
  CLI::App* profile = line.Add(
      *family, "profile",
      "Says what is in raw data, what goes with the label, what moved, and what to do about it", kExamples);
  AddProfileOptions(profile, *flags);
  profile->add_flag("--quiet,-q", line.common.quiet, "No progress and no remarks on standard error");
  line.AddConnectionOptions(profile, {"preprocessing"});
  line.Run(profile, [=](Session& session) { return Profile(*flags, session); });
}

}  // namespace sda::cli
