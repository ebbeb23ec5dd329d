#include "clients/cli/core/schema_file.h"

#include <set>

#include <absl/strings/str_cat.h>
#include <yaml-cpp/yaml.h>

#include "common/base/status_macros.h"
#include "common/base/utf8.h"

namespace sda::cli {
namespace {

// Builds errors that begin with "FILE:LINE:COLUMN".
class Place {
 public:
  explicit Place(std::string source) : source_(std::move(source)) {}

  absl::Status Error(const YAML::Mark& mark, const std::string& field, const std::string& rule) const {
    const std::string at =
        mark.is_null() ? source_ : absl::StrCat(source_, ":", mark.line + 1, ":", mark.column + 1);
    // yaml-cpp makes single bytes of some escapes.
    return absl::InvalidArgumentError(ToValidUtf8(absl::StrCat(at, ": ", field, ": ", rule)));
  }

 private:
  const std::string source_;
};

absl::StatusOr<ColumnUse> ParseUse(const Place& place, const YAML::Node& node, const std::string& field) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  if (text == "dense") return ColumnUse::kDense;
  if (text == "categorical") return ColumnUse::kCategorical;
  if (text == "ignored") return ColumnUse::kIgnored;
  return place.Error(node.Mark(), field,
                     absl::StrCat("'", text, "' is not one of dense, categorical, ignored"));
}

absl::Status ReadKey(const Place& place, const std::string& key, const YAML::Node& key_node,
                     const YAML::Node& value, const std::string& path, ColumnRule& column) {
  const std::string field = absl::StrCat(path, ".", key);
  if (key == "name") {
    if (!value.IsScalar() || value.Scalar().empty() || ToValidUtf8(value.Scalar()) != value.Scalar())
      return place.Error(value.Mark(), field, "must be the name of a column, in UTF-8");
    column.name = value.Scalar();
  } else if (key == "role") {
    SDA_ASSIGN_OR_RETURN(column.use, ParseUse(place, value, field));
  } else if (key == "log") {
    bool log = false;
    if (!YAML::convert<bool>::decode(value, log))
      return place.Error(value.Mark(), field, "must be true or false");
    column.log = log;
  } else if (key == "frequency_threshold") {
    int64_t threshold = 0;
    if (!YAML::convert<int64_t>::decode(value, threshold) || threshold < 0 || threshold > 1000000000) {
      return place.Error(value.Mark(), field, "must be a whole number from 0 to 1000000000");
    }
    column.frequency_threshold = threshold;
  } else if (key == "list_separator") {
    if (!value.IsScalar() || value.Scalar().empty() || value.Scalar().size() > 8 ||
        ToValidUtf8(value.Scalar()) != value.Scalar())
      return place.Error(value.Mark(), field, "must be a text of 1 to 8 bytes");
    column.list_separator = value.Scalar();
  } else if (key == "list_max_values") {
    int64_t values = 0;
    if (!YAML::convert<int64_t>::decode(value, values) || values < 0 || values > 65536)
      return place.Error(value.Mark(), field, "must be a whole number from 0 to 65536");
    column.list_max_values = values;
  } else {
    return place.Error(
        key_node.Mark(), field,
        absl::StrCat("'", key,
                     "' is not a key of a column; allowed are name, role, log, frequency_threshold, "
                     "list_separator, list_max_values"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ColumnRule> ReadColumn(const Place& place, const YAML::Node& node, const std::string& path) {
  if (!node.IsMap()) return place.Error(node.Mark(), path, "must be a mapping with a name");
  ColumnRule column;
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (!seen.insert(key).second)
      return place.Error(entry.first.Mark(), absl::StrCat(path, ".", key), "is given twice");
    SDA_RETURN_IF_ERROR(ReadKey(place, key, entry.first, entry.second, path, column));
  }
  if (column.name.empty()) return place.Error(node.Mark(), absl::StrCat(path, ".name"), "is missing");
  if (column.log && column.use != ColumnUse::kDense) {
    return place.Error(node.Mark(), absl::StrCat(path, ".log"), "goes with role: dense only");
  }
  if (!column.list_separator.empty()) {
    if (column.use != ColumnUse::kCategorical && column.use != ColumnUse::kInferred) {
      return place.Error(node.Mark(), absl::StrCat(path, ".list_separator"),
                         "goes with role: categorical only");
    }
    column.use = ColumnUse::kCategorical;
  } else if (column.list_max_values != 0) {
    return place.Error(node.Mark(), absl::StrCat(path, ".list_max_values"), "goes with list_separator only");
  }
  if (column.frequency_threshold != 0 && column.use != ColumnUse::kCategorical) {
    return place.Error(node.Mark(), absl::StrCat(path, ".frequency_threshold"),
                       "goes with role: categorical only");
  }
  return column;
}

absl::StatusOr<std::vector<ColumnRule>> ReadColumns(const Place& place, const YAML::Node& root) {
  if (!root.IsMap())
    return place.Error(root.Mark(), "columns", "is missing; a schema is a mapping with the key columns");
  for (const auto& entry : root) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (key != "columns")
      return place.Error(entry.first.Mark(), key,
                         absl::StrCat("'", key, "' is not a key of a schema; allowed is columns"));
  }
  const YAML::Node list = root["columns"];
  if (!list || !list.IsSequence()) return place.Error(root.Mark(), "columns", "must be a list of columns");
  std::vector<ColumnRule> columns;
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string path = absl::StrCat("columns[", i, "]");
    SDA_ASSIGN_OR_RETURN(ColumnRule column, ReadColumn(place, list[i], path));
    if (!names.insert(column.name).second) {
      return place.Error(list[i].Mark(), absl::StrCat(path, ".name"),
                         absl::StrCat("'", column.name, "' is named twice"));
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

absl::StatusOr<std::vector<ColumnRule>> ParseSchemaFile(const std::string& source, const std::string& yaml) {
  const Place place(source);
  if (ToValidUtf8(yaml) != yaml) return place.Error(YAML::Mark::null_mark(), "schema", "is not valid UTF-8");
  // yaml-cpp reports syntax errors by exceptions; none may leave this file.
  try {
    return ReadColumns(place, YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    return place.Error(error.mark, "schema", absl::StrCat("is not YAML: ", ToValidUtf8(error.msg)));
  }
}

}  // namespace sda::cli
