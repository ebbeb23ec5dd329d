#include "tests/benchmarks/train_config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
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

// Reads fields of an object one by one; the first mistake is kept, with the field's name and what it must be.
class FieldReader {
 public:
  FieldReader(const nlohmann::json& object, std::string path) : object_(object), path_(std::move(path)) {}

  const absl::Status& status() const { return status_; }

  int64_t Integer(const char* name, int64_t low, int64_t high, std::optional<int64_t> otherwise = {}) {
    seen_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end() && otherwise) return *otherwise;
    const std::string rule = absl::StrCat("must be an integer from ", low, " to ", high);
    if (found == object_.end()) return Fail(name, "is missing", rule), low;
    return Value(name, *found, low, high, rule);
  }

  std::vector<int64_t> Integers(const char* name, int64_t low, int64_t high, size_t most) {
    seen_.insert(name);
    const std::string rule =
        absl::StrCat("must be a list of at most ", most, " integers from ", low, " to ", high);
    const auto found = object_.find(name);
    if (found == object_.end()) return Fail(name, "is missing", rule), std::vector<int64_t>();
    if (!found->is_array() || found->size() > most)
      return Fail(name, absl::StrCat("is ", found->dump().substr(0, kShown)), rule), std::vector<int64_t>();
    std::vector<int64_t> values;
    for (size_t i = 0; i < found->size(); ++i)
      values.push_back(Value(absl::StrCat(name, "[", i, "]"), (*found)[i], low, high,
                             absl::StrCat("must be an integer from ", low, " to ", high)));
    return values;
  }

  // Fields that nobody has asked for are mistakes: a misspelt optional one would go unnoticed.
  void RefuseOthers() {
    for (const auto& item : object_.items()) {
      if (!seen_.contains(item.key()))
        Fail(item.key(), "is no field", absl::StrCat("must be one of ", absl::StrJoin(seen_, ", ")));
    }
  }

 private:
  static constexpr size_t kShown = 40;

  int64_t Value(const std::string& name, const nlohmann::json& value, int64_t low, int64_t high,
                const std::string& rule) {
    // Numbers beyond 64 bits are not integers of the parser.
    const bool good = value.is_number_integer() &&
                      !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) &&
                      value.get<int64_t>() >= low && value.get<int64_t>() <= high;
    if (good) return value.get<int64_t>();
    Fail(name, absl::StrCat("is ", value.dump().substr(0, kShown)), rule);
    return low;
  }

  void Fail(const std::string& name, const std::string& is, const std::string& rule) {
    if (status_.ok())
      status_ = absl::InvalidArgumentError(absl::StrCat(path_, ": ", name, " ", is, "; ", rule));
  }

  const nlohmann::json& object_;
  const std::string path_;
  std::set<std::string> seen_;
  absl::Status status_;
};

absl::StatusOr<TrainConfig> ReadConfig(const std::string& path) {
  constexpr int64_t kMostWidth = 1 << 16, kMostRows = INT32_MAX;
  constexpr size_t kMostLayers = 100, kMostTables = 10'000;
  constexpr int64_t kMostBytes = int64_t{1} << 40;
  std::ifstream file(path);
  if (!file || std::filesystem::is_directory(path)) {
    return absl::NotFoundError(absl::StrCat(
        "config: ", path, " is neither a file nor one of kaggle, kaggle128, mlperf_small, sc20_small"));
  }
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(file);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not JSON: ", error.what()));
  }
  if (!json.is_object()) return absl::InvalidArgumentError(path + ": must be a JSON object");
  TrainConfig config{.name = path, .model = {}, .inputs = {}, .batch = 0};
  FieldReader fields(json, path);
  config.model.embedding_dim = fields.Integer("embedding_dim", 1, kMostWidth);
  config.inputs.dense_columns = fields.Integer("dense_columns", 0, kMostWidth);
  config.model.bottom_layers = fields.Integers("bottom", 1, kMostWidth, kMostLayers);
  config.model.top_layers = fields.Integers("top", 1, kMostWidth, kMostLayers);
  const std::vector<int64_t> tables = fields.Integers("tables", 1, kMostRows, kMostTables);
  config.lookups = fields.Integer("lookups", 0, 1 << 16, 1);
  config.batch = fields.Integer("batch", 1, 1 << 24);
  fields.RefuseOthers();
  if (!fields.status().ok()) return fields.status();
  if (config.batch * config.lookups > INT32_MAX)
    return absl::InvalidArgumentError(path + ": batch times lookups must be below 2^31");
  int64_t rows = 0;
  for (int64_t table : tables) rows += table;
  if (rows > kMostBytes / 4 / config.model.embedding_dim)
    return absl::InvalidArgumentError(absl::StrCat(path, ": tables of ", rows, " rows of ",
                                                   config.model.embedding_dim,
                                                   " floats are beyond 1 TiB; use fewer or smaller tables"));
  SetTables(config, tables);
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
