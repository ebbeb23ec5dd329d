// Writes models of every kind with rows and the probabilities they get here, for
// tests/integration/onnx_test.py: <folder>/<case>/model and <folder>/<case>/rows.json.
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/kernels/loss.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/serving/exported_model.h"
#include "services/trainer_worker/core/testing/test_dataset.h"
#include "services/trainer_worker/core/training/buffer_file.h"

namespace sda::trainer {
namespace {

struct Case {
  std::string name;
  ModelSpec spec;
  int dense_columns = 3;
  std::vector<int64_t> table_rows = {12, 40, 300};
  std::set<size_t> list_tables = {};
};

ModelSpec Of(Architecture architecture, EmbeddingSpec embedding = {}) {
  ModelSpec spec{
      .embedding_dim = 4, .bottom_layers = {6}, .top_layers = {9, 5}, .embedding = std::move(embedding)};
  ApplyArchitecture(architecture, spec);
  if (architecture != Architecture::kDlrm) spec.dense_input = DenseInput::kDirect;
  return spec;
}

ModelSpec With(ModelSpec spec, void (*change)(ModelSpec&)) {
  change(spec);
  return spec;
}

EmbeddingSpec Quotient(QuotientOperation operation) {
  return {.quotient_collisions = 4, .compression_threshold = 10, .quotient_operation = operation};
}

std::vector<Case> Cases() {
  constexpr auto kDlrm = Architecture::kDlrm;
  const auto low_rank = [](ModelSpec& spec) { spec.cross_rank = 3; };
  const auto bottom = [](ModelSpec& spec) { spec.dense_input = DenseInput::kBottom; };
  const auto self = [](ModelSpec& spec) { spec.interaction = Interaction::kDotSelf; };
  const auto cat = [](ModelSpec& spec) { spec.interaction = Interaction::kCat; };
  return {
      {"dlrm", Of(kDlrm)},
      {"dlrm_self", With(Of(kDlrm), self)},
      {"dlrm_cat", With(Of(kDlrm), cat)},
      {"dlrm_without_tables", Of(kDlrm), 3, {}},
      {"dlrm_without_dense", Of(kDlrm), 0},
      {"wide_deep", Of(Architecture::kWideDeep)},
      {"wide_deep_without_dense", Of(Architecture::kWideDeep), 0},
      {"deepfm", Of(Architecture::kDeepFm)},
      {"deepfm_bottom", With(Of(Architecture::kDeepFm), bottom)},
      {"dcnv2", Of(Architecture::kDcnV2)},
      {"dcnv2_low_rank", With(Of(Architecture::kDcnV2), low_rank)},
      {"widths", Of(kDlrm, {.widths = {2, 4, 3}})},
      {"widths_cat", Of(Architecture::kDcnV2, {.widths = {2, 4, 3}})},
      {"mixed", Of(Architecture::kDeepFm, {.mixed_temperature = 0.4, .compression_threshold = 0})},
      {"hashed", Of(Architecture::kWideDeep, {.hash_rows = 20})},
      {"quotient_mult", Of(kDlrm, Quotient(QuotientOperation::kMultiply))},
      {"quotient_add", Of(kDlrm, Quotient(QuotientOperation::kAdd))},
      {"quotient_concat", Of(kDlrm, Quotient(QuotientOperation::kConcatenate))},
      {.name = "lists_sum", .spec = Of(kDlrm), .list_tables = {0, 2}},
      {.name = "lists_mean",
       .spec = Of(Architecture::kWideDeep, {.pooling = Pooling::kMean}),
       .list_tables = {1}},
      {.name = "lists_only", .spec = Of(kDlrm), .dense_columns = 0, .list_tables = {0, 1, 2}},
      {.name = "lists_quotient_mean",
       .spec = Of(kDlrm, {.quotient_collisions = 4,
                          .compression_threshold = 10,
                          .quotient_operation = QuotientOperation::kMultiply,
                          .pooling = Pooling::kMean}),
       .list_tables = {1, 2}},
  };
}

absl::Status WriteCase(const Case& described, const std::string& folder) {
  testing::TestDataset dataset;
  dataset.dense_columns = described.dense_columns;
  dataset.table_rows = described.table_rows;
  dataset.list_tables = described.list_tables;
  dataset.split_rows = {{"train", 20}, {"validation", 10}, {"test", 10}};
  const DatasetManifest manifest = dataset.Write(folder + "/dataset");
  const DlrmLayout layout(described.spec, ShapeOf(manifest));
  DlrmWeights weights(layout);
  Rng rng(3);
  for (float& value : weights.dense.span()) value = static_cast<float>(rng.Uniform(-0.7, 0.7));
  for (float& value : weights.embeddings.span()) value = static_cast<float>(rng.Uniform(-1, 1));

  constexpr int64_t kRows = 200;
  std::vector<float> dense(kRows * described.dense_columns), probabilities(kRows);
  for (float& value : dense) value = static_cast<float>(rng.Uniform(-2, 2));
  std::vector<std::vector<int32_t>> ids, offsets;
  nlohmann::json plain_ids = nlohmann::json::array(), bags = nlohmann::json::object();
  Batch batch{.rows = kRows, .labels = {}, .dense = dense, .tables = {}};
  for (size_t t = 0; t < described.table_rows.size(); ++t) {
    const bool list = described.list_tables.contains(t);
    std::vector<int32_t>& column = ids.emplace_back();
    std::vector<int32_t>& begins = offsets.emplace_back();
    nlohmann::json& bag = bags[layout.inputs().table_names[t]];
    for (int64_t row = 0; row < kRows; ++row) {
      std::vector<int32_t> values(list ? 1 + rng.Below(5) : 1);
      for (int32_t& id : values)
        id = static_cast<int32_t>(rng.Below(static_cast<uint64_t>(described.table_rows[t])));
      if (list) begins.push_back(static_cast<int32_t>(column.size()));
      column.insert(column.end(), values.begin(), values.end());
      bag.push_back(values);
    }
    if (list) {
      begins.push_back(static_cast<int32_t>(column.size()));
    } else {
      plain_ids.push_back(column);
      bags.erase(layout.inputs().table_names[t]);
    }
  }
  for (size_t t = 0; t < ids.size(); ++t) batch.tables.push_back({.ids = ids[t], .offsets = offsets[t]});
  DlrmWorkspace workspace(layout, kRows, false);
  DlrmForward(layout, weights, batch, 0, kRows, {}, workspace, probabilities.data());
  for (float& value : probabilities) value = static_cast<float>(Sigmoid(value));

  const nlohmann::json rows = {
      {"dense", dense}, {"ids", plain_ids}, {"bags", bags}, {"probabilities", probabilities}};
  if (absl::Status status = WriteTextFile(folder + "/rows.json", rows.dump()); !status.ok()) return status;
  ModelDescription model{.spec = described.spec,
                         .manifest = manifest,
                         .dataset_folder = folder + "/dataset",
                         .spec_json = "{}",
                         .metrics = {},
                         .stage_seconds = {}};
  return WriteModel(folder + "/model", model, weights);
}

}  // namespace
}  // namespace sda::trainer

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  for (const auto& described : sda::trainer::Cases()) {
    const std::string folder = std::string(argv[1]) + "/" + described.name;
    std::filesystem::create_directories(folder);
    const absl::Status status = sda::trainer::WriteCase(described, folder);
    if (status.ok()) continue;
    std::fprintf(stderr, "%s: %s\n", described.name.c_str(), std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
