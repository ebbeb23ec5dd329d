#include "services/preprocessing/server/spec_converter.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/pipeline/pipeline_json.h"

namespace sda::preprocessing {
namespace {

absl::Status UnknownEnum(const std::string& field, int value) {
  return InvalidField(field, absl::StrCat("is ", value, ", which this version does not know"));
}

absl::StatusOr<FormatSpec> FormatFromProto(const v1::InputFormat& proto) {
  FormatSpec format;
  switch (proto.kind()) {
    case v1::InputFormat::KIND_UNSPECIFIED:
      break;
    case v1::InputFormat::KIND_DELIMITED:
      format.kind = FormatSpec::Kind::kText;
      break;
    case v1::InputFormat::KIND_PARQUET:
      format.kind = FormatSpec::Kind::kParquet;
      break;
    case v1::InputFormat::KIND_ARROW:
      format.kind = FormatSpec::Kind::kArrow;
      break;
    case v1::InputFormat::KIND_MLPERF_BINARY:
      format.kind = FormatSpec::Kind::kMlperf;
      break;
    default:
      return UnknownEnum("spec.format.kind", proto.kind());
  }
  switch (proto.header()) {
    case v1::InputFormat::HEADER_UNSPECIFIED:
      break;
    case v1::InputFormat::HEADER_YES:
      format.header = FormatSpec::Header::kYes;
      break;
    case v1::InputFormat::HEADER_NO:
      format.header = FormatSpec::Header::kNo;
      break;
    default:
      return UnknownEnum("spec.format.header", proto.header());
  }
  format.delimiter = proto.delimiter();
  format.null_values.assign(proto.null_values().begin(), proto.null_values().end());
  return format;
}

absl::StatusOr<std::optional<Role>> RoleFromProto(v1::ColumnSpec::Role role, const std::string& field) {
  switch (role) {
    case v1::ColumnSpec::ROLE_UNSPECIFIED:
      return std::nullopt;
    case v1::ColumnSpec::ROLE_DENSE:
      return Role::kDense;
    case v1::ColumnSpec::ROLE_CATEGORICAL:
      return Role::kCategorical;
    case v1::ColumnSpec::ROLE_IGNORED:
      return Role::kIgnored;
    case v1::ColumnSpec::ROLE_LABEL:
      return Role::kLabel;
    default:
      return UnknownEnum(field, role);
  }
}

v1::ColumnSpec::Role RoleToProto(Role role) {
  switch (role) {
    case Role::kDense:
      return v1::ColumnSpec::ROLE_DENSE;
    case Role::kCategorical:
      return v1::ColumnSpec::ROLE_CATEGORICAL;
    case Role::kIgnored:
      return v1::ColumnSpec::ROLE_IGNORED;
    case Role::kLabel:
      return v1::ColumnSpec::ROLE_LABEL;
  }
  return v1::ColumnSpec::ROLE_UNSPECIFIED;
}

absl::StatusOr<BadRowPolicy> BadRowsFromProto(v1::DatasetSpec::BadRows policy) {
  switch (policy) {
    case v1::DatasetSpec::BAD_ROWS_UNSPECIFIED:
    case v1::DatasetSpec::BAD_ROWS_FAIL:
      return BadRowPolicy::kFail;
    case v1::DatasetSpec::BAD_ROWS_SKIP:
      return BadRowPolicy::kSkip;
    case v1::DatasetSpec::BAD_ROWS_NULL:
      return BadRowPolicy::kNull;
    default:
      return UnknownEnum("spec.bad_rows", policy);
  }
}

SplitSpec SplitFromProto(const v1::SplitSpec& proto) {
  SplitSpec split;
  // Not "above 0", so that bad values, NaN among them, reach the check.
  if (proto.test_share() != 0) split.test_share = proto.test_share();
  if (proto.validation_share() != 0) split.validation_share = proto.validation_share();
  switch (proto.test_case()) {
    case v1::SplitSpec::kFraction:
      split.test_share = proto.fraction();
      break;
    case v1::SplitSpec::kHashColumn:
      split.kind = SplitSpec::Kind::kHash;
      split.column = proto.hash_column();
      break;
    case v1::SplitSpec::kTimeColumn:
      split.kind = SplitSpec::Kind::kTime;
      split.column = proto.time_column();
      break;
    case v1::SplitSpec::TEST_NOT_SET:
      break;
  }
  return split;
}

// Names and values of the message's JSON form are those of the core's.
absl::StatusOr<pipeline::Pipeline> PipelineFromProto(const v1::Pipeline& proto) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto written = google::protobuf::util::MessageToJsonString(proto, &json, options);
  if (!written.ok()) return InvalidField("spec.pipeline", std::string(written.message()));
  auto pipeline =
      pipeline::PipelineFromJson(nlohmann::ordered_json::parse(json, nullptr, /*allow_exceptions=*/false));
  if (!pipeline.ok()) return Annotate(pipeline.status(), "spec.pipeline");
  return pipeline;
}

}  // namespace

