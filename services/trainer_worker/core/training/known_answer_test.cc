// Three training steps of the public DLRM example (dlrm_s_pytorch.py --mini-batch-size=2 --data-size=6, mean
// squared error, SGD 0.01), whose README prints every input, weight and loss to five digits.
#include <vector>

#include <gtest/gtest.h>

#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {
namespace {

const InputShape kInputs{.dense_columns = 4, .table_rows = {4, 3, 2}, .table_names = {"0", "1", "2"}};

ModelSpec Spec(Loss loss) {
  return {.embedding_dim = 2,
          .bottom_layers = {3},
          .top_layers = {4, 2},
          .interaction = Interaction::kDot,
          .loss = loss};
}

struct Example {
  std::vector<float> dense, labels;
  std::vector<int32_t> ids[3], offsets[3];

  Batch batch() const {
    Batch b{.rows = 2, .labels = labels, .dense = dense, .tables = {}};
    for (int t = 0; t < 3; ++t) b.tables.push_back({ids[t], offsets[t]});
    return b;
  }
};

const Example kExamples[3] = {
    {{.69647f, .28614f, .22685f, .55131f, .71947f, .42311f, .98076f, .68483f},
     {.55679f, .15896f},
     {{1, 0, 1}, {0, 1}, {1, 0}},
     {{0, 1, 3}, {0, 1, 2}, {0, 1, 2}}},
    {{.36179f, .22826f, .29371f, .63098f, .0921f, .4337f, .43086f, .49369f},
     {.15307f, .69553f},
     {{1, 0, 2, 3}, {1, 1, 2}, {1, 1}},
     {{0, 1, 4}, {0, 1, 3}, {0, 1, 2}}},
    {{.60306f, .54507f, .34276f, .30412f, .41702f, .6813f, .87546f, .51042f},
     {.31877f, .69197f},
     {{2, 0, 1, 2}, {1, 2}, {1, 1}},
     {{0, 1, 4}, {0, 1, 2}, {0, 1, 2}}},
};

void Fill(DlrmWeights& weights, const LinearLayer& layer, const std::vector<float>& w,
          const std::vector<float>& b) {
  ASSERT_EQ(static_cast<int64_t>(w.size()), layer.in * layer.out);
  std::copy(w.begin(), w.end(), weights.dense.data() + layer.weights);
  std::copy(b.begin(), b.end(), weights.dense.data() + layer.bias);
}

void FillAll(const DlrmLayout& layout, DlrmWeights& weights) {
  const std::vector<float> tables = {.05438f,  -.11105f, .42513f,  .34167f, -.1426f, -.45641f,
                                     -.19523f, -.10181f,                                       // 0
                                     .23667f,  .57199f,  -.16638f, .30316f, .10759f, .22136f,  // 1
                                     -.49338f, -.14301f, -.36649f, -.22139f};                  // 2
  std::copy(tables.begin(), tables.end(), weights.embeddings.data());
  Fill(weights, layout.bottom()[0],
       {.51313f, .66662f, .10591f, .13089f, .32198f, .66156f, .84651f, .55326f, .85445f, .38484f, .31679f,
        .35426f},
       {.17108f, .82911f, .33867f});
  Fill(weights, layout.bottom()[1], {.55237f, .57855f, .52153f, .00269f, .98835f, .90534f},
       {.20764f, .29249f});
  Fill(weights, layout.top()[0],
       {.52001f, .90191f, .98363f, .25754f, .56436f, .80697f, .39437f, .73107f, .16107f, .6007f, .86586f,
        .98352f, .07937f, .42835f, .20454f, .45064f, .54776f, .09333f, .29686f, .92758f, .569f,  .45741f,
        .75353f, .74186f, .04858f, .7087f,  .83924f, .16594f, .781f,   .28654f, .30647f, .66526f},
       {.11139f, .66487f, .88786f, .69631f});
  Fill(weights, layout.top()[1], {.44033f, .43821f, .7651f, .56564f, .0849f, .58267f, .81484f, .33707f},
       {.92758f, .75072f});
  Fill(weights, layout.top()[2], {.57406f, .75164f}, {.07915f});
}

// The model of the example with its initial weights, trained by SGD.
struct Example3 {
  Example3(int threads, Loss loss, double rate)
      : layout(Spec(loss), kInputs),
        weights(layout),
        options{.dense = {.algorithm = Algorithm::kSgd, .learning_rate = rate},
                .sparse = {.algorithm = Algorithm::kSgd, .learning_rate = rate},
                .schedule = {}},
        state(layout, options),
        team(threads),
        step(layout, weights, state, options, {}, 2, team) {
    FillAll(layout, weights);
  }

