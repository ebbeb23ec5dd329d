#include "services/trainer_worker/core/training/train_step.h"

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "common/numerics/rng.h"

namespace sda::trainer {
namespace {

const InputShape kInputs{.dense_columns = 3, .table_rows = {20, 6}, .table_names = {"a", "b"}};
const ModelSpec kModel{.embedding_dim = 4, .bottom_layers = {8}, .top_layers = {16}};
const UpdateOptions kAdagrad{.algorithm = Algorithm::kAdagrad, .learning_rate = 0.05};
const UpdateOptions kRowwise{.algorithm = Algorithm::kRowwiseAdagrad, .learning_rate = 0.05};
const UpdateOptions kSgd{.algorithm = Algorithm::kSgd, .learning_rate = 0.1};

// Rows whose label follows from dense column 0 and the id of table a.
struct Data {
  explicit Data(int64_t rows_in, uint64_t seed = 1) : rows(rows_in) {
    Rng rng(seed);
    for (int64_t i = 0; i < rows; ++i) {
      for (int c = 0; c < 3; ++c) dense.push_back(static_cast<float>(rng.Uniform(-1, 1)));
      a.push_back(static_cast<int32_t>(rng.Below(20)));
      b.push_back(static_cast<int32_t>(rng.Below(6)));
      labels.push_back(dense[i * 3] + (a[i] % 2 == 0 ? 0.5f : -0.5f) > 0 ? 1.0f : 0.0f);
    }
  }
  Batch batch() const {
    return {.rows = rows,
            .labels = labels,
            .dense = dense,
            .tables = {{.ids = a, .offsets = {}}, {.ids = b, .offsets = {}}}};
  }
  int64_t rows;
  std::vector<float> dense, labels;
  std::vector<int32_t> a, b;
};

struct Training {
  Training(int threads, const GradientOptions& gradients, const UpdateOptions& dense,
           const UpdateOptions& sparse, const ModelSpec& model = kModel)
      : layout(model, kInputs),
        weights(layout),
        options{.dense = dense, .sparse = sparse, .schedule = {}},
        state(layout, options),
        team(threads),
        train_step(layout, weights, state, options, gradients, 64, team) {
    weights.Initialize(layout, 7);
  }

  double Step(const Batch& batch, double factor = 1) {
    ++step;
    return train_step.Run(batch, step, factor,
                          {.rate = layout.spec().dropout, .seed = 5, .step = static_cast<uint64_t>(step)});
  }

  std::vector<float> AllWeights() const {
    std::vector<float> all(weights.dense.span().begin(), weights.dense.span().end());
    all.insert(all.end(), weights.embeddings.span().begin(), weights.embeddings.span().end());
    return all;
  }

