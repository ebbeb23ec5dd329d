// Trains a model on an encoded dataset and writes down all that another implementation needs to train the
// same:
//   trainer_train_case DATASET_FOLDER ARCHITECTURE OUT_FOLDER
// For tests/integration/torch_auc_test.py. Files of OUT_FOLDER, little-endian without headers: train_dense
// and test_dense (f32 [rows, columns]), train_ids and test_ids (i32 [rows, columns]), train_labels and
// test_labels (f32), order (u32, the rows of the steps one after the other), weights (f32, initial: dense
// tensors without padding, then tables), and case.json with the structure and the AUC that the trained model
// reaches on the test rows.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/numerics/classification_metrics.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/row_order.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/training/buffer_file.h"
#include "services/trainer_worker/core/training/evaluation.h"
#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {
namespace {

constexpr int64_t kBatch = 128;
constexpr int64_t kEpochs = 2;

template <class Value>
void WriteArray(const std::string& path, const std::vector<Value>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(Value)));
}

absl::Status WriteSplit(const SplitReader& split, const std::string& prefix) {
  BatchBuffer buffer(split, split.rows());
  SDA_ASSIGN_OR_RETURN(const Batch all, buffer.FillRange(0, split.rows()));
  WriteArray(prefix + "_dense", std::vector<float>(all.dense.begin(), all.dense.end()));
  WriteArray(prefix + "_labels", std::vector<float>(all.labels.begin(), all.labels.end()));
  std::vector<int32_t> ids;
  for (int64_t row = 0; row < split.rows(); ++row) {
    for (const TableIds& table : all.tables) ids.push_back(table.ids[row]);
  }
  WriteArray(prefix + "_ids", ids);
  return absl::OkStatus();
}

void WriteWeights(const DlrmLayout& layout, const DlrmWeights& weights, const std::string& path) {
  std::vector<float> values;
  for (const DenseTensor& tensor : layout.tensors()) {
    const float* begin = weights.dense.data() + tensor.begin;
    values.insert(values.end(), begin, begin + tensor.size());
  }
  values.insert(values.end(), weights.embeddings.data(),
                weights.embeddings.data() + layout.embedding_floats());
  WriteArray(path, values);
}

absl::StatusOr<ModelSpec> SpecOf(const std::string& name) {
  for (Architecture architecture :
       {Architecture::kDlrm, Architecture::kWideDeep, Architecture::kDeepFm, Architecture::kDcnV2}) {
    if (ArchitectureName(architecture) != name) continue;
    ModelSpec spec{.embedding_dim = 8, .bottom_layers = {32}, .top_layers = {64, 32}};
    ApplyArchitecture(architecture, spec);
    if (architecture != Architecture::kDlrm) spec.dense_input = DenseInput::kDirect;
    return spec;
  }
  return absl::InvalidArgumentError(name + " is no architecture");
}

absl::Status Run(const std::string& folder, const std::string& architecture, const std::string& out) {
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(folder + "/manifest.json"));
  SDA_ASSIGN_OR_RETURN(const DatasetManifest manifest, ManifestFromJson(text, folder));
  SDA_ASSIGN_OR_RETURN(const auto train, SplitReader::Open(manifest, folder, "train"));
  SDA_ASSIGN_OR_RETURN(const auto test, SplitReader::Open(manifest, folder, "test"));
  SDA_ASSIGN_OR_RETURN(const ModelSpec spec, SpecOf(architecture));
  SDA_RETURN_IF_ERROR(WriteSplit(*train, out + "/train"));
  SDA_RETURN_IF_ERROR(WriteSplit(*test, out + "/test"));

  const DlrmLayout layout(spec, train->shape());
  DlrmWeights weights(layout);
  weights.Initialize(layout, 7);
  WriteWeights(layout, weights, out + "/weights");
  const UpdateOptions rule{.algorithm = Algorithm::kAdagrad, .learning_rate = 0.02, .epsilon = 1e-10};
  const OptimizerOptions options{.dense = rule, .sparse = rule, .schedule = {}};
  OptimizerState state(layout, options);
  ThreadTeam team(2);
  TrainStep step(layout, weights, state, options, {}, kBatch, team);
  RowOrder order(train->rows(), /*shuffle=*/true, 7);
  BatchBuffer buffer(*train, kBatch);
  std::vector<uint32_t> taken;
  int64_t number = 0;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    for (int64_t begin = 0; begin + kBatch <= train->rows(); begin += kBatch) {
      const auto rows = order.Take(epoch, begin, begin + kBatch);
      taken.insert(taken.end(), rows.begin(), rows.end());
      SDA_ASSIGN_OR_RETURN(const Batch batch, buffer.Fill(rows));
      step.Run(batch, ++number, 1, {});
    }
  }
  WriteArray(out + "/order", taken);
  Evaluator evaluator(layout, *test, 4096, team);
  SDA_ASSIGN_OR_RETURN(const ClassificationMetrics metrics, evaluator.Run(weights));
  const nlohmann::json described = {{"architecture", architecture},
                                    {"dense_columns", train->shape().dense_columns},
                                    {"table_rows", train->shape().table_rows},
                                    {"embedding_dim", spec.embedding_dim},
                                    {"bottom_layers", spec.bottom_layers},
                                    {"top_layers", spec.top_layers},
                                    {"cross_layers", spec.cross_layers},
                                    {"batch", kBatch},
                                    {"learning_rate", rule.learning_rate},
                                    {"test_auc", metrics.auc}};
  return WriteTextFile(out + "/case.json", described.dump(2));
}

}  // namespace
}  // namespace sda::trainer

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s DATASET_FOLDER ARCHITECTURE OUT_FOLDER\n", argv[0]);
    return 2;
  }
  std::filesystem::create_directories(argv[3]);
  const absl::Status status = sda::trainer::Run(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