  DlrmLayout layout;
  DlrmWeights weights;
  OptimizerOptions options;
  OptimizerState state;
  ThreadTeam team;
  TrainStep step;
};

class KnownAnswerTest : public testing::TestWithParam<int> {};  // threads

TEST_P(KnownAnswerTest, ThreeStepsOfThePublishedExample) {
  Example3 model(GetParam(), Loss::kMeanSquaredError, .01);

  // In double precision from the printed inputs.
  const double losses[3] = {.451891, .402002, .275457};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(CheckBatch(kExamples[i].batch(), kInputs).ok());
    EXPECT_NEAR(model.step.Run(kExamples[i].batch(), i + 1, 1, {}), losses[i], 5e-6) << "step " << i;
  }

  // The weights the README prints after the third step, to five digits of inputs rounded to five digits.
  const DlrmLayout& layout = model.layout;
  const auto expect_row = [&](int64_t table, int64_t id, float x, float y) {
    const float* row = model.weights.row(layout, table, id);
    EXPECT_NEAR(row[0], x, 1.5e-5) << "table " << table << " row " << id;
    EXPECT_NEAR(row[1], y, 1.5e-5) << "table " << table << " row " << id;
  };
  expect_row(0, 0, .05429f, -.1112f);
  expect_row(0, 1, .42513f, .34167f);
  expect_row(0, 2, -.14283f, -.45679f);
  expect_row(0, 3, -.19532f, -.10196f);
  expect_row(1, 1, -.16661f, .30284f);
  expect_row(2, 1, -.36665f, -.22165f);
  const float* top = model.weights.dense.data();
  EXPECT_NEAR(top[layout.top()[2].weights], .57379f, 1.5e-5);
  EXPECT_NEAR(top[layout.top()[2].weights + 1], .7514f, 1.5e-5);
  EXPECT_NEAR(top[layout.top()[2].bias], .07908f, 1.5e-5);
}

TEST_P(KnownAnswerTest, InteractionOfTheFirstBatch) {
  const DlrmLayout layout(Spec(Loss::kMeanSquaredError), kInputs);
  DlrmWeights weights(layout);
  FillAll(layout, weights);
  DlrmWorkspace workspace(layout, 2, false);
  float logits[2];
  DlrmForward(layout, weights, kExamples[0].batch(), 0, 2, {}, workspace, logits);
  const double r[16] = {2.348302, 3.201076, 2.092045, 2.386756, .296047,  -1.569315, -.231448, -.21337,
                        3.114654, 4.326821, 2.491359, .793503,  -.009866, -2.155487, -.269562, .038734};
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(workspace.interacted[i], r[i], 3e-6) << "at " << i;
}

// Cross entropy of the first batch and its gradients by the embeddings, computed in double precision.
TEST_P(KnownAnswerTest, CrossEntropyGradients) {
  Example3 model(GetParam(), Loss::kBinaryCrossEntropy, 1);
  const DlrmLayout& layout = model.layout;
  DlrmWeights before(layout);
  FillAll(layout, before);
  EXPECT_NEAR(model.step.Run(kExamples[0].batch(), 1, 1, {}), 9.07221531, 2e-6);

  // With SGD and rate 1 the change of a row is its gradient; a row lies in ±4.5, so a change is good to about
  // 3e-6.
  const auto expect_gradient = [&](int64_t table, int64_t id, double x, double y) {
    const float* now = model.weights.row(layout, table, id);
    const float* then = before.row(layout, table, id);
    EXPECT_NEAR(then[0] - now[0], x, 5e-6) << "table " << table << " row " << id;
    EXPECT_NEAR(then[1] - now[1], y, 5e-6) << "table " << table << " row " << id;
  };
  expect_gradient(0, 0, 1.88804631, 3.19296695);
  expect_gradient(0, 1, 2.7426811, 4.50504229);
  expect_gradient(1, 0, .93517845, 1.31237504);
  expect_gradient(1, 1, 2.3029792, 3.35356298);
  expect_gradient(2, 0, 1.69818754, 2.51633429);
  expect_gradient(2, 1, .82910748, 1.15940241);
}

INSTANTIATE_TEST_SUITE_P(Threads, KnownAnswerTest, testing::Values(1, 2, 3));

}  // namespace
}  // namespace sda::trainer
