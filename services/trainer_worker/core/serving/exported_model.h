#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_EXPORTED_MODEL_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_EXPORTED_MODEL_H_

#include <map>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/model/model_spec.h"

namespace sda::trainer {

// A trained model on disk, complete in itself:
//   model.json     format version, structure, metrics, the training spec
//   dataset.json   the manifest of its dataset: columns, fill values, transforms, null tokens
//   vocabularies/  those of the categorical columns
//   pipeline.arrow where the dataset was made by a pipeline: what its steps learned, instead of vocabularies
//   weights.bin    dense parameters, then the tables (buffer_file.h)
//   model.onnx     the same model for ONNX runtimes, its weights in weights.bin (onnx_model.h)
struct ModelDescription {
  ModelSpec spec;
  DatasetManifest manifest;
  std::string dataset_folder;  // where the vocabularies are; of a loaded model its own folder
  std::string spec_json = "{}";
  std::map<std::string, double> metrics;
  std::map<std::string, double> stage_seconds;
  std::string precision = "fp32";  // that products were computed at while training
};

// The folder appears complete or not at all; one that is there is replaced. RESOURCE_EXHAUSTED for a full
// disk.
absl::Status WriteModel(const std::string& folder, const ModelDescription& model, const DlrmWeights& weights);

// NOT_FOUND for a folder without a model, FAILED_PRECONDITION for a damaged one or one of a newer version.
absl::StatusOr<ModelDescription> ReadModelDescription(const std::string& folder);

// `weights` must have the layout of the description. Verifies the checksum.
absl::Status ReadModelWeights(const std::string& folder, DlrmWeights& weights);

// Fields that mean "missing" in the model's raw data; the empty one is always among them.
std::vector<std::string> NullTokens(const DatasetManifest& manifest);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_EXPORTED_MODEL_H_
