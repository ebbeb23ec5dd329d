#include "services/trainer_worker/core/model/dlrm.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/trainer_worker/core/kernels/row_groups.h"
#include "services/trainer_worker/core/model/reference_dlrm.h"

namespace sda::trainer {
namespace {

// A batch of random inputs; the last table is multi-hot.
struct RandomBatch {
  RandomBatch(const InputShape& shape, int64_t rows_in, uint64_t seed) : rows(rows_in) {
    Rng rng(seed);
    for (int64_t i = 0; i < rows * shape.dense_columns; ++i)
      dense.push_back(static_cast<float>(rng.Uniform(-1, 1)));
    for (int64_t i = 0; i < rows; ++i) labels.push_back(static_cast<float>(rng.Below(2)));
    ids.resize(shape.tables());
    for (int64_t t = 0; t < shape.tables(); ++t) {
      const bool bags = t > 0 && t + 1 == shape.tables();
      if (bags) offsets.push_back(0);
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t count = bags ? static_cast<int64_t>(rng.Below(4)) : 1;
        for (int64_t c = 0; c < count; ++c)
          ids[t].push_back(static_cast<int32_t>(rng.Below(shape.table_rows[t])));
        if (bags) offsets.push_back(static_cast<int32_t>(ids[t].size()));
      }
      batch.tables.push_back({.ids = ids[t], .offsets = {}});
      if (bags) batch.tables.back().offsets = offsets;
    }
    batch.rows = rows;
    batch.labels = labels;
    batch.dense = dense;
  }

