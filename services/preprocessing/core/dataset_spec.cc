#include "services/preprocessing/core/dataset_spec.h"

#include <set>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/utf8_check.h"

namespace sda::preprocessing {
namespace {

constexpr int64_t kMaxThreshold = 1'000'000'000;
constexpr int64_t kMaxShardRows = 16'777'216;
constexpr size_t kMaxDelimiterBytes = 8;
constexpr int64_t kMaxListValues = 65536;
constexpr int64_t kMaxTableRows = 2'147'483'647;

class Violations {
 public:
  void Add(std::string field, std::string rule) {
    violations_.push_back({std::move(field), std::move(rule)});
  }

  template <class T>
  void Range(const char* field, T value, T low, T high) {
    // Written so that NaN is out of range.
    if (!(value >= low && value <= high)) {
      Add(field, absl::StrCat("is ", value, "; must be in [", low, ", ", high, "]"));
    }
  }

  absl::Status ToStatus() const {
    return violations_.empty() ? absl::OkStatus() : InvalidFields(violations_);
  }

 private:
  std::vector<FieldViolation> violations_;
};

void CheckUris(const std::vector<std::string>& uris, const char* field, Violations& violations) {
  for (size_t i = 0; i < uris.size(); ++i) {
    if (uris[i].empty()) violations.Add(absl::StrCat(field, "[", i, "]"), "is empty; must be a path or URI");
  }
}

void CheckFormat(const FormatSpec& format, Violations& violations) {
  if (format.delimiter.size() > kMaxDelimiterBytes) {
    violations.Add("format.delimiter", absl::StrCat("has ", format.delimiter.size(),
                                                    " bytes; must have at most ", kMaxDelimiterBytes));
  }
  if (format.delimiter.find_first_of("\r\n\"") != std::string::npos) {
    violations.Add("format.delimiter", absl::StrCat("is ", error::Quoted(format.delimiter),
                                                    "; must not contain a line end or a quote"));
  }
}

void CheckList(const ColumnChoice& column, const std::string& field, Violations& violations) {
  if (column.list_separator.size() > kMaxDelimiterBytes || !IsValidUtf8(column.list_separator)) {
    violations.Add(absl::StrCat(field, ".list_separator"),
                   absl::StrCat("is ", error::Quoted(column.list_separator), "; must be UTF-8 of at most ",
                                kMaxDelimiterBytes, " bytes"));
  }
  if (!column.list_separator.empty() && column.role && *column.role != Role::kCategorical) {
    violations.Add(absl::StrCat(field, ".list_separator"), "goes with a categorical role only");
  }
  if (column.list_max_values < 0 || column.list_max_values > kMaxListValues) {
    violations.Add(absl::StrCat(field, ".list_max_values"),
                   absl::StrCat("is ", column.list_max_values, "; must be in [0, ", kMaxListValues, "]"));
  }
  if (column.list_max_values != 0 && column.list_separator.empty()) {
    violations.Add(absl::StrCat(field, ".list_max_values"), "goes with a list_separator only");
  }
}

void CheckColumns(const std::vector<ColumnChoice>& columns, Violations& violations) {
  std::set<std::string> names;
  for (size_t i = 0; i < columns.size(); ++i) {
    const ColumnChoice& column = columns[i];
    const std::string field = absl::StrCat("columns[", i, "]");
    if (column.name.empty()) violations.Add(absl::StrCat(field, ".name"), "is empty; must name a column");
    if (!names.insert(column.name).second) {
      violations.Add(absl::StrCat(field, ".name"),
                     absl::StrCat("is ", error::Quoted(column.name), ", named before"));
    }
    if (column.frequency_threshold < 0 || column.frequency_threshold > kMaxThreshold) {
      violations.Add(
          absl::StrCat(field, ".frequency_threshold"),
          absl::StrCat("is ", column.frequency_threshold, "; must be in [0, ", kMaxThreshold, "]"));
    }
    CheckList(column, field, violations);
  }
}

void CheckMlperf(const DatasetSpec& spec, Violations& violations) {
  CheckUris(spec.mlperf.validation_uris, "mlperf.validation_uris", violations);
  const auto tables = static_cast<int64_t>(spec.mlperf.table_rows.size());
  if (tables != 0 && tables != kMlperfTables) {
    violations.Add("mlperf.table_rows",
                   absl::StrCat("has ", tables, " values; must have ", kMlperfTables, " or none"));
  }
  for (size_t i = 0; i < spec.mlperf.table_rows.size(); ++i) {
    violations.Range<int64_t>(absl::StrCat("mlperf.table_rows[", i, "]").c_str(), spec.mlperf.table_rows[i],
                              1, kMaxTableRows);
  }
  if (tables != 0 && !spec.mlperf.counts_uri.empty())
    violations.Add("mlperf.counts_uri", "is set beside mlperf.table_rows; one of them says the sizes");
  violations.Range<int64_t>("mlperf.max_ind_range", spec.mlperf.max_ind_range, 0, kMaxTableRows);
  if (!spec.positive_values.empty() || !spec.columns.empty() || !spec.weight.empty() ||
      spec.split.kind != SplitSpec::Kind::kFraction) {
    violations.Add(
        "format.kind",
        "is KIND_MLPERF_BINARY, whose columns are fixed; it goes with no positive_values, columns, weight "
        "and no split by a column");
  }
}

void CheckSplit(const SplitSpec& split, Violations& violations) {
  violations.Range("split.test_share", split.test_share, 0.0, 0.9);
  violations.Range("split.validation_share", split.validation_share, 0.0, 0.5);
  if (split.validation_share == 0) violations.Add("split.validation_share", "is 0; must be above 0");
  if (split.kind != SplitSpec::Kind::kFraction && split.column.empty()) {
    violations.Add(split.kind == SplitSpec::Kind::kHash ? "split.hash_column" : "split.time_column",
                   "is empty; must name a column");
  }
}

}  // namespace

absl::Status ValidateSpec(const DatasetSpec& spec) {
  Violations violations;
  if (spec.data_uris.empty()) violations.Add("data_uris", "is empty; at least one file is needed");
  CheckUris(spec.data_uris, "data_uris", violations);
  CheckUris(spec.test_uris, "test_uris", violations);
  CheckFormat(spec.format, violations);
  const bool labelled_by_pipeline = spec.pipeline && !spec.pipeline->label.empty();
  if (spec.format.kind == FormatSpec::Kind::kMlperf) {
    CheckMlperf(spec, violations);
  } else if (spec.mlperf != MlperfSpec()) {
    violations.Add("mlperf", "is set; it goes with format.kind KIND_MLPERF_BINARY only");
  } else if (spec.label.empty() && !labelled_by_pipeline) {
    violations.Add("label", "is empty; must name the label column or its position");
  }
  if (spec.pipeline && !spec.weight.empty())
    violations.Add("weight", "is set; a pipeline's rows all weigh 1");
  if (spec.bad_rows != BadRowPolicy::kFail && spec.format.kind == FormatSpec::Kind::kMlperf) {
    violations.Add(
        "bad_rows",
        absl::StrCat("is ", spec.bad_rows == BadRowPolicy::kSkip ? "BAD_ROWS_SKIP" : "BAD_ROWS_NULL",
                     "; must be BAD_ROWS_FAIL with format.kind KIND_MLPERF_BINARY"));
  }
  CheckColumns(spec.columns, violations);
  CheckSplit(spec.split, violations);
  violations.Range<int64_t>("frequency_threshold", spec.frequency_threshold, 0, kMaxThreshold);
  violations.Range<int64_t>("shard_rows", spec.shard_rows, 1, kMaxShardRows);
  if (spec.pipeline) {
    for (const FieldViolation& violation : pipeline::ValidatePipeline(*spec.pipeline))
      violations.Add(absl::StrCat("pipeline.", violation.field), violation.description);
    if (!spec.columns.empty())
      violations.Add(
          "columns",
          "stands beside pipeline, whose steps say what becomes of columns; remove one of the two");
  }
  return violations.ToStatus();
}

DatasetSpec WithPipelineLabel(DatasetSpec spec) {
  if (!spec.pipeline) return spec;
  if (spec.label.empty()) spec.label = spec.pipeline->label;
  if (spec.positive_values.empty()) spec.positive_values = spec.pipeline->positive_values;
  return spec;
}

std::vector<std::string> NullTokens(const FormatSpec& format) {
  std::vector<std::string> tokens;
  for (const std::string& token : format.null_values) {
    if (!token.empty()) tokens.push_back(token);
  }
  if (format.null_values.empty()) tokens = {"NULL", "NA", "?"};
  return tokens;
}

int64_t DefaultFrequencyThreshold(int64_t train_rows) {
  if (train_rows < 2'000) return 1;
  if (train_rows < 10'000) return 3;
  if (train_rows < 1'000'000) return 6;
  if (train_rows < 30'000'000) return 10;
  return 15;
}

}  // namespace sda::preprocessing
