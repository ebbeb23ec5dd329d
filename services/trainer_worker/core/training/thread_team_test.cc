#include "services/trainer_worker/core/training/thread_team.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/cpu_time.h"

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

TEST(ThreadTeamTest, InTurnsTheCallerDoesAllPartsAndUnits) {
  ThreadTeam team(3, ThreadTeam::InTurns{});
  std::vector<int> parts;
  team.Run([&](int part) { parts.push_back(part); });
  EXPECT_EQ(parts, (std::vector<int>{0, 1, 2}));
  std::vector<int64_t> units;
  team.RunUnits(5, [&](int, int64_t unit) { units.push_back(unit); });
  EXPECT_EQ(units, (std::vector<int64_t>{0, 1, 2, 3, 4}));
  EXPECT_THROW(team.Run([](int part) {
    if (part == 1) throw std::runtime_error("part 1");
  }),
               std::runtime_error);
}

// Spends so many seconds of this thread, or a little more, and adds them.
void Spend(double seconds, double& spent) {
  const double begin = ThreadSeconds();
  double now = begin;
  while (now < begin + seconds) now = ThreadSeconds();
  spent += now - begin;
}

TEST(ThreadTeamTest, InTurnsTheExcessIsAllButTheLongestPart) {
  ThreadTeam team(3, ThreadTeam::InTurns{});
  std::vector<double> busy(3, 0.0);
  team.Run([&](int part) { Spend(part == 1 ? 0.03 : 0.01, busy[part]); });
  EXPECT_NEAR(team.excess_seconds(), busy[0] + busy[2], 1e-3);
  // Units: the first part is busy with a long one while the second takes two.
  ThreadTeam pair(2, ThreadTeam::InTurns{});
  std::vector<double> shares(2, 0.0);
  pair.RunUnits(3, [&](int part, int64_t unit) { Spend(unit == 0 ? 0.1 : 0.01, shares[part]); });
  EXPECT_GE(shares[0], 0.1);
  EXPECT_GE(shares[1], 0.02);
  EXPECT_NEAR(pair.excess_seconds(), std::min(shares[0], shares[1]), 1e-3);
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