  int64_t rows;
  std::vector<float> dense, labels;
  std::vector<std::vector<int32_t>> ids;
  std::vector<int32_t> offsets;
  Batch batch;
};

struct ModelCase {
  const char* name;
  ModelSpec spec;
  InputShape inputs;
};

const InputShape kMixed{.dense_columns = 3, .table_rows = {5, 2, 4}, .table_names = {"a", "b", "c"}};
const InputShape kOnlyDense{.dense_columns = 4, .table_rows = {}, .table_names = {}};
const InputShape kOnlyTables{.dense_columns = 0, .table_rows = {5, 3}, .table_names = {"a", "b"}};

ModelSpec Dot() {
  return {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {7, 5}};
}

ModelSpec WideDeep() {
  return {.embedding_dim = 3,
          .bottom_layers = {},
          .top_layers = {6},
          .interaction = Interaction::kCat,
          .dense_input = DenseInput::kDirect,
          .wide = true};
}

ModelSpec DeepFm(DenseInput dense_input) {
  ModelSpec spec = WideDeep();
  spec.dense_input = dense_input;
  spec.factorization = true;
  return spec;
}

ModelSpec Dcn(int64_t layers, int64_t rank) {
  return {.embedding_dim = 3,
          .bottom_layers = {5},
          .top_layers = {6},
          .interaction = Interaction::kCat,
          .cross_layers = layers,
          .cross_rank = rank};
}

EmbeddingSpec Quotient(QuotientOperation operation) {
  return {.quotient_collisions = 2, .compression_threshold = 2, .quotient_operation = operation};
}

ModelSpec With(ModelSpec spec, EmbeddingSpec embedding) {
  spec.embedding = std::move(embedding);
  return spec;
}

const ModelCase kCases[] = {
    {"dot", {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {7, 5}}, kMixed},
    {"dot_self",
     {.embedding_dim = 3, .bottom_layers = {}, .top_layers = {6}, .interaction = Interaction::kDotSelf},
     kMixed},
    {"cat",
     {.embedding_dim = 3, .bottom_layers = {5, 4}, .top_layers = {6}, .interaction = Interaction::kCat},
     kMixed},
    {"mse",
     {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {5}, .loss = Loss::kMeanSquaredError},
     kMixed},
    {"no_hidden_layers", {.embedding_dim = 4, .bottom_layers = {}, .top_layers = {}}, kMixed},
    {"only_dense_dot", {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {5}}, kOnlyDense},
    {"only_dense_cat",
     {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {5}, .interaction = Interaction::kCat},
     kOnlyDense},
    {"only_tables_dot", {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {5}}, kOnlyTables},
    {"only_tables_cat",
     {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {5}, .interaction = Interaction::kCat},
     kOnlyTables},
    {"dropout", {.embedding_dim = 4, .bottom_layers = {6}, .top_layers = {9, 8}, .dropout = 0.4}, kMixed},
    {"wide_and_deep", WideDeep(), kMixed},
    {"wide_and_deep_hashed", With(WideDeep(), {.hash_rows = 3}), kMixed},
    {"wide_only_tables", WideDeep(), kOnlyTables},
    {"deepfm", DeepFm(DenseInput::kDirect), kMixed},
    {"deepfm_bottom", DeepFm(DenseInput::kBottom), kMixed},
    {"deepfm_only_dense", DeepFm(DenseInput::kDirect), kOnlyDense},
    {"dcnv2", Dcn(3, 0), kMixed},
    {"dcnv2_low_rank", Dcn(2, 2), kMixed},
    {"dcnv2_one_layer", Dcn(1, 0), kOnlyTables},
    {"mean_pooling", With(Dot(), {.pooling = Pooling::kMean}), kMixed},
    {"mean_pooling_wide", With(WideDeep(), {.pooling = Pooling::kMean}), kMixed},
    {"hashing", With(Dot(), {.hash_rows = 3}), kMixed},
    {"quotient_mult", With(Dot(), Quotient(QuotientOperation::kMultiply)), kMixed},
    {"quotient_add", With(Dot(), Quotient(QuotientOperation::kAdd)), kMixed},
    {"quotient_concat", With(Dot(), Quotient(QuotientOperation::kConcatenate)), kMixed},
    {"quotient_mult_mean",
     With(Dot(), {.quotient_collisions = 2,
                  .compression_threshold = 2,
                  .quotient_operation = QuotientOperation::kMultiply,
                  .pooling = Pooling::kMean}),
     kMixed},
    {"widths_projected", With(Dot(), {.widths = {2, 4, 7}}), kMixed},
    {"widths_side_by_side", With(Dcn(2, 0), {.widths = {2, 4, 7}}), kMixed},
    {"widths_projected_cat", With(Dcn(2, 3), {.widths = {2, 4, 7}, .project = true}), kMixed},
    {"mixed_dimensions",
     With(DeepFm(DenseInput::kBottom), {.mixed_temperature = 0.6, .compression_threshold = 0}), kMixed},
};

// Central differences of the reference, wrong by about 1e-9; gradients in float are good to a few 1e-6.
void ExpectGradient(const ReferenceDlrm& reference, std::vector<double>& values,
                    const std::vector<float>& gradient, const Batch& batch, const char* what) {
  constexpr double kStep = 1e-5;
  ASSERT_EQ(values.size(), gradient.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double saved = values[i];
    values[i] = saved + kStep;
    const double above = reference.Loss(batch);
    values[i] = saved - kStep;
    const double below = reference.Loss(batch);
    values[i] = saved;
    const double difference = (above - below) / (2 * kStep);
    EXPECT_TRUE(std::abs(gradient[i] - difference) <= 5e-6 * std::max(1.0, std::abs(difference)))
        << what << "[" << i << "]: gradient " << gradient[i] << ", difference " << difference;
  }
}

class DlrmGradientTest : public testing::TestWithParam<ModelCase> {};

TEST_P(DlrmGradientTest, EveryParameterAgreesWithFiniteDifferences) {
  const DlrmLayout layout(GetParam().spec, GetParam().inputs);
  const RandomBatch data(GetParam().inputs, 6, 3);
  ASSERT_TRUE(CheckBatch(data.batch, GetParam().inputs).ok());
  DlrmWeights weights(layout);
  weights.Initialize(layout, 11);
  // What begins at zero would hide mistakes.
  Rng rng(17);
  for (float& value : weights.dense.span()) value += value == 0 ? static_cast<float>(rng.Uniform(-1, 1)) : 0;
  for (float& value : weights.embeddings.span())
    value += value == 0 ? static_cast<float>(rng.Uniform(-1, 1)) : 0;
  DlrmWorkspace workspace(layout, 6, true);
  const DropoutStep dropout{.rate = GetParam().spec.dropout, .seed = 5, .step = 2};
  std::vector<float> logits(6);

  DlrmForward(layout, weights, data.batch, 0, 6, dropout, workspace, logits.data());
  ReferenceDlrm reference(layout, weights);
  if (dropout.rate > 0) {
    // What the fast path dropped; a unit that ReLU turned off is 0 either way.
    for (const FloatBuffer& units : workspace.top) {
      std::vector<double>& kept = reference.kept.emplace_back();
      for (float unit : units.span()) kept.push_back(unit == 0 ? 0 : 1 / (1 - dropout.rate));
    }
  }
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(logits[i], reference.Logit(data.batch, i), 2e-6) << "sample " << i;

  LossForwardBackward(layout.spec().loss, 6, logits.data(), data.labels.data(), 1, 1, logits.data());
  std::vector<float> feature_gradients(6 * layout.feature_width()), side_gradients(6 * layout.side_width());
  // In two slices, so that what depends on the place of a slice shows.
  std::vector<float> dense(layout.dense_parameters());
  for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 2}, {2, 6}}) {
    std::vector<float> again(6);
    DlrmForward(layout, weights, data.batch, begin, end, dropout, workspace, again.data());
    DlrmBackward(layout, weights, data.batch, begin, end, dropout, logits.data() + begin, workspace,
                 feature_gradients.data(), side_gradients.data());
    for (size_t i = 0; i < dense.size(); ++i) dense[i] += workspace.dense_gradients[i];
  }
  std::vector<float> embeddings(weights.embeddings.size());
  for (const Table& table : layout.tables()) {
    RowGroups groups;
    IdScratch scratch;
    groups.Build(RowsOfSlice(table, data.batch.tables[table.column], 0, 6, scratch), 6);
    const std::vector<float>& gradients = table.side ? side_gradients : feature_gradients;
    for (size_t g = 0; g < groups.size(); ++g) {
      SumSampleGradients(gradients.data() + table.offset,
                         table.side ? layout.side_width() : layout.feature_width(), table.width,
                         groups.samples(g), embeddings.data() + table.begin + groups.row(g) * table.width);
    }
  }
  ExpectGradient(reference, reference.dense, dense, data.batch, "dense");
  ExpectGradient(reference, reference.embeddings, embeddings, data.batch, "embeddings");
}

