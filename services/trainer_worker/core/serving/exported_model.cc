#include "services/trainer_worker/core/serving/exported_model.h"

#include <filesystem>
#include <system_error>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/model/spec_json.h"
#include "services/trainer_worker/core/serving/onnx_model.h"
#include "services/trainer_worker/core/training/buffer_file.h"

namespace sda::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;

absl::StatusOr<ModelDescription> DescriptionFromJson(const std::string& text, const std::string& path) {
  try {
    const Json json = Json::parse(text);
    if (const int version = json.at("format_version"); version != kFormatVersion) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": format_version is ", version, "; this version reads ", kFormatVersion));
    }
    ModelDescription model;
    const auto spec = SpecFromJson(json.at("model"));
    if (!spec.ok()) return Annotate(spec.status(), path);
    model.spec = *spec;
    model.spec_json = json.at("training_spec").dump();
    json.at("metrics").get_to(model.metrics);
    json.at("stage_seconds").get_to(model.stage_seconds);
    model.precision = json.value("precision", model.precision);
    return model;
  } catch (const Json::exception& e) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", e.what()));
  }
}

absl::Status FromErrorCode(const std::error_code& error, const std::string& path) {
  if (!error) return absl::OkStatus();
  const std::string message = absl::StrCat(path, ": ", error.message());
  if (error == std::errc::no_space_on_device) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     message + "; free space on that disk and try again",
                     {.reason = "DISK_FULL", .metadata = {{"path", path}}, .violations = {}});
  }
  return absl::InternalError(message);
}

absl::Status WriteInto(const std::string& folder, const ModelDescription& model, const DlrmWeights& weights) {
  // Runtimes map the weights: they begin on a cache line.
  const std::string header = PaddedHeader("{}");
  SDA_RETURN_IF_ERROR(
      WriteBufferFile(folder + "/weights.bin", header, {weights.dense.span(), weights.embeddings.span()}));
  const DlrmLayout layout(model.spec, ShapeOf(model.manifest));
  SDA_RETURN_IF_ERROR(
      WriteTextFile(folder + "/model.onnx", OnnxModel(layout, "weights.bin", BufferFileDataBegin(header))));
  SDA_RETURN_IF_ERROR(WriteTextFile(folder + "/dataset.json", ManifestToJson(model.manifest)));
  std::error_code error;
  for (const ManifestColumn& column : model.manifest.columns) {
    if (column.role != ColumnRole::kCategorical || column.vocabulary_path.empty()) continue;
    const std::filesystem::path target = std::filesystem::path(folder) / column.vocabulary_path;
    std::filesystem::create_directories(target.parent_path(), error);
    SDA_RETURN_IF_ERROR(FromErrorCode(error, target.parent_path()));
    SDA_ASSIGN_OR_RETURN(const std::string vocabulary,
                         ReadTextFile(absl::StrCat(model.dataset_folder, "/", column.vocabulary_path)));
    SDA_RETURN_IF_ERROR(WriteTextFile(target.string(), vocabulary));
  }
  Json training = Json::parse(model.spec_json, nullptr, /*allow_exceptions=*/false);
  const Json json = {{"format_version", kFormatVersion},
                     {"model", SpecToJson(model.spec)},
                     {"dataset_digest", model.manifest.digest},
                     {"metrics", model.metrics},
                     {"stage_seconds", model.stage_seconds},
                     {"precision", model.precision},
                     {"training_spec", training.is_object() ? training : Json::object()}};
  return WriteTextFile(folder + "/model.json",
                       json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace

absl::Status WriteModel(const std::string& folder, const ModelDescription& model,
                        const DlrmWeights& weights) {
  const std::string temporary = absl::StrCat(folder, ".tmp.", getpid());
  std::error_code error;
  std::filesystem::remove_all(temporary, error);
  std::filesystem::create_directories(temporary, error);
  SDA_RETURN_IF_ERROR(FromErrorCode(error, temporary));
  absl::Status written = WriteInto(temporary, model, weights);
  if (written.ok()) {
    std::filesystem::remove_all(folder, error);
    std::filesystem::rename(temporary, folder, error);
    written = FromErrorCode(error, folder);
  }
  if (!written.ok()) std::filesystem::remove_all(temporary, error);
  return written;
}

absl::StatusOr<ModelDescription> ReadModelDescription(const std::string& folder) {
  const std::string path = folder + "/model.json";
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  SDA_ASSIGN_OR_RETURN(ModelDescription model, DescriptionFromJson(text, path));
  SDA_ASSIGN_OR_RETURN(const std::string manifest, ReadTextFile(folder + "/dataset.json"));
  SDA_ASSIGN_OR_RETURN(model.manifest, ManifestFromJson(manifest, folder + "/dataset.json"));
  model.dataset_folder = folder;
  return model;
}

absl::Status ReadModelWeights(const std::string& folder, DlrmWeights& weights) {
  return ReadBufferFile(folder + "/weights.bin", {weights.dense.span(), weights.embeddings.span()});
}

std::vector<std::string> NullTokens(const DatasetManifest& manifest) {
  std::vector<std::string> tokens = {""};
  const Json options = Json::parse(manifest.options_json, nullptr, /*allow_exceptions=*/false);
  if (!options.is_object()) return tokens;
  const Json listed = options.value(Json::json_pointer("/format/null_values"), Json::array());
  for (const Json& token : listed) {
    if (token.is_string() && !token.get<std::string>().empty()) tokens.push_back(token.get<std::string>());
  }
  return tokens;
}

}  // namespace sda::trainer
