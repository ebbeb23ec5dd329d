#include "services/advisor/core/cost_model.h"

#include <gtest/gtest.h>

namespace sda::advisor {
namespace {

// Naumov et al. 2019's Criteo Kaggle model: 13 dense and 26 categorical features.
ModelShape Kaggle() {
  return {.dense_columns = 13,
          .table_rows = {1460,  583,  10131227, 2202608, 305, 24,     12517,   633,   3,
                         93145, 5683, 8351593,  3194,    27,  14992,  5461306, 10,    5652,
                         2173,  4,    7046547,  18,      15,  286181, 105,     142572},
          .embedding_dim = 16,
          .bottom_layers = {512, 256, 64},
          .top_layers = {512, 256},
          .dot = true};
}

// Published: 475,985 MLP parameters, 367 inputs of the top MLP, 540,201,232 embedding parameters, 2.867 MFLOP
// a training step and sample, of which the first layer's input gradient (2·13·512) is spared there and not
// here.
TEST(CostModelTest, KaggleModelHasThePublishedFigures) {
  EXPECT_EQ(InteractionWidth(Kaggle()), 367);
  EXPECT_EQ(DenseParameters(Kaggle()), 475'985);
  EXPECT_EQ(EmbeddingParameters(Kaggle()), 540'201'232);
  EXPECT_NEAR(TrainingFlopsPerSample(Kaggle()), 2.867e6 + 2 * 13 * 512, 0.004e6);
}

TEST(CostModelTest, MemoryIsWeightsTimesCopies) {
  const double tables = EmbeddingParameters(Kaggle()) * 4;
  const double sgd = TrainingMemoryBytes(Kaggle(), StateOf("sgd"), StateOf("sgd"), 128);
  EXPECT_GT(sgd, 3 * tables);
  EXPECT_LT(sgd, 3 * tables + 400e6);
  EXPECT_EQ(TrainingMemoryBytes(Kaggle(), StateOf("sgd"), StateOf("adagrad"), 128) - sgd, tables);
  EXPECT_EQ(TrainingMemoryBytes(Kaggle(), StateOf("sgd"), StateOf("adam"), 128) - sgd, 2 * tables);
  EXPECT_EQ(TrainingMemoryBytes(Kaggle(), StateOf("sgd"), StateOf("rowwise_adagrad"), 128) - sgd,
            tables / 16);
}

TEST(CostModelTest, ConcatenationKeepsEveryVector) {
  ModelShape shape = Kaggle();
  shape.dot = false;
  EXPECT_EQ(InteractionWidth(shape), 27 * 16);
}

TEST(CostModelTest, ModelsWithoutOneKindOfColumnsHaveACost) {
  ModelShape dense_only{.dense_columns = 5,
                        .table_rows = {},
                        .embedding_dim = 8,
                        .bottom_layers = {},
                        .top_layers = {4},
                        .dot = true};
  EXPECT_EQ(InteractionWidth(dense_only), 8);
  EXPECT_EQ(DenseParameters(dense_only), 5 * 8 + 8 + 8 * 4 + 4 + 4 + 1);
  ModelShape categorical_only{.dense_columns = 0,
                              .table_rows = {10, 20},
                              .embedding_dim = 8,
                              .bottom_layers = {64},
                              .top_layers = {},
                              .dot = true};
  EXPECT_EQ(InteractionWidth(categorical_only), 8 + 3);
  EXPECT_EQ(DenseParameters(categorical_only), 8 + 11 + 1);
  EXPECT_GT(TrainingFlopsPerSample(categorical_only), 0);
}

TEST(CostModelTest, TimeFallsWithThreadsAndRatesAndRisesWithRows) {
  const MachineRates slow{.matmul_gflops = 20, .memory_gb_per_second = 5, .threads = 1};
  const double base = TrainingSeconds(Kaggle(), 1e6, slow);
  EXPECT_GT(base, 0);
  EXPECT_DOUBLE_EQ(TrainingSeconds(Kaggle(), 2e6, slow), 2 * base);
  EXPECT_DOUBLE_EQ(TrainingSeconds(Kaggle(), 1e6, {20, 5, 4}), base / 4);
  EXPECT_LT(TrainingSeconds(Kaggle(), 1e6, {40, 5, 1}), base);
  EXPECT_DOUBLE_EQ(TrainingSeconds(Kaggle(), 1e6, {0, 0, 1}),
                   base);  // what is not measured is assumed to be slow
}

}  // namespace
}  // namespace sda::advisor