INSTANTIATE_TEST_SUITE_P(Models, DlrmGradientTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(DlrmLayoutTest, SizesOfThePublishedKaggleModel) {
  const std::vector<int64_t> rows = {1460,  583,  10131227, 2202608, 305, 24,     12517,   633,   3,
                                     93145, 5683, 8351593,  3194,    27,  14992,  5461306, 10,    5652,
                                     2173,  4,    7046547,  18,      15,  286181, 105,     142572};
  const InputShape inputs{
      .dense_columns = 13, .table_rows = rows, .table_names = std::vector<std::string>(26)};
  const DlrmLayout layout({.embedding_dim = 16, .bottom_layers = {512, 256, 64}, .top_layers = {512, 256}},
                          inputs);
  EXPECT_EQ(layout.interaction_outputs(), 367);
  EXPECT_EQ(layout.embedding_rows(), 33762577);
  int64_t parameters = 0;
  for (const auto* network : {&layout.bottom(), &layout.top()}) {
    for (const LinearLayer& layer : *network) parameters += layer.in * layer.out + layer.out;
  }
  EXPECT_EQ(parameters, 475985);
  // 0.960 and 2.867 MFLOP a sample by the published count, which takes both triangles of the interaction.
  EXPECT_NEAR(static_cast<double>(layout.forward_flops()), 0.960e6, 0.012e6);
  EXPECT_NEAR(static_cast<double>(layout.training_flops()), 2.867e6, 0.035e6);
}

TEST(DlrmLayoutTest, ParametersDoNotOverlapAndAreAligned) {
  const DlrmLayout layout(kCases[2].spec, kCases[2].inputs);
  int64_t next = 0;
  for (const auto* network : {&layout.bottom(), &layout.top()}) {
    for (const LinearLayer& layer : *network) {
      EXPECT_EQ(layer.weights % 16, 0);
      EXPECT_GE(layer.weights, next);
      EXPECT_GE(layer.bias, layer.weights + layer.in * layer.out);
      next = layer.bias + layer.out;
    }
  }
  EXPECT_LE(next, layout.dense_parameters());
}

TEST(DlrmWeightsTest, SameSeedSameWeights) {
  const DlrmLayout layout(kCases[0].spec, kCases[0].inputs);
  DlrmWeights a(layout), b(layout), c(layout);
  a.Initialize(layout, 1);
  b.Initialize(layout, 1);
  c.Initialize(layout, 2);
  EXPECT_TRUE(std::equal(a.dense.span().begin(), a.dense.span().end(), b.dense.span().begin()));
  EXPECT_TRUE(
      std::equal(a.embeddings.span().begin(), a.embeddings.span().end(), b.embeddings.span().begin()));
  EXPECT_FALSE(std::equal(a.dense.span().begin(), a.dense.span().end(), c.dense.span().begin()));
}

TEST(DlrmWeightsTest, TablesBeginWithinTheirBound) {
  ModelSpec spec = kCases[0].spec;
  spec.embedding_init_scale = 0.5;
  const DlrmLayout layout(spec, kCases[0].inputs);
  DlrmWeights weights(layout);
  weights.Initialize(layout, 1);
  float largest = 0;
  for (int i = 0; i < 5 * 4; ++i) largest = std::max(largest, std::abs(weights.embeddings[i]));
  EXPECT_LE(largest, 0.5 / std::sqrt(5.0));
  EXPECT_GT(largest, 0.25 / std::sqrt(5.0));
}

TEST(DlrmForwardTest, SlicesGiveWhatTheWholeBatchGives) {
  for (const ModelCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const DlrmLayout layout(c.spec, c.inputs);
    const RandomBatch data(c.inputs, 9, 4);
    DlrmWeights weights(layout);
    weights.Initialize(layout, 1);
    DlrmWorkspace whole(layout, 9, false), part(layout, 4, false);
    const DropoutStep dropout{.rate = c.spec.dropout, .seed = 1, .step = 1};
    std::vector<float> expected(9), logits(9);
    DlrmForward(layout, weights, data.batch, 0, 9, dropout, whole, expected.data());
    for (int64_t begin : {0, 3, 7}) {
      const int64_t end = begin == 0 ? 3 : begin == 3 ? 7 : 9;
      DlrmForward(layout, weights, data.batch, begin, end, dropout, part, logits.data() + begin);
    }
    for (int i = 0; i < 9; ++i) EXPECT_NEAR(logits[i], expected[i], 1e-5);
  }
}

TEST(DropoutTest, DropsItsShareAndKeepsTheMean) {
  const InputShape inputs{.dense_columns = 1, .table_rows = {}, .table_names = {}};
  const DlrmLayout layout({.embedding_dim = 1, .bottom_layers = {}, .top_layers = {1000}}, inputs);
  DlrmWeights weights(layout);
  // Every hidden unit is 1, every weight to the logit 1: the logit is the sum of what is left, scaled.
  for (int i = 0; i < 1000; ++i)
    weights.dense[layout.top()[0].bias + i] = weights.dense[layout.top()[1].weights + i] = 1;
  DlrmWorkspace workspace(layout, 1, false);
  const std::vector<float> dense = {0};
  const Batch batch{.rows = 1, .labels = {}, .dense = dense, .tables = {}};
  double sum = 0, squares = 0;
  for (uint64_t step = 1; step <= 100; ++step) {
    float logit;
    DlrmForward(layout, weights, batch, 0, 1, {.rate = 0.25, .seed = 3, .step = step}, workspace, &logit);
    sum += logit;
    squares += logit * logit;
  }
  // Each step: mean 1000, variance 1000 · 0.25/0.75. The mean of 100 steps within four standard errors.
  EXPECT_NEAR(sum / 100, 1000, 4 * std::sqrt(1000 * 0.25 / 0.75 / 100));
  EXPECT_GT(squares / 100 - sum / 100 * sum / 100, 100) << "the same units were dropped in every step";
}

}  // namespace
}  // namespace sda::trainer
