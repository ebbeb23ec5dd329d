// Writes a model whose last tables lie beyond 2 GB of weights.bin, for tests/integration/onnx_test.py,
// without ever having as much memory or disk: the file is sparse, only the rows that are asked for are
// written. What they predict comes from a small model with the same rows under other ids.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/loss.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/serving/onnx_model.h"
#include "services/trainer_worker/core/training/buffer_file.h"

namespace sda::trainer {
namespace {

constexpr int64_t kRows = 8;  // of each table that are asked for: the last ones
const ModelSpec kSpec{.embedding_dim = 16, .bottom_layers = {6}, .top_layers = {9}};

InputShape Inputs(const std::vector<int64_t>& table_rows) {
  return {.dense_columns = 2, .table_rows = table_rows, .table_names = {"a", "b", "c"}};
}

bool Write(const std::string& folder) {
  // 1.9 GB, then 0.9 GB that lie across the second gibibyte's end, then a table wholly beyond it.
  const std::vector<int64_t> large_rows = {30'000'000, 14'000'000, 1000};
  const DlrmLayout large(kSpec, Inputs(large_rows)), small(kSpec, Inputs({kRows, kRows, kRows}));
  DlrmWeights weights(small);
  Rng rng(3);
  for (float& value : weights.dense.span()) value = static_cast<float>(rng.Uniform(-0.7, 0.7));
  for (float& value : weights.embeddings.span()) value = static_cast<float>(rng.Uniform(-1, 1));

  const int64_t begin = BufferFileDataBegin(PaddedHeader("{}"));
  if (!WriteTextFile(folder + "/model.onnx", OnnxModel(large, "weights.bin", begin)).ok()) return false;
  std::ofstream file(folder + "/weights.bin", std::ios::binary);
  const auto put = [&](int64_t float_offset, const float* values, int64_t count) {
    file.seekp(begin + float_offset * static_cast<int64_t>(sizeof(float)));
    file.write(reinterpret_cast<const char*>(values), count * static_cast<int64_t>(sizeof(float)));
  };
  put(0, weights.dense.data(), large.dense_parameters());
  for (int64_t table = 0; table < 3; ++table) {
    const int64_t first = large_rows[table] - kRows;
    put(large.dense_parameters() + large.tables()[table].begin + first * kSpec.embedding_dim,
        weights.table(small, table), kRows * kSpec.embedding_dim);
  }
  file.close();
  std::filesystem::resize_file(
      folder + "/weights.bin",
      static_cast<uintmax_t>(begin + (large.dense_parameters() + large.embedding_floats()) * 4));

  std::vector<float> dense(2 * kRows), probabilities(kRows);
  for (float& value : dense) value = static_cast<float>(rng.Uniform(-2, 2));
  std::vector<std::vector<int32_t>> small_ids(3), large_ids(3);
  Batch batch{.rows = kRows, .labels = {}, .dense = dense, .tables = {}};
  for (int64_t table = 0; table < 3; ++table) {
    for (int64_t row = 0; row < kRows; ++row) {
      small_ids[table].push_back(static_cast<int32_t>((row + table) % kRows));
      large_ids[table].push_back(static_cast<int32_t>(large_rows[table] - kRows + small_ids[table].back()));
    }
  }
  for (const auto& ids : small_ids) batch.tables.push_back({.ids = ids, .offsets = {}});
  DlrmWorkspace workspace(small, kRows, false);
  DlrmForward(small, weights, batch, 0, kRows, {}, workspace, probabilities.data());
  for (float& value : probabilities) value = static_cast<float>(Sigmoid(value));
  const nlohmann::json rows = {{"dense", dense}, {"ids", large_ids}, {"probabilities", probabilities}};
  return file.good() && WriteTextFile(folder + "/rows.json", rows.dump()).ok();
}

}  // namespace
}  // namespace sda::trainer

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  return sda::trainer::Write(argv[1]) ? 0 : 1;
}
