#include "tests/benchmarks/train_config.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/numerics/rng.h"

namespace sda::bench {
namespace {

const std::vector<int64_t> kKaggleTables = {1460,  583,  10131227, 2202608, 305, 24,     12517,   633,   3,
                                            93145, 5683, 8351593,  3194,    27,  14992,  5461306, 10,    5652,
                                            2173,  4,    7046547,  18,      15,  286181, 105,     142572};

void SetTables(TrainConfig& config, std::vector<int64_t> rows) {
  for (size_t i = 0; i < rows.size(); ++i) config.inputs.table_names.push_back(absl::StrCat("C", i + 1));
  config.inputs.table_rows = std::move(rows);
}

TrainConfig Kaggle(const std::string& name, int64_t batch) {
  TrainConfig config{.name = name, .model = {}, .inputs = {}, .batch = batch};
  config.model = {.embedding_dim = 16, .bottom_layers = {512, 256, 64}, .top_layers = {512, 256}};
  config.inputs.dense_columns = 13;
  SetTables(config, kKaggleTables);
  return config;
}

TrainConfig MlperfSmall() {
  constexpr int64_t kMostRows = 1'000'000;
  TrainConfig config{.name = "mlperf_small", .model = {}, .inputs = {}, .batch = 2048};
  config.model = {.embedding_dim = 128, .bottom_layers = {512, 256}, .top_layers = {1024, 1024, 512, 256}};
  config.inputs.dense_columns = 13;
  std::vector<int64_t> tables = kKaggleTables;
  for (int64_t& rows : tables) rows = std::min(rows, kMostRows);
  SetTables(config, tables);
  return config;
}

TrainConfig Sc20Small() {
  TrainConfig config{.name = "sc20_small", .model = {}, .inputs = {}, .batch = 2048, .lookups = 50};
  config.model = {.embedding_dim = 64, .bottom_layers = {512}, .top_layers = {1024, 1024, 1024}};
  config.inputs.dense_columns = 512;
  SetTables(config, std::vector<int64_t>(8, 1'000'000));
  return config;
}

absl::StatusOr<TrainConfig> ReadConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "config: ", path, " is neither a file nor one of kaggle, kaggle128, mlperf_small, sc20_small"));
  }
  TrainConfig config{.name = path, .model = {}, .inputs = {}, .batch = 0};
  try {
    const auto json = nlohmann::json::parse(file);
    json.at("embedding_dim").get_to(config.model.embedding_dim);
    json.at("dense_columns").get_to(config.inputs.dense_columns);
    json.at("bottom").get_to(config.model.bottom_layers);
    json.at("top").get_to(config.model.top_layers);
    json.at("batch").get_to(config.batch);
    config.lookups = json.value("lookups", int64_t{1});
    SetTables(config, json.at("tables").get<std::vector<int64_t>>());
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.what()));
  }
  if (config.batch < 1 || config.lookups < 0 || config.model.embedding_dim < 1 ||
      *std::min_element(config.inputs.table_rows.begin(), config.inputs.table_rows.end()) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": batch, embedding_dim and tables must be at least 1, lookups at least 0"));
  }
  return config;
}

}  // namespace

absl::StatusOr<TrainConfig> FindTrainConfig(const std::string& name) {
  if (name == "kaggle") return Kaggle(name, 2048);
  if (name == "kaggle128") return Kaggle(name, 128);
  if (name == "mlperf_small") return MlperfSmall();
  if (name == "sc20_small") return Sc20Small();
  return ReadConfig(name);
}

RandomBatches::RandomBatches(const TrainConfig& config, int count, uint64_t seed) : memory_(count) {
  if (config.lookups != 1) {
    for (int64_t s = 0; s <= config.batch; ++s) offsets_.push_back(static_cast<int32_t>(s * config.lookups));
  }
  Rng rng(seed);
  for (Memory& memory : memory_) {
    for (int64_t i = 0; i < config.batch * config.inputs.dense_columns; ++i)
      memory.dense.push_back(static_cast<float>(rng.Uniform()));
    for (int64_t i = 0; i < config.batch; ++i) memory.labels.push_back(static_cast<float>(rng.Below(2)));
    trainer::Batch batch{.rows = config.batch, .labels = memory.labels, .dense = memory.dense, .tables = {}};
    memory.ids.resize(config.inputs.tables());
    for (size_t t = 0; t < memory.ids.size(); ++t) {
      for (int64_t i = 0; i < config.batch * config.lookups; ++i)
        memory.ids[t].push_back(
            static_cast<int32_t>(rng.Below(static_cast<uint64_t>(config.inputs.table_rows[t]))));
      batch.tables.push_back({.ids = memory.ids[t], .offsets = offsets_});
    }
    batches_.push_back(std::move(batch));
  }
}

}  // namespace sda::bench
