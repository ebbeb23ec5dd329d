// 200 training steps of every model with every optimizer, against what an independent implementation recorded
// in double precision (tests/goldens/training/make_training_goldens.py, whose inputs and initial weights are
// made here a second time).
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {
namespace {

constexpr int64_t kSteps = 200;
constexpr int64_t kBatch = 32;
const InputShape kInputs{
    .dense_columns = 4, .table_rows = {20, 7, 50, 300}, .table_names = {"a", "b", "c", "d"}};

uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint64_t Bits(uint64_t stream, uint64_t index) {
  return Mix(Mix(stream) ^ index) >> 40;
}

float Uniform(uint64_t stream, uint64_t index, double scale, double middle = 0) {
  return static_cast<float>(middle + scale * (static_cast<double>(Bits(stream, index)) / 0x1p23 - 1));
}

struct GoldenBatch {
  explicit GoldenBatch(uint64_t step) : ids(4) {
    for (int64_t i = 0; i < kBatch * 4; ++i) dense.push_back(Uniform(10'000 + step, i, 1));
    for (uint64_t t = 0; t < 4; ++t) {
      const uint64_t stream = 20'000 + 1000 * t + step;
      const auto rows = static_cast<uint64_t>(kInputs.table_rows[t]);
      for (uint64_t s = 0; s < kBatch; ++s) {
        if (t < 3) {
          ids[t].push_back(static_cast<int32_t>(Bits(stream, s) % rows));
          continue;
        }
        for (uint64_t k = 0; k < Bits(stream, 1'000'000 + s) % 4; ++k)
          ids[t].push_back(static_cast<int32_t>(Bits(stream, 100 * s + k) % rows));
        offsets.push_back(static_cast<int32_t>(ids[t].size()));
      }
    }
    for (uint64_t s = 0; s < kBatch; ++s) {
      const double chance = 0.3 + 0.4 * (ids[0][s] % 2) + 0.2 * static_cast<double>(dense[s * 4]);
      labels.push_back(static_cast<double>(Bits(30'000 + step, s)) / 0x1p24 < chance ? 1.0f : 0.0f);
    }
  }

  Batch batch() const {
    Batch batch{.rows = kBatch, .labels = labels, .dense = dense, .tables = {}};
    for (int t = 0; t < 4; ++t) batch.tables.push_back({.ids = ids[t], .offsets = {}});
    batch.tables[3].offsets = offsets;
    return batch;
  }

  std::vector<float> dense, labels;
  std::vector<std::vector<int32_t>> ids;
  std::vector<int32_t> offsets = {0};
};

ModelSpec Dlrm(Interaction interaction, EmbeddingSpec embedding = {}) {
  return {.embedding_dim = 4,
          .bottom_layers = {8},
          .top_layers = {16, 8},
          .interaction = interaction,
          .embedding = std::move(embedding)};
}

ModelSpec Cat(DenseInput input, bool wide, bool factorization, int64_t cross, int64_t rank,
              EmbeddingSpec embedding = {}) {
  ModelSpec spec = Dlrm(Interaction::kCat, std::move(embedding));
  spec.dense_input = input;
  spec.wide = wide;
  spec.factorization = factorization;
  spec.cross_layers = cross;
  spec.cross_rank = rank;
  return spec;
}

EmbeddingSpec Quotient(QuotientOperation operation) {
  return {.quotient_collisions = 4, .compression_threshold = 10, .quotient_operation = operation};
}

const std::map<std::string, ModelSpec>& Models() {
  static const auto* const models = new std::map<std::string, ModelSpec>{
      {"dlrm_dot", Dlrm(Interaction::kDot)},
      {"dlrm_self", Dlrm(Interaction::kDotSelf)},
      {"dlrm_cat", Dlrm(Interaction::kCat)},
      {"wide_deep", Cat(DenseInput::kDirect, true, false, 0, 0)},
      {"deepfm", Cat(DenseInput::kDirect, true, true, 0, 0)},
      {"dcnv2", Cat(DenseInput::kDirect, false, false, 2, 0)},
      {"dcnv2_low_rank", Cat(DenseInput::kBottom, false, false, 3, 4)},
      {"dlrm_mean", Dlrm(Interaction::kDot, {.pooling = Pooling::kMean})},
      {"dlrm_widths", Dlrm(Interaction::kDot, {.widths = {2, 4, 3, 1}})},
      {"dlrm_quotient_mult", Dlrm(Interaction::kDot, Quotient(QuotientOperation::kMultiply))},
      {"dlrm_quotient_add", Dlrm(Interaction::kDot, Quotient(QuotientOperation::kAdd))},
      {"dlrm_quotient_concat", Dlrm(Interaction::kDot, Quotient(QuotientOperation::kConcatenate))},
      {"deepfm_hashed", Cat(DenseInput::kBottom, true, true, 0, 0, {.hash_rows = 30})},
  };
  return *models;
}

UpdateOptions Rule(Algorithm algorithm, double rate, double epsilon = 1e-10) {
  return {.algorithm = algorithm, .learning_rate = rate, .epsilon = epsilon};
}

UpdateOptions Momentum(double rate, double momentum) {
  return {.algorithm = Algorithm::kSgd, .learning_rate = rate, .momentum = momentum};
}

UpdateOptions Lamb(Algorithm algorithm, double rate, double decay) {
  return {.algorithm = algorithm, .learning_rate = rate, .epsilon = 1e-6, .weight_decay = decay};
}

const std::map<std::string, OptimizerOptions>& Optimizers() {
  static const auto* const optimizers = new std::map<std::string, OptimizerOptions>{
      {"sgd", {Rule(Algorithm::kSgd, .1), Rule(Algorithm::kSgd, .1), {}}},
      {"momentum", {Momentum(.02, .9), Momentum(.05, .5), {}}},
      {"adagrad", {Rule(Algorithm::kAdagrad, .05), Rule(Algorithm::kAdagrad, .05), {}}},
      {"rowwise_adagrad", {Rule(Algorithm::kAdagrad, .02), Rule(Algorithm::kRowwiseAdagrad, .05), {}}},
      {"adam", {Rule(Algorithm::kAdam, .001, 1e-5), Rule(Algorithm::kAdam, .003, 1e-5), {}}},
      {"lamb", {Lamb(Algorithm::kLamb, .01, .01), Lamb(Algorithm::kLamb, .01, .01), {}}},
      {"intel_lamb", {Lamb(Algorithm::kIntelLamb, .003, 0), Rule(Algorithm::kSgd, .1), {}}},
  };
  return *optimizers;
}

// The recorded numbers of one run by step, the fingerprint of the weights as step 0.
using Recorded = std::map<int64_t, double>;

// By model and optimizers.
const std::map<std::pair<std::string, std::string>, Recorded>& Goldens() {
  static const auto* const goldens = [] {
    auto* read = new std::map<std::pair<std::string, std::string>, Recorded>;
    std::ifstream file(SDA_TRAINING_GOLDENS);
    std::string model, optimizer, step;
    double value = 0;
    while (file >> model >> optimizer >> step >> value)
      (*read)[{model, optimizer}][step == "weights" ? 0 : std::stoll(step)] = value;
    return read;
  }();
  return *goldens;
}

void SetWeights(const DlrmLayout& layout, DlrmWeights& weights) {
  uint64_t stream = 1;
  for (const DenseTensor& tensor : layout.tensors()) {
    for (int64_t i = 0; i < tensor.size(); ++i)
      weights.dense[tensor.begin + i] = Uniform(stream, i, tensor.bias() ? 0.125 : 0.25);
    ++stream;
  }
  for (const Table& table : layout.tables()) {
    const double middle = table.initial == Table::Begin::kAroundOne ? 1 : 0;
    for (int64_t i = 0; i < table.rows * table.width; ++i)
      weights.embeddings[table.begin + i] = Uniform(stream, i, 0.25, middle);
    ++stream;
  }
}

double Fingerprint(const DlrmLayout& layout, const DlrmWeights& weights) {
  double total = 0;
  const auto add = [&](const float* values, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
      total += static_cast<double>(values[i]) * static_cast<double>((i + 1) % 7);
  };
  for (const DenseTensor& tensor : layout.tensors()) add(weights.dense.data() + tensor.begin, tensor.size());
  for (const Table& table : layout.tables())
    add(weights.embeddings.data() + table.begin, table.rows * table.width);
  return total;
}

class GoldenTest : public testing::TestWithParam<std::string> {};  // model

TEST_P(GoldenTest, TwoHundredStepsWithEveryOptimizer) {
  std::vector<GoldenBatch> batches;
  for (uint64_t step = 1; step <= kSteps; ++step) batches.emplace_back(step);
  for (const auto& [name, options] : Optimizers()) {
    SCOPED_TRACE(name);
    const auto golden = Goldens().find({GetParam(), name});
    ASSERT_NE(golden, Goldens().end()) << "no recording in " << SDA_TRAINING_GOLDENS;
    const Recorded& recorded = golden->second;
    const DlrmLayout layout(Models().at(GetParam()), kInputs);
    DlrmWeights weights(layout);
    SetWeights(layout, weights);
    OptimizerState state(layout, options);
    ThreadTeam team(2);
    TrainStep train_step(layout, weights, state, options, {}, kBatch, team);
    for (int64_t step = 1; step <= kSteps; ++step) {
      const double loss = train_step.Run(batches[step - 1].batch(), step, 1, {});
      const auto expected = recorded.find(step);
      if (expected == recorded.end()) continue;
      // Single precision beside double: rounding of 6e-8 grows with the steps, least in smooth updates.
      EXPECT_NEAR(loss, expected->second, 1e-6 + 1e-6 * static_cast<double>(step)) << "step " << step;
    }
    EXPECT_NEAR(Fingerprint(layout, weights), recorded.at(0), 2e-2);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const auto& [name, spec] : Models()) names.push_back(name);
                           return names;
                         }()),
                         [](const auto& info) { return info.param; });

TEST(GoldensTest, EveryRecordingIsTested) {
  EXPECT_EQ(Goldens().size(), Models().size() * Optimizers().size());
}

}  // namespace
}  // namespace sda::trainer
