#include "clients/cli/core/suite_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

WorkerSizes Sizes(int workers, int slots, int threads) {
  WorkerSizes sizes;
  sizes.workers = workers;
  sizes.slots = slots;
  sizes.threads_per_slot = threads;
  return sizes;
}

constexpr std::optional<int64_t> kNotGiven = std::nullopt;

TEST(PlanWorkersTest, TrialsShareTheCoresEvenly) {
  EXPECT_EQ(*PlanWorkers(kNotGiven, kNotGiven, kNotGiven, 1, 8), Sizes(1, 1, 8));
  EXPECT_EQ(*PlanWorkers(kNotGiven, kNotGiven, kNotGiven, 2, 8), Sizes(1, 2, 4));
  EXPECT_EQ(*PlanWorkers(kNotGiven, kNotGiven, kNotGiven, 3, 8), Sizes(1, 3, 2));
  EXPECT_EQ(*PlanWorkers(kNotGiven, kNotGiven, kNotGiven, 10000, 2), Sizes(1, 2, 1));
  EXPECT_EQ(*PlanWorkers(2, kNotGiven, kNotGiven, 4, 8), Sizes(2, 2, 2));
}

TEST(PlanWorkersTest, WhatIsGivenStays) {
  EXPECT_EQ(*PlanWorkers(kNotGiven, 1, 1, 4, 8), Sizes(1, 1, 1));
  EXPECT_EQ(*PlanWorkers(kNotGiven, kNotGiven, 4, 4, 8), Sizes(1, 2, 4));
}

TEST(PlanWorkersTest, MoreThreadsThanCoresAreRefused) {
  const auto sizes = PlanWorkers(kNotGiven, 2, 2, 1, 2);
  ASSERT_FALSE(sizes.ok());
  EXPECT_THAT(std::string(sizes.status().message()),
              HasSubstr("--threads-per-slot: 1 workers x 2 slots x 2 threads are more than the 2 cores"));
}

TEST(PlanSuiteTest, EveryChildKnowsItsPortAndItsPeers) {
  SuiteOptions options;
  options.workers = Sizes(2, 1, 1);
  options.cores = 2;
  options.ports = {101, 102, 103, 104, 105};
  options.supervisor_pid = 7;
  const std::vector<ChildPlan> children = PlanSuite(StateLayout("/s"), options);
  ASSERT_EQ(children.size(), 5u);
  EXPECT_EQ(children[4].name, "advisor");
  EXPECT_EQ(children[4].address, "127.0.0.1:105");
  EXPECT_THAT(children[4].args,
              ElementsAre("--listen", "127.0.0.1:105", "--announce", "/s/announced/advisor.json",
                          "--log-level", "info", "--exit-with-parent", "7", "--database", "/s/advisor.db",
                          "--artefacts", "/s/artefacts", "--optimizer", "127.0.0.1:101", "--preprocessing",
                          "127.0.0.1:102", "--trainer", "127.0.0.1:103,127.0.0.1:104"));
  EXPECT_THAT(children[2].args, Contains("127.0.0.1:101"));
  EXPECT_EQ(children[2].binary, "sda-trainer-worker");
}

TEST(PlanSuiteTest, TheAdvisorStopsFirstAndTheOptimizerLast) {
  SuiteOptions options;
  options.ports = {1, 2, 3, 4};
  const std::vector<ChildPlan> children = PlanSuite(StateLayout("/s"), options);
  for (const ChildPlan& child : children) {
    EXPECT_GE(child.stop_rank, children.back().stop_rank) << child.name;
    EXPECT_LE(child.stop_rank, children.front().stop_rank) << child.name;
  }
}

}  // namespace
}  // namespace sda::cli