  DlrmLayout layout;
  DlrmWeights weights;
  OptimizerOptions options;
  OptimizerState state;
  ThreadTeam team;
  TrainStep train_step;
  int64_t step = 0;
};

TEST(TrainStepTest, LearnsARuleOfDenseAndCategoricalColumns) {
  Training run(2, {}, kAdagrad, kRowwise);
  const Data data(64);
  const double first = run.Step(data.batch());
  double last = first;
  for (int i = 0; i < 300; ++i) last = run.Step(data.batch());
  EXPECT_GT(first, 0.4);
  EXPECT_LT(last, 0.05);
}

TEST(TrainStepTest, SameSeedAndThreadsGiveTheSameBytes) {
  for (int threads : {1, 2, 3, 5}) {
    ModelSpec model = kModel;
    model.dropout = 0.3;
    Training first(threads, {}, kAdagrad, kRowwise, model), second(threads, {}, kAdagrad, kRowwise, model);
    for (uint64_t i = 0; i < 20; ++i) {
      const Data data(64 - i, i);  // also sizes that do not divide evenly
      EXPECT_EQ(first.Step(data.batch()), second.Step(data.batch()));
    }
    EXPECT_EQ(first.AllWeights(), second.AllWeights()) << threads << " threads";
  }
}

TEST(TrainStepTest, ThreadsChangeOnlyRounding) {
  Training one(1, {.l2_dense = 0.01, .l2_sparse = 0.01, .gradient_clip = 0.5}, kSgd, kSgd);
  Training three(3, {.l2_dense = 0.01, .l2_sparse = 0.01, .gradient_clip = 0.5}, kSgd, kSgd);
  for (uint64_t i = 0; i < 10; ++i) {
    const Data data(50, i);
    EXPECT_NEAR(one.Step(data.batch()), three.Step(data.batch()), 1e-5);
  }
  const auto a = one.AllWeights(), b = three.AllWeights();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

// Large teams pack weights once for all, and cut tables into shards.
TEST(TrainStepTest, LargeTeamsChangeOnlyRounding) {
  for (const UpdateOptions& sparse : {kSgd, kRowwise}) {
    Training one(1, {}, kSgd, sparse), eight(8, {}, kSgd, sparse);
    for (uint64_t i = 0; i < 10; ++i) {
      const Data data(50, i);
      EXPECT_NEAR(one.Step(data.batch()), eight.Step(data.batch()), 1e-5);
    }
    const auto a = one.AllWeights(), b = eight.AllWeights();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
  }
}

TEST(TrainStepTest, BatchSmallerThanTheTeam) {
  Training run(3, {}, kAdagrad, kRowwise);
  EXPECT_TRUE(std::isfinite(run.Step(Data(1).batch())));
  for (float w : run.AllWeights()) EXPECT_TRUE(std::isfinite(w));
}

TEST(TrainStepTest, RowsOutsideTheBatchStay) {
  Training run(1, {.l2_sparse = 0.1}, kAdagrad, {.algorithm = Algorithm::kAdam, .learning_rate = 0.1});
  const Data data(2);
  const std::vector<float> before = run.AllWeights();
  run.Step(data.batch());
  run.Step(data.batch());
  const DlrmLayout& layout = run.layout;
  for (int32_t id = 0; id < 20; ++id) {
    const bool touched = id == data.a[0] || id == data.a[1];
    const float* row = run.weights.row(layout, 0, id);
    EXPECT_EQ(row[0] != before[layout.dense_parameters() + id * 4], touched) << "row " << id;
  }
}

// One SGD step moves the dense parameters by rate · gradient: its length shows clipping.
double DenseStepLength(const GradientOptions& options) {
  Training run(2, options, kSgd, kSgd);
  const std::vector<float> before = run.AllWeights();
  run.Step(Data(32).batch());
  const std::vector<float> after = run.AllWeights();
  double squares = 0;
  for (int64_t i = 0; i < run.layout.dense_parameters(); ++i) {
    squares += std::pow(static_cast<double>(after[i]) - before[i], 2);
  }
  return std::sqrt(squares) / kSgd.learning_rate;
}

TEST(TrainStepTest, ClipsTheDenseGradientToItsNorm) {
  const double free = DenseStepLength({});
  ASSERT_GT(free, 0.05);
  EXPECT_NEAR(DenseStepLength({.gradient_clip = free / 2}), free / 2, 1e-5);
  EXPECT_NEAR(DenseStepLength({.gradient_clip = free * 2}), free, 1e-5);
}

TEST(TrainStepTest, L2PullsWeightsButNotBiases) {
  Training plain(1, {}, kSgd, kSgd), penalised(1, {.l2_dense = 0.5, .l2_sparse = 0.25}, kSgd, kSgd);
  const std::vector<float> start = plain.AllWeights();
  const Data data(16);
  plain.Step(data.batch());
  penalised.Step(data.batch());
  const std::vector<float> a = plain.AllWeights(), b = penalised.AllWeights();
  const DlrmLayout& layout = plain.layout;
  for (const LinearLayer& layer : layout.top()) {
    for (int64_t i = layer.weights; i < layer.weights + layer.in * layer.out; ++i) {
      EXPECT_NEAR(b[i], a[i] - 0.1 * 0.5 * start[i], 1e-6);
    }
    for (int64_t i = layer.bias; i < layer.bias + layer.out; ++i) EXPECT_EQ(a[i], b[i]);
  }
  const int64_t row = layout.dense_parameters() + data.a[0] * 4;
  for (int64_t i = row; i < row + 4; ++i) EXPECT_NEAR(b[i], a[i] - 0.1 * 0.25 * start[i], 1e-6);
}

TEST(TrainStepTest, FactorScalesBothRates) {
  Training run(1, {}, kAdagrad, kRowwise);
  const std::vector<float> before = run.AllWeights();
  run.Step(Data(16).batch(), 0);
  EXPECT_EQ(run.AllWeights(), before);
}

TEST(TrainStepTest, DivergenceShowsInTheLoss) {
  const UpdateOptions wild{.algorithm = Algorithm::kSgd, .learning_rate = 1e30};
  Training run(2, {}, wild, wild);
  bool sane = true;
  for (int i = 0; i < 10 && sane; ++i) sane = run.Step(Data(32).batch()) <= 1e4;
  EXPECT_FALSE(sane);
}

TEST(TrainStepTest, CountsTheTimeOfEachStage) {
  Training run(1, {}, kAdagrad, kRowwise);
  run.Step(Data(64).batch());
  const StageSeconds seconds = run.train_step.seconds();
  for (double s : {seconds.embedding, seconds.bottom, seconds.interaction, seconds.top, seconds.backward,
                   seconds.update}) {
    EXPECT_GT(s, 0);
  }
}

}  // namespace
}  // namespace sda::trainer
