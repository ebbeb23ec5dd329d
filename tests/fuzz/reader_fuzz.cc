#include "tests/fuzz/reader_fuzz.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "clients/cli/core/schema_file.h"
#include "common/base/utf8.h"
#include "common/pipeline/pipeline_json.h"
#include "common/pipeline/program.h"
#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"

namespace sda::fuzz {
namespace {

constexpr char kSource[] = "given/file";

absl::Status Wrong(const std::string& what) {
  return absl::InternalError(what);
}

// A reason is for people: it begins with the file and is text.
absl::Status CheckReason(const std::string& reason) {
  if (!absl::StartsWith(reason, kSource)) return Wrong("a reason does not name the file: " + reason);
  const std::string valid = ToValidUtf8(reason);
  return valid == reason ? absl::OkStatus() : Wrong("a reason is no UTF-8: " + valid);
}

absl::Status FuzzManifest(std::string_view bytes) {
  const auto manifest = ManifestFromJson(bytes, kSource);
  if (!manifest.ok()) return CheckReason(std::string(manifest.status().message()));
  const auto again = ManifestFromJson(ManifestToJson(*manifest), kSource);
  if (!again.ok()) return Wrong("what was written is refused: " + again.status().ToString());
  if (*again != *manifest) return Wrong("what was written reads differently");
  return ComputeDatasetDigest(*again) == ComputeDatasetDigest(*manifest) ? absl::OkStatus()
                                                                         : Wrong("has another digest");
}

absl::Status FuzzPipeline(std::string_view bytes) {
  const preprocessing::PipelineReading reading = preprocessing::ReadPipeline(std::string(bytes));
  if (reading.pipeline.has_value() != reading.violations.empty())
    return Wrong("has a pipeline and violations, or neither");
  if (!reading.pipeline) return CheckReason(preprocessing::DescribeViolations(reading.violations, kSource));
  const auto again = pipeline::PipelineFromJson(pipeline::PipelineToJson(*reading.pipeline));
  if (!again.ok()) return Wrong("what was written is refused: " + again.status().ToString());
  if (*again != *reading.pipeline) return Wrong("what was written reads differently");
  const auto compiled = pipeline::Compile(*reading.pipeline, {"label", "a", "b", "c"}, 0);
  return compiled.program.has_value() == compiled.violations.empty()
             ? absl::OkStatus()
             : Wrong("has a program and violations, or neither");
}

absl::Status FuzzSchema(std::string_view bytes) {
  const auto rules = cli::ParseSchemaFile(kSource, std::string(bytes));
  return rules.ok() ? absl::OkStatus() : CheckReason(std::string(rules.status().message()));
}

}  // namespace

const std::vector<std::string>& ReaderNames() {
  static const auto* const names = new std::vector<std::string>{"manifest", "pipeline", "schema"};
  return *names;
}

absl::Status FuzzReader(const std::string& reader, std::string_view bytes) {
  if (reader == "manifest") return FuzzManifest(bytes);
  if (reader == "pipeline") return FuzzPipeline(bytes);
  if (reader == "schema") return FuzzSchema(bytes);
  return absl::InvalidArgumentError(absl::StrCat("there is no reader ", reader));
}

}  // namespace sda::fuzz
