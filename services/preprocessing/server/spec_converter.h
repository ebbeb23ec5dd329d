#ifndef SDA_SERVICES_PREPROCESSING_SERVER_SPEC_CONVERTER_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_SPEC_CONVERTER_H_

#include <string_view>

#include <absl/status/statusor.h>

#include "sda/preprocessing/v1/dataset.pb.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/dataset_spec.h"

// Between the messages of sda.preprocessing.v1 and the structs of the core.
namespace sda::preprocessing {

// Fills in the defaults that depend on nothing. INVALID_ARGUMENT with field paths below "spec" for unknown
// enum values; the rest is for ValidateSpec.
absl::StatusOr<DatasetSpec> SpecFromProto(const v1::DatasetSpec& proto);

// ValidateSpec with the field paths of a request: "spec.label".
absl::Status ValidateRequestSpec(const DatasetSpec& spec);

void PipelineToProto(const pipeline::Pipeline& pipeline, v1::Pipeline& proto);
void ColumnToProto(const Column& column, v1::ColumnSpec& proto);
void LayoutToProto(const InputLayout& layout, const FormatSpec& format, v1::InputFormat& proto);

// What the manifest's options hold: a DatasetSpec in protobuf's JSON mapping.
absl::StatusOr<v1::DatasetSpec> SpecFromOptions(const std::string& options_json, std::string_view source);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_SPEC_CONVERTER_H_
