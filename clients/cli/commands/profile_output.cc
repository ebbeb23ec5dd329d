#include "clients/cli/commands/profile_output.h"

#include <filesystem>
#include <system_error>

#include <absl/strings/str_cat.h>

#include "clients/cli/core/document.h"
#include "clients/cli/core/input_files.h"
#include "clients/cli/core/table.h"
#include "clients/cli/process/file_io.h"
#include "clients/cli/remote/proto_document.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

namespace fs = std::filesystem;

using Form = ProfileDestination::Form;
using preprocessing::v1::DataProfile;
using preprocessing::v1::ProfiledColumn;
using preprocessing::v1::ProfileWarning;

std::string Percent(double part, double whole) {
  return whole > 0 ? absl::StrCat(FormatNumber(100 * part / whole), "%") : "-";
}

std::string Optional(bool has, double value) {
  return has ? FormatNumber(value) : "-";
}

const char* SeverityName(ProfileWarning::Severity severity) {
  switch (severity) {
    case ProfileWarning::SEVERITY_ERROR:
      return "error";
    case ProfileWarning::SEVERITY_WARNING:
      return "warning";
    default:
      return "notice";
  }
}

const char* KindName(ProfiledColumn::Kind kind) {
  switch (kind) {
    case ProfiledColumn::KIND_NUMBER:
      return "number";
    case ProfiledColumn::KIND_TIME:
      return "time";
    case ProfiledColumn::KIND_LABEL:
      return "label";
    default:
      return "category";
  }
}

std::string WarningText(const ProfileWarning& warning) {
  return absl::StrCat(SeverityName(warning.severity()), " ", warning.code(),
                      warning.column().empty() ? "" : absl::StrCat(" ", warning.column()), ": ",
                      warning.message(), "\n    ", warning.suggestion(), "\n");
}

// What stands for the middle of a column: mean of numbers, most frequent value of others.
std::string Typical(const ProfiledColumn& column) {
  if (column.kind() == ProfiledColumn::KIND_NUMBER && column.has_number())
    return absl::StrCat("mean ", FormatNumber(column.number().mean()));
  if (column.kind() == ProfiledColumn::KIND_TIME && column.has_number()) {
    const double days = (column.number().max() - column.number().min()) / 86400;
    return absl::StrCat("span ", FormatNumber(days), " days");
  }
  if (column.top_values().empty()) return "-";
  constexpr size_t kLongest = 24;
  std::string value = column.top_values(0).value();
  if (value.size() > kLongest) value = "(long)";
  return absl::StrCat(value, " ",
                      Percent(static_cast<double>(column.top_values(0).rows_count()),
                              static_cast<double>(column.values_count())));
}

}  // namespace

absl::StatusOr<ProfileDestination> ParseProfileDestination(const std::string& output, bool json) {
  if (json && output != "table")
    return InvalidField("--json", "does not go with --output; give one of the two");
  if (json || output == "json") return ProfileDestination{Form::kJson, ""};
  if (output == "table") return ProfileDestination{Form::kTable, ""};
  if (output == "yaml") return ProfileDestination{Form::kYaml, ""};
  if (output.empty()) return InvalidField("--output", "is empty; name a folder or a file");
  const std::string path = AbsolutePath(output);
  const std::string extension = fs::path(path).extension().string();
  std::error_code error;
  const bool folder = fs::is_directory(path, error) || output.back() == '/' || extension.empty();
  if (folder) return ProfileDestination{Form::kFolder, path};
  const std::string parent = fs::path(path).parent_path().string();
  if (!fs::is_directory(parent, error))
    return InvalidField("--output", absl::StrCat("'", output, "': ", parent, " is not a folder"));
  if (extension == ".html") return ProfileDestination{Form::kHtmlFile, path};
  if (extension == ".json") return ProfileDestination{Form::kJsonFile, path};
  if (extension == ".yaml" || extension == ".yml") return ProfileDestination{Form::kYamlFile, path};
  return InvalidField(
      "--output", absl::StrCat("'", output, "' is not a folder, nor does it end in .html, .yaml or .json"));
}

std::string ProfileText(const DataProfile& profile) {
  std::string text = absl::StrCat(FormatCount(profile.rows_count()), " rows");
  if (!profile.label().empty()) {
    absl::StrAppend(&text, ", ", FormatCount(profile.positive_rows_count()), " positive (",
                    Percent(profile.positive_rate(), 1), ")");
  }
  if (profile.test_rows_count() > 0) {
    absl::StrAppend(&text, "; compared with ", FormatCount(profile.test_rows_count()), " test rows (",
                    profile.split(), ")");
  }
  absl::StrAppend(&text, "\n\n");
  for (const ProfileWarning& warning : profile.warnings()) absl::StrAppend(&text, WarningText(warning));
  if (!profile.warnings().empty()) absl::StrAppend(&text, "\n");
  Table table(
      {"column", "kind", "missing", "distinct", "typical", "auc", "information", "pearson|v", "psi", "ks"});
  for (const ProfiledColumn& column : profile.columns()) {
    const auto& label = column.label();
    const auto& drift = column.drift();
    table.AddRow(
        {column.name(), KindName(column.kind()),
         Percent(static_cast<double>(column.missing_rows_count()), static_cast<double>(profile.rows_count())),
         absl::StrCat(column.distinct_relative_error() > 0 ? "~" : "", column.distinct_count()),
         Typical(column), Optional(column.has_label(), label.strongest_auc()),
         Optional(column.has_label(), label.mutual_information_share()),
         Optional(label.has_pearson() || label.has_cramers_v(),
                  label.has_pearson() ? label.pearson() : label.cramers_v()),
         Optional(drift.has_population_stability_index(), drift.population_stability_index()),
         Optional(drift.has_kolmogorov_smirnov(), drift.kolmogorov_smirnov())});
  }
  return text + table.Render();
}

absl::Status WriteProfile(const DataProfile& profile, const std::string& page,
                          const ProfileDestination& destination, Terminal& terminal) {
  const std::string& path = destination.path;
  switch (destination.form) {
    case Form::kTable:
      return terminal.Print(ProfileText(profile));
    case Form::kJson:
      return terminal.Print(ToJson(ToDocument(profile)));
    case Form::kYaml:
      return terminal.Print(ToYaml(ToDocument(profile)));
    case Form::kHtmlFile:
      SDA_RETURN_IF_ERROR(WriteFileAtomically(path, page));
      break;
    case Form::kJsonFile:
      SDA_RETURN_IF_ERROR(WriteFileAtomically(path, ToJson(ToDocument(profile))));
      break;
    case Form::kYamlFile:
      SDA_RETURN_IF_ERROR(WriteFileAtomically(path, ToYaml(ToDocument(profile))));
      break;
    case Form::kFolder:
      SDA_RETURN_IF_ERROR(MakeFolder(path));
      SDA_RETURN_IF_ERROR(WriteFileAtomically(path + "/profile.html", page));
      SDA_RETURN_IF_ERROR(WriteFileAtomically(path + "/profile.yaml", ToYaml(ToDocument(profile))));
      break;
  }
  std::string text;
  for (const ProfileWarning& warning : profile.warnings()) absl::StrAppend(&text, WarningText(warning));
  return terminal.Print(absl::StrCat(
      text,
      destination.form == Form::kFolder ? absl::StrCat(path, "/profile.html\n", path, "/profile.yaml") : path,
      "\n"));
}

}  // namespace sda::cli
