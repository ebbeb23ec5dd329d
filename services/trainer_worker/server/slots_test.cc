// Slots of one worker that really train side by side: none changes what another makes, nor suffers from its
// end.
#include <filesystem>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/server/core_runner.h"
#include "services/trainer_worker/server/testing/tiny_dataset.h"
#include "services/trainer_worker/server/testing/worker_fixture.h"

namespace sda::trainer::testing {
namespace {

namespace fs = std::filesystem;
using optimizer::v1::FailTrialRequest;
using ::testing::HasSubstr;
using trainer::v1::TrainingConfig;
using trainer::v1::TrainingSpec;

class SlotsTest : public WorkerTest {
 protected:
  void StartSlots(int slots, int threads, int64_t memory_bytes = int64_t{1} << 30) {
    runner_ = std::make_unique<CoreRunner>(ArtefactFolders(root_.path()), threads);
    Worker::Options options;
    options.worker_id = "worker-1";
    options.slots = slots;
    options.threads_per_slot = threads;
    options.machine.set_memory_bytes(memory_bytes);
    options.resource_patience = absl::ZeroDuration();
    worker_ = std::make_unique<Worker>(options, *client_, *runner_, metrics_);
    worker_->Start();
  }

  std::string Add(const TrainingSpec& spec) {
    google::protobuf::Any work;
    work.PackFrom(spec);
    return optimizer_.AddTrial(work);
  }

  TrainingSpec Spec(int64_t seed) const {
    TrainingSpec spec = TinySpec(dataset_);
    spec.set_seed(seed);
    return spec;
  }

  // The bytes that a trial ended in; empty where it has not succeeded.
  std::string Weights(const std::string& trial) {
    EXPECT_TRUE(optimizer_.AwaitEnd(trial));
    const FakeTrial end = optimizer_.Get(trial);
    if (!end.completed) return "";
    return sda::testing::ReadFile(root_ / (end.completed->artifacts().at("model") + "/weights.bin"));
  }

  sda::testing::TempDir root_;
  const TinyDataset dataset_ = WriteTinyDataset(root_.path(), "tiny");
  std::unique_ptr<CoreRunner> runner_;
};

TEST_F(SlotsTest, TwoAtOnceMakeTheBytesOfOneAlone) {
  StartSlots(/*slots=*/1, /*threads=*/2);
  std::vector<std::string> alone;
  for (const int64_t seed : {1, 2}) alone.push_back(Weights(Add(Spec(seed))));
  worker_->Stop();
  ASSERT_FALSE(alone[0].empty());
  ASSERT_NE(alone[0], alone[1]);

  StartSlots(/*slots=*/2, /*threads=*/2);
  std::vector<std::string> trials;
  for (int i = 0; i < 6; ++i) trials.push_back(Add(Spec(1 + i % 2)));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Weights(trials[i]), alone[i % 2]) << trials[i];
}

TEST_F(SlotsTest, ASlotWithoutDiskOrMemoryDoesNotDisturbTheOther) {
  StartSlots(1, 1);
  const std::string alone = Weights(Add(Spec(1)));
  worker_->Stop();
  ASSERT_FALSE(alone.empty());

  // Trial 2: the first checkpoint meets a device that is always full. Trial 3 needs more memory than there
  // is.
  const fs::path attempt = root_ / "experiments/e/trials/2/attempt-1";
  fs::create_directories(attempt);
  fs::create_symlink("/dev/full", attempt / absl::StrCat("checkpoint-46.ckpt.tmp.", getpid()));
  const std::string disk = Add(Spec(1));
  TrainingSpec huge = Spec(1);
  huge.mutable_model()->add_top_layers(16384);
  huge.mutable_model()->add_top_layers(16384);
  const std::string memory = Add(huge);
  const std::string good = Add(Spec(1)), good_too = Add(Spec(1));
  StartSlots(2, 1);
  EXPECT_EQ(Weights(good), alone);
  EXPECT_EQ(Weights(good_too), alone);
  EXPECT_EQ(Weights(disk), "");
  EXPECT_EQ(Weights(memory), "");
  const FailTrialRequest full = optimizer_.Get(disk).failed.value_or(FailTrialRequest());
  EXPECT_EQ(full.cause(), FailTrialRequest::CAUSE_ENVIRONMENT);
  EXPECT_EQ(full.reason(), "DISK_FULL");
  EXPECT_THAT(full.message(), HasSubstr("checkpoint-46.ckpt"));
  const FailTrialRequest refused = optimizer_.Get(memory).failed.value_or(FailTrialRequest());
  EXPECT_EQ(refused.cause(), FailTrialRequest::CAUSE_POINT);
  EXPECT_EQ(refused.reason(), "OUT_OF_MEMORY");
}

TEST_F(SlotsTest, PrecisionAndInstructionSetAreSaid) {
  StartSlots(1, 1);
  const Isa before = UsableIsa();
  for (const Isa isa : SupportedIsas()) {
    LimitIsa(isa);
    TrainingSpec spec = Spec(1);
    spec.mutable_training()->set_precision(TrainingConfig::PRECISION_BF16);
    const std::string trial = Add(spec);
    ASSERT_FALSE(Weights(trial).empty());
    const bool gains = isa == Isa::kAmx || VectorsGainFromBf16();
    const std::string precision = gains ? "bf16" : "fp32";
    const std::string json = sda::testing::ReadFile(
        root_ / (optimizer_.Get(trial).completed->artifacts().at("model") + "/model.json"));
    EXPECT_THAT(json, HasSubstr(absl::StrCat("\"precision\": \"", precision, "\"")));
    EXPECT_THAT(json, HasSubstr(absl::StrCat("\"isa\": \"", std::string(Name(isa)), "\"")));
    EXPECT_THAT(metrics_.Text(),
                HasSubstr(absl::StrCat("sda_worker_trainings_total{isa=\"", std::string(Name(isa)),
                                       "\",precision=\"", precision, "\"} 1")));
    EXPECT_EQ(worker_->Describe().isa(), Name(isa));
  }
  LimitIsa(before);
}

}  // namespace
}  // namespace sda::trainer::testing