absl::StatusOr<DatasetSpec> SpecFromProto(const v1::DatasetSpec& proto) {
  DatasetSpec spec;
  spec.data_uris.assign(proto.data_uris().begin(), proto.data_uris().end());
  spec.test_uris.assign(proto.test_uris().begin(), proto.test_uris().end());
  SDA_ASSIGN_OR_RETURN(spec.format, FormatFromProto(proto.format()));
  spec.label = proto.label();
  spec.positive_values.assign(proto.positive_values().begin(), proto.positive_values().end());
  for (const v1::ColumnSpec& column : proto.columns()) {
    ColumnChoice& choice = spec.columns.emplace_back();
    choice.name = column.name();
    SDA_ASSIGN_OR_RETURN(
        choice.role,
        RoleFromProto(column.role(), absl::StrCat("spec.columns[", spec.columns.size() - 1, "].role")));
    if (column.has_log()) choice.log = column.log();
    choice.frequency_threshold = column.frequency_threshold();
    choice.list_separator = column.list_separator();
    choice.list_max_values = column.list_max_values();
  }
  spec.weight = proto.weight();
  spec.split = SplitFromProto(proto.split());
  spec.frequency_threshold = proto.frequency_threshold();
  spec.seed = proto.seed();
  if (proto.shard_rows() != 0) spec.shard_rows = proto.shard_rows();
  const v1::MlperfOptions& mlperf = proto.mlperf();
  spec.mlperf.validation_uris.assign(mlperf.validation_uris().begin(), mlperf.validation_uris().end());
  spec.mlperf.table_rows.assign(mlperf.table_rows().begin(), mlperf.table_rows().end());
  spec.mlperf.counts_uri = mlperf.counts_uri();
  spec.mlperf.max_ind_range = mlperf.max_ind_range();
  if (proto.has_pipeline()) {
    SDA_ASSIGN_OR_RETURN(spec.pipeline, PipelineFromProto(proto.pipeline()));
  }
  SDA_ASSIGN_OR_RETURN(spec.bad_rows, BadRowsFromProto(proto.bad_rows()));
  return spec;
}

absl::Status ValidateRequestSpec(const DatasetSpec& spec) {
  absl::Status status = ValidateSpec(spec);
  const auto detail = GetErrorDetail(status);
  if (status.ok() || !detail) return status;
  std::vector<FieldViolation> violations = detail->violations;
  for (FieldViolation& violation : violations) violation.field = absl::StrCat("spec.", violation.field);
  return InvalidFields(violations);
}

void PipelineToProto(const pipeline::Pipeline& pipeline, v1::Pipeline& proto) {
  // Names and values are the message's own, so that nothing is lost; were it otherwise,
  // a pipeline without steps would be refused.
  const auto read =
      google::protobuf::util::JsonStringToMessage(pipeline::PipelineToJson(pipeline).dump(), &proto);
  if (!read.ok()) proto.Clear();
}

void ColumnToProto(const Column& column, v1::ColumnSpec& proto) {
  proto.set_name(column.name);
  proto.set_role(RoleToProto(column.role));
  if (column.log) proto.set_log(*column.log);
  proto.set_frequency_threshold(column.frequency_threshold);
  proto.set_list_separator(column.list_separator);
  proto.set_list_max_values(column.list_max_values);
  proto.set_reason(column.reason);
}

void LayoutToProto(const InputLayout& layout, const FormatSpec& format, v1::InputFormat& proto) {
  if (layout.kind != InputLayout::Kind::kText) {
    proto.set_kind(layout.kind == InputLayout::Kind::kArrow ? v1::InputFormat::KIND_ARROW
                                                            : v1::InputFormat::KIND_PARQUET);
  } else {
    proto.set_kind(v1::InputFormat::KIND_DELIMITED);
    proto.set_delimiter(layout.text.delimiter);
    proto.set_header(layout.text.header ? v1::InputFormat::HEADER_YES : v1::InputFormat::HEADER_NO);
  }
  proto.add_null_values("");
  for (const std::string& token : NullTokens(format)) proto.add_null_values(token);
}

absl::StatusOr<v1::DatasetSpec> SpecFromOptions(const std::string& options_json, std::string_view source) {
  v1::DatasetSpec spec;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // written by a later version
  const auto status = google::protobuf::util::JsonStringToMessage(options_json, &spec, options);
  if (status.ok()) return spec;
  return absl::DataLossError(absl::StrCat(ToAbsl(source), ": options: ", std::string(status.message())));
}

}  // namespace sda::preprocessing
