// What trials are told that do not fit, and who waits for whom.
#include "services/trainer_worker/server/resource_ledger.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/testing/eventually.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/server/testing/worker_fixture.h"

namespace sda::trainer::testing {
namespace {

using absl::StatusCode;
using optimizer::v1::FailTrialRequest;
using sda::testing::Eventually;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kMiB = 1 << 20;

TEST(ResourceLedgerTest, WhatNoWorkerOfThisSizeCouldHoldIsThePointsFault) {
  const ResourceLedger ledger({.memory_capacity_bytes = 100 * kMiB});
  SDA_EXPECT_OK(ledger.CheckCapacity({.memory_bytes = 100 * kMiB}));
  const absl::Status refused = ledger.CheckCapacity({.memory_bytes = 101 * kMiB});
  EXPECT_EQ(GetErrorReason(refused), "OUT_OF_MEMORY");
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("101 MiB"), HasSubstr("100 MiB")));
}

TEST(ResourceLedgerTest, WhatOthersHoldIsWaitedForAsLongAsThePatience) {
  std::atomic<int64_t> available = 10 * kMiB;
  ResourceLedger ledger({.memory = [&] { return MemoryReading{.available = available, .process = 0}; },
                         .memory_capacity_bytes = 100 * kMiB,
                         .patience = absl::ZeroDuration()});
  const auto refused = ledger.Reserve({.memory_bytes = 20 * kMiB}, {});
  EXPECT_THAT(refused, StatusIs(StatusCode::kResourceExhausted,
                                AllOf(HasSubstr("needs 20971520 bytes of memory (20 MiB)"),
                                      HasSubstr("10485760 (10 MiB) are available"))));
  EXPECT_EQ(GetErrorReason(refused.status()), "INSUFFICIENT_MEMORY");
  available = 20 * kMiB;
  SDA_EXPECT_OK(ledger.Reserve({.memory_bytes = 20 * kMiB}, {}).status());
}

TEST(ResourceLedgerTest, TheDiskKeepsAMargin) {
  ResourceLedger ledger({.free_disk_bytes = [] { return 100 * kMiB; }, .patience = absl::ZeroDuration()});
  SDA_EXPECT_OK(ledger.Reserve({.disk_bytes = 30 * kMiB}, {}).status());
  const auto refused = ledger.Reserve({.disk_bytes = 40 * kMiB}, {});
  EXPECT_THAT(refused,
              StatusIs(StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("40 MiB"), HasSubstr("36 MiB"), HasSubstr("margin of 64 MiB"))));
  EXPECT_EQ(GetErrorReason(refused.status()), "INSUFFICIENT_DISK");
}

TEST(ResourceLedgerTest, WhatAnotherSlotHoldsIsWaitedForHoweverLong) {
  // The second needs what the first has reserved, whether or not it has taken it already.
  std::atomic<int64_t> taken = 0;
  ResourceLedger ledger(
      {.memory = [&] { return MemoryReading{.available = 100 * kMiB - taken, .process = taken}; },
       .free_disk_bytes = [] { return 1000 * kMiB; },
       .memory_capacity_bytes = 200 * kMiB,
       .patience = absl::ZeroDuration()});
  std::optional<ResourceLedger::Reservation> first;
  {
    auto reserved = ledger.Reserve({.memory_bytes = 60 * kMiB, .disk_bytes = 1}, {});
    SDA_ASSERT_OK(reserved.status());
    first.emplace(*std::move(reserved));
  }
  taken = 60 * kMiB;
  SDA_EXPECT_OK(ledger.Reserve({.memory_bytes = 40 * kMiB}, {}).status()) << "60 of the 60 are counted once";
  std::atomic<bool> done = false;
  auto second = std::async(std::launch::async, [&] {
    auto reserved = ledger.Reserve({.memory_bytes = 50 * kMiB}, {});
    done = true;
    return reserved.status();
  });
  std::stop_source stop;
  auto third = std::async(std::launch::async, [&] {
    return ledger.Reserve({.memory_bytes = 70 * kMiB}, stop.get_token()).status();
  });
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(third.get()));
  EXPECT_FALSE(done);
  taken = 0;
  first.reset();
  SDA_EXPECT_OK(second.get());
}

TEST(MemoryProbeTest, TheContainersLimitCountsWithoutCachedFiles) {
  sda::testing::TempDir root;
  const auto write = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root / path).substr(0, (root / path).rfind('/')));
    std::ofstream(root / path) << text;
  };
  write("proc/meminfo", "MemTotal: 8000 kB\nMemFree: 100 kB\nMemAvailable:    4000 kB\n");
  write("proc/self/status", "VmRSS:\t 900 kB\nRssAnon:\t     300 kB\nRssFile: 600 kB\n");
  EXPECT_EQ(ReadMemory(root.path()).available, 4000 * 1024);
  EXPECT_EQ(ReadMemory(root.path()).process, 300 * 1024);
  write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(ReadMemory(root.path()).available, 4000 * 1024);
  write("sys/fs/cgroup/memory.max", "2000000\n");
  write("sys/fs/cgroup/memory.current", "1500000\n");
  write("sys/fs/cgroup/memory.stat", "anon 500000\nfile 900000\ninactive_file 600000\nactive_file 300000\n");
  EXPECT_EQ(ReadMemory(root.path()).available, 2000000 - (1500000 - 900000));
  EXPECT_GT(ReadMemory().available, 0);
  EXPECT_GT(ReadMemory().process, 0);
  EXPECT_GT(FreeDiskBytes(root.path()), 0);
  EXPECT_EQ(FreeDiskBytes(root / "none"), std::numeric_limits<int64_t>::max());
}

