#include <atomic>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "common/testing/temp_dir.h"
#include "services/advisor/server/testing/advisor_process.h"
#include "services/advisor/server/testing/fake_suite.h"

namespace sda::advisor {
namespace {

using testing::AdvisorProcess;
using testing::FakeSuite;
using testing::RunSpecOfFile;

// Several runs, each watched, asked after, and some cancelled, all at once, while the engine works on two at
// a time.
TEST(AdvisorConcurrencyTest, RunsWatchersAndCancelsDisturbNoOneElse) {
  constexpr int kRuns = 8;
  const sda::testing::TempDir folder;
  FakeSuite suite;
  AdvisorProcess advisor(suite, {.database = folder / "advisor.db", .run_threads = 2});
  std::vector<std::thread> threads;
  std::atomic<int> succeeded = 0, cancelled = 0, other = 0;
  for (int i = 0; i < kRuns; ++i) {
    const std::string id = absl::StrCat("r", i);
    advisor.CreateRun(id, RunSpecOfFile());
    threads.emplace_back([&, id] {
      const v1::Run::State end = advisor.AwaitEnd(id).state();
      ++(end == v1::Run::STATE_SUCCEEDED ? succeeded : end == v1::Run::STATE_CANCELLED ? cancelled : other);
    });
    threads.emplace_back([&, id] {
      while (advisor.GetRun(id).state() == v1::Run::STATE_RUNNING) {
      }
    });
    // Every second run is cancelled from two sides, wherever it stands.
    if (i % 2 == 1) {
      for (int side = 0; side < 2; ++side) threads.emplace_back([&, id] { advisor.CancelRun(id); });
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(other, 0);
  EXPECT_GE(succeeded, kRuns / 2);
  EXPECT_EQ(succeeded + cancelled, kRuns);
  v1::ListModelsRequest models;
  EXPECT_EQ(advisor.Call(&v1::AdvisorService::Stub::ListModels, models)->models_size(), succeeded);
}

// The same create from many sides is one run.
TEST(AdvisorConcurrencyTest, ARequestThatArrivesManyTimesActsOnce) {
  const sda::testing::TempDir folder;
  FakeSuite suite;
  AdvisorProcess advisor(suite, {.database = folder / "advisor.db"});
  v1::CreateRunRequest request;
  request.set_request_id("once");
  *request.mutable_spec() = RunSpecOfFile();
  std::vector<std::string> names(6);
  std::vector<std::thread> threads;
  for (std::string& name : names) {
    threads.emplace_back([&] {
      const auto response = advisor.Call(&v1::AdvisorService::Stub::CreateRun, request);
      if (response.ok()) name = response->run().name();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& name : names) EXPECT_EQ(name, names[0]);
  advisor.AwaitEnd(names[0].substr(names[0].find('/') + 1));
  EXPECT_EQ(suite.count("CreateDataset"), 1);
}

// An advisor that stops in the middle of many runs leaves each where another one can go on.
TEST(AdvisorConcurrencyTest, StoppingInTheMiddleLosesNothing) {
  constexpr int kRuns = 6;
  const sda::testing::TempDir folder;
  FakeSuite suite;
  suite.HoldTrials();
  auto advisor = std::make_unique<AdvisorProcess>(
      suite, AdvisorProcess::Options{.database = folder / "advisor.db", .run_threads = 4});
  for (int i = 0; i < kRuns; ++i) advisor->CreateRun(absl::StrCat("r", i), RunSpecOfFile());
  ASSERT_TRUE(suite.AwaitCalls("WatchExperiment", 2));
  advisor.reset();
  suite.ReleaseTrials();
  advisor = std::make_unique<AdvisorProcess>(
      suite, AdvisorProcess::Options{.database = folder / "advisor.db", .run_threads = 4});
  for (int i = 0; i < kRuns; ++i) {
    EXPECT_EQ(advisor->AwaitEnd(absl::StrCat("r", i)).state(), v1::Run::STATE_SUCCEEDED);
  }
  EXPECT_EQ(suite.experiments().size(), static_cast<size_t>(kRuns));
}

}  // namespace
}  // namespace sda::advisor
