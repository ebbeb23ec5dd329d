#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/testing/temp_dir.h"
#include "services/preprocessing/core/datagen/criteo_log.h"
#include "services/preprocessing/server/testing_server.h"

namespace sda::preprocessing {
namespace {

using sda::testing::TempDir;
using testing::RunningServer;

// Several jobs at once, each watched, some cancelled, while others list and ask: every job ends in one state
// that all agree on, and the datasets that were made are equal.
TEST(JobsConcurrencyTest, ManyCallersAndJobs) {
  const TempDir folder;
  const std::string file = folder / "log.tsv";
  SDA_ASSERT_OK(datagen::WriteCriteoLog({.rows = 20'000, .threads = 2}, file));
  v1::DatasetSpec spec;
  spec.add_data_uris(file);
  spec.set_label("label");
  spec.set_shard_rows(2048);

  constexpr int kJobs = 6;
  RunningServer server(folder / "root", /*running_jobs=*/3);
  std::vector<std::string> digests(kJobs);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kJobs; ++i) {
      threads.emplace_back([&, i] {
        const std::string id = "d" + std::to_string(i);
        const auto job = server.Create(spec, id, id);
        SDA_ASSERT_OK(job);
        const bool cancel = i % 3 == 2;
        std::jthread canceller;
        if (cancel)
          canceller = std::jthread([&] { SDA_EXPECT_OK(server.Cancel(job->name(), "cancel-" + id)); });
        std::jthread second_watcher([&] { SDA_EXPECT_OK(server.Watch(job->name())); });
        const auto ended = server.Watch(job->name());
        SDA_ASSERT_OK(ended);
        const auto dataset = server.GetDataset("datasets/" + id);
        EXPECT_EQ(dataset.ok(), ended->state() == v1::Job::STATE_SUCCEEDED) << ended->DebugString();
        EXPECT_TRUE(cancel || dataset.ok()) << dataset.status();
        if (dataset.ok()) digests[static_cast<size_t>(i)] = dataset->digest();
      });
    }
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        SDA_EXPECT_OK(server.Call(&v1::PreprocessingService::Stub::ListJobs, v1::ListJobsRequest()));
        SDA_EXPECT_OK(server.Call(&v1::PreprocessingService::Stub::ListDatasets, v1::ListDatasetsRequest()));
      }
    });
  }
  for (const std::string& digest : digests) {
    EXPECT_TRUE(digest.empty() || digest == digests[0]);
  }
}

// Jobs so small that they begin and end at the same moments; callers that ask for all of them meanwhile.
TEST(JobsConcurrencyTest, SmallJobsSideBySide) {
  const TempDir folder;
  const std::string file = folder / "log.tsv";
  SDA_ASSERT_OK(datagen::WriteCriteoLog({.rows = 200, .threads = 1}, file));
  v1::DatasetSpec spec;
  spec.add_data_uris(file);
  spec.set_label("label");

  constexpr int kCallers = 6, kJobsEach = 12;
  RunningServer server(folder / "root", /*running_jobs=*/6);
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kJobsEach; ++i) {
        const std::string id = "d" + std::to_string(caller) + "-" + std::to_string(i);
        const auto job = server.Create(spec, id, id);
        SDA_ASSERT_OK(job);
        const auto ended = server.Watch(job->name());
        SDA_ASSERT_OK(ended);
        EXPECT_EQ(ended->state(), v1::Job::STATE_SUCCEEDED) << ended->DebugString();
        SDA_EXPECT_OK(server.GetDataset("datasets/" + id));
      }
    });
  }
}

// The server stops while jobs run and watchers wait: every call ends, and the next server finishes the jobs.
TEST(JobsConcurrencyTest, StoppingInTheMiddle) {
  const TempDir folder;
  const std::string file = folder / "log.tsv";
  SDA_ASSERT_OK(datagen::WriteCriteoLog({.rows = 40'000, .threads = 2}, file));
  v1::DatasetSpec spec;
  spec.add_data_uris(file);
  spec.set_label("label");
  std::vector<std::string> jobs;
  {
    RunningServer server(folder / "root", /*running_jobs=*/2);
    std::vector<std::jthread> watchers;
    for (int i = 0; i < 3; ++i) {
      jobs.push_back(server.Create(spec, "d" + std::to_string(i), "r" + std::to_string(i))->name());
      watchers.emplace_back([&server, job = jobs.back()] { (void)server.Watch(job); });
    }
    server.Stop();
  }
  RunningServer server(folder / "root", /*running_jobs=*/3);
  for (const std::string& job : jobs) {
    const auto ended = server.Watch(job);
    SDA_ASSERT_OK(ended);
    EXPECT_EQ(ended->state(), v1::Job::STATE_SUCCEEDED) << ended->DebugString();
  }
}

}  // namespace
}  // namespace sda::preprocessing