class RefusalTest : public WorkerTest {
 protected:
  void StartWorkerWith(AttemptRunner& runner, int64_t memory, int64_t disk, int slots = 1) {
    Worker::Options options;
    options.worker_id = "worker-1";
    options.slots = slots;
    options.machine.set_memory_bytes(100 * kMiB);
    options.memory = [memory] { return MemoryReading{.available = memory, .process = 0}; };
    options.free_disk_bytes = [disk] { return disk; };
    options.resource_patience = absl::Milliseconds(10);
    worker_ = std::make_unique<Worker>(options, *client_, runner, metrics_);
    worker_->Start();
  }
};

TEST_F(RefusalTest, ATrialThatDoesNotFitIsRefusedBeforeAStep) {
  ScriptedRunner& runner = MakeRunner(
      [](const AttemptOrder&, AttemptListener&, std::stop_token) -> absl::StatusOr<AttemptOutcome> {
        ADD_FAILURE() << "must not be trained";
        return absl::InternalError("trained");
      });
  runner.memory_bytes = 101 * kMiB;
  StartWorkerWith(runner, 50 * kMiB, 100 * kMiB);
  const auto failure = [&] {
    const std::string trial = optimizer_.AddTrial(Work());
    EXPECT_TRUE(optimizer_.AwaitEnd(trial));
    return optimizer_.Get(trial).failed.value_or(FailTrialRequest());
  };
  const FailTrialRequest never = failure();
  EXPECT_EQ(never.cause(), FailTrialRequest::CAUSE_POINT);
  EXPECT_EQ(never.reason(), "OUT_OF_MEMORY");
  EXPECT_THAT(never.message(), AllOf(HasSubstr("101 MiB"), HasSubstr("100 MiB")));
  runner.memory_bytes = 60 * kMiB;
  const FailTrialRequest now = failure();
  EXPECT_EQ(now.cause(), FailTrialRequest::CAUSE_ENVIRONMENT);
  EXPECT_EQ(now.reason(), "INSUFFICIENT_MEMORY");
  EXPECT_THAT(now.message(), AllOf(HasSubstr("60 MiB"), HasSubstr("50 MiB")));
  runner.memory_bytes = 1;
  runner.disk_bytes = 37 * kMiB;
  const FailTrialRequest disk = failure();
  EXPECT_EQ(disk.cause(), FailTrialRequest::CAUSE_ENVIRONMENT);
  EXPECT_EQ(disk.reason(), "INSUFFICIENT_DISK");
  EXPECT_THAT(disk.message(), AllOf(HasSubstr("37 MiB"), HasSubstr("36 MiB")));
}

TEST_F(RefusalTest, SlotsThatDoNotFitTogetherTakeTurns) {
  std::atomic<int> running = 0, most = 0;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener& listener, std::stop_token) {
    const int now = ++running;
    if (now > most) most = now;
    for (int64_t step = 1; step <= 3; ++step) listener.OnReading({.step = step, .metrics = {{"auc", 0.5}}});
    --running;
    return Finished(0.8);
  });
  runner.memory_bytes = 30 * kMiB;
  std::vector<std::string> trials;
  for (int i = 0; i < 6; ++i) trials.push_back(optimizer_.AddTrial(Work()));
  StartWorkerWith(runner, 50 * kMiB, 1000 * kMiB, /*slots=*/3);
  for (const std::string& trial : trials) {
    ASSERT_TRUE(optimizer_.AwaitEnd(trial));
    EXPECT_TRUE(optimizer_.Get(trial).completed.has_value()) << optimizer_.Get(trial).failed->message();
  }
  EXPECT_EQ(most, 1);
}

TEST_F(RefusalTest, ATrialThatWaitsGoesBackWhenTheWorkerStops) {
  std::atomic<int> begun = 0;
  ScriptedRunner& runner = MakeRunner([&](const AttemptOrder&, AttemptListener&, std::stop_token stop) {
    ++begun;
    EXPECT_TRUE(Eventually([&] { return stop.stop_requested(); }));
    AttemptOutcome outcome;
    outcome.end = AttemptOutcome::End::kCancelled;
    return outcome;
  });
  runner.memory_bytes = 30 * kMiB;
  const std::string first = optimizer_.AddTrial(Work()), second = optimizer_.AddTrial(Work());
  StartWorkerWith(runner, 50 * kMiB, 1000 * kMiB, /*slots=*/2);
  ASSERT_TRUE(
      optimizer_.Await(first, [](const FakeTrial& trial) { return trial.memory_required_bytes > 0; }));
  ASSERT_TRUE(
      optimizer_.Await(second, [](const FakeTrial& trial) { return trial.memory_required_bytes > 0; }));
  ASSERT_TRUE(Eventually([&] { return begun == 1; }));
  worker_->Stop();
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(optimizer_.Get(first).releases + optimizer_.Get(second).releases, 2);
}

}  // namespace
}  // namespace sda::trainer::testing
