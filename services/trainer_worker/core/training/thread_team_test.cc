#include "services/trainer_worker/core/training/thread_team.h"

#include <vector>

#include <gtest/gtest.h>

namespace sda::trainer {
namespace {

TEST(ThreadTeamTest, EachThreadRunsOncePerRound) {
  ThreadTeam team(4);
  std::vector<int> runs(4, 0);
  for (int round = 1; round <= 200; ++round) {
    team.Run([&](int thread) { ++runs[thread]; });
    for (int count : runs) ASSERT_EQ(count, round);
  }
}

TEST(ThreadTeamTest, WritesOfARoundAreSeenInTheNext) {
  ThreadTeam team(3);
  std::vector<int> values(3, 0);
  for (int round = 0; round < 100; ++round) {
    team.Run([&](int thread) { values[thread] = round; });
    team.Run([&](int thread) { EXPECT_EQ(values[(thread + 1) % 3], round); });
  }
}

TEST(ThreadTeamTest, EachUnitIsDoneOnce) {
  ThreadTeam team(3);
  for (int64_t units : {0, 1, 2, 3, 100}) {
    std::vector<int> done(units, 0);
    std::vector<int64_t> by_part(3, 0);
    team.RunUnits(units, [&](int part, int64_t unit) {
      ++done[unit];
      ++by_part[part];
    });
    EXPECT_EQ(done, std::vector<int>(units, 1));
    EXPECT_EQ(by_part[0] + by_part[1] + by_part[2], units);
  }
}

TEST(ThreadTeamTest, SharesCoverEverythingOnce) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadTeam team(threads);
    for (int64_t total : {0, 1, 5, 100}) {
      int64_t next = 0;
      for (int thread = 0; thread < threads; ++thread) {
        const auto [begin, end] = team.Range(total, thread);
        EXPECT_EQ(begin, next);
        next = end;
      }
      EXPECT_EQ(next, total);
    }
  }
}

}  // namespace
}  // namespace sda::trainer
