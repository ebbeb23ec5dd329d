// Split-SGD-BF16 (Kalamkar et al. 2020): the upper half of an fp32 weight is the weight in bfloat16, the
// lower half the bits that a step too small for bfloat16 would lose. Known answers: 0.1 less 0.0001, three
// times.
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/training/checkpoint.h"
#include "services/trainer_worker/core/training/train_step.h"

namespace sda::trainer {
namespace {

using ::testing::ElementsAre;

// A weight as bfloat16 and the bits below it.
struct Halves {
  uint32_t hi, lo;
  bool operator==(const Halves&) const = default;
};

Halves HalvesOf(float weight) {
  const auto bits = std::bit_cast<uint32_t>(weight);
  return {bits >> 16, bits & 0xffff};
}

std::ostream& operator<<(std::ostream& out, const Halves& halves) {
  return out << std::hex << halves.hi << "/" << halves.lo;
}

// logit = w · x + v · e + 40 of one row with x = 1, e an embedding of one number, label 0. The loss is
// saturated: its gradient by the logit is exactly 1, so the gradients of w and e are exactly x = 1 and v = 1.
class OneNumberModel {
 public:
  OneNumberModel(Precision precision, double dense_rate, double sparse_rate)
      : options_{.dense = {.algorithm = Algorithm::kSgd, .learning_rate = dense_rate},
                 .sparse = {.algorithm = Algorithm::kSgd, .learning_rate = sparse_rate},
                 .schedule = {}},
        step_(layout_, weights_, state_, options_, {}, 1, team_, precision) {
    w() = 0.1f;
    weights_.dense[layout_.tensors()[0].begin + 1] = 1;
    weights_.dense[layout_.tensors()[1].begin] = 40;
    e() = 0.1f;
  }

  void Step() {
    const float x = 1, label = 0;
    const int32_t id = 0;
    const double loss = step_.Run(
        {.rows = 1, .labels = {&label, 1}, .dense = {&x, 1}, .tables = {{.ids = {&id, 1}, .offsets = {}}}},
        ++steps_, 1, {});
    EXPECT_NEAR(loss, 40.2, 0.1);
  }

  float& w() { return weights_.dense[layout_.tensors()[0].begin]; }
  float& e() { return *weights_.row(layout_, 0, 0); }
  TrainingState state(TrainingPosition& position) { return {weights_, state_, nullptr, position}; }

 private:
  const DlrmLayout layout_{
      {.embedding_dim = 1, .interaction = Interaction::kCat, .dense_input = DenseInput::kDirect},
      {.dense_columns = 1, .table_rows = {1}, .table_names = {"t"}}};
  const OptimizerOptions options_;
  DlrmWeights weights_{layout_};
  OptimizerState state_{layout_, options_};
  ThreadTeam team_{1};
  TrainStep step_;
  int64_t steps_ = 0;
};

class SplitSgdTest : public ::testing::TestWithParam<Precision> {
 protected:
  ~SplitSgdTest() override { LimitIsa(before_); }
  const Isa before_ = UsableIsa();
};

TEST_P(SplitSgdTest, DenseWeightsKeepTheBitsThatBfloat16WouldLose) {
  OneNumberModel model(GetParam(), /*dense_rate=*/1e-4, /*sparse_rate=*/0);
  std::vector<Halves> seen = {HalvesOf(model.w())};
  for (int step = 1; step <= 4; ++step) {
    model.Step();
    seen.push_back(HalvesOf(model.w()));
  }
  EXPECT_THAT(seen, ElementsAre(Halves{0x3dcc, 0xcccd}, Halves{0x3dcc, 0x985f}, Halves{0x3dcc, 0x63f1},
                                Halves{0x3dcc, 0x2f83}, Halves{0x3dcb, 0xfb15}))
      << "the fourth step, at last, moves the upper half";
}

TEST_P(SplitSgdTest, TablesKeepTheBitsThatBfloat16WouldLose) {
  OneNumberModel model(GetParam(), /*dense_rate=*/0, /*sparse_rate=*/1e-4);
  std::vector<Halves> seen = {HalvesOf(model.e())};
  for (int step = 1; step <= 4; ++step) {
    model.Step();
    seen.push_back(HalvesOf(model.e()));
  }
  EXPECT_THAT(seen, ElementsAre(Halves{0x3dcc, 0xcccd}, Halves{0x3dcc, 0x985f}, Halves{0x3dcc, 0x63f1},
                                Halves{0x3dcc, 0x2f83}, Halves{0x3dcb, 0xfb15}));
}

TEST_P(SplitSgdTest, BothHalvesGoThroughACheckpoint) {
  const sda::testing::TempDir folder;
  OneNumberModel model(GetParam(), 1e-4, 1e-4);
  for (int step = 1; step <= 2; ++step) model.Step();
  TrainingPosition position{.step = 2, .best_metrics = {}};
  SDA_ASSERT_OK(WriteCheckpoint(folder / "c", "job", model.state(position)));
  OneNumberModel other(GetParam(), 1e-4, 1e-4);
  TrainingPosition read;
  SDA_ASSERT_OK(ReadCheckpoint(folder / "c", "job", other.state(read)));
  EXPECT_EQ(read.step, 2);
  EXPECT_EQ(HalvesOf(other.w()), (Halves{0x3dcc, 0x63f1}));
  EXPECT_EQ(HalvesOf(other.e()), HalvesOf(model.e()));
  model.Step();
  other.Step();
  EXPECT_EQ(HalvesOf(other.w()), HalvesOf(model.w()));
  EXPECT_EQ(HalvesOf(other.e()), HalvesOf(model.e()));
}

TEST_P(SplitSgdTest, ACpuWithoutBfloat16TrainsInFp32ToTheSameHalves) {
  for (const Isa isa : SupportedIsas()) {
    LimitIsa(isa);
    const bool gains = isa == Isa::kAmx || VectorsGainFromBf16();
    EXPECT_EQ(UsablePrecision(GetParam()), gains ? GetParam() : Precision::kFp32) << Name(isa);
    OneNumberModel model(GetParam(), 1e-4, 0);
    model.Step();
    EXPECT_EQ(HalvesOf(model.w()), (Halves{0x3dcc, 0x985f})) << Name(isa);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, SplitSgdTest, ::testing::Values(Precision::kFp32, Precision::kBf16),
                         [](const auto& info) { return std::string(Name(info.param)); });

}  // namespace
}  // namespace sda::trainer
