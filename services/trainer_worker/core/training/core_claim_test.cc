#include "services/trainer_worker/core/training/core_claim.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "services/trainer_worker/core/training/thread_team.h"

#if defined(__linux__)
#include <sched.h>

namespace sda::trainer {
namespace {

std::vector<int> CoresOfThisThread() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  EXPECT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask)) cores.push_back(core);
  }
  return cores;
}

class CoreClaimTest : public testing::Test {
 protected:
  CoreClaimTest() { SetThreadPinning(true); }
  ~CoreClaimTest() override { SetThreadPinning(false); }
  const std::vector<int> cores_ = CoresOfThisThread();
  const int all_ = static_cast<int>(cores_.size());
};

TEST_F(CoreClaimTest, NoCoreIsGivenTwiceUntilItIsFree) {
  std::vector<int> given;
  {
    std::vector<CoreClaim> claims;
    for (int i = 0; i < all_; ++i) {
      claims.push_back(CoreClaim::Take(1));
      ASSERT_EQ(claims.back().cores().size(), 1u);
      given.push_back(claims.back().cores()[0]);
    }
    EXPECT_TRUE(CoreClaim::Take(1).cores().empty());
  }
  std::sort(given.begin(), given.end());
  EXPECT_EQ(given, cores_);
  EXPECT_EQ(CoreClaim::Take(all_).cores(), cores_);
}

TEST_F(CoreClaimTest, AllOrNothing) {
  const CoreClaim one = CoreClaim::Take(1);
  EXPECT_TRUE(CoreClaim::Take(all_).cores().empty());
  EXPECT_TRUE(CoreClaim::Take(all_ + 1).cores().empty());
  EXPECT_TRUE(CoreClaim::Take(0).cores().empty());
}

TEST_F(CoreClaimTest, OffUnlessSwitchedOn) {
  SetThreadPinning(false);
  EXPECT_TRUE(CoreClaim::Take(1).cores().empty());
}

TEST_F(CoreClaimTest, AMovedClaimHoldsItsCoreOnce) {
  CoreClaim first = CoreClaim::Take(all_);
  const CoreClaim second = std::move(first);
  first = CoreClaim();
  EXPECT_TRUE(CoreClaim::Take(1).cores().empty());
}

TEST_F(CoreClaimTest, ThreadsOfATeamStayOnCoresOfTheirOwn) {
  {
    ThreadTeam team(all_);
    ASSERT_TRUE(team.pinned());
    std::vector<std::vector<int>> cores(all_);
    team.Run([&](int part) { cores[part] = CoresOfThisThread(); });
    std::vector<int> together;
    for (const auto& of_thread : cores) {
      ASSERT_EQ(of_thread.size(), 1u);
      together.push_back(of_thread[0]);
    }
    EXPECT_EQ(together, cores_);
    // A second team finds no core left and runs where it can.
    std::thread other([&] {
      UnpinThisThread();
      ThreadTeam unpinned(1);
      EXPECT_FALSE(unpinned.pinned());
      unpinned.Run([&](int) { EXPECT_EQ(CoresOfThisThread(), cores_); });
    });
    other.join();
  }
  EXPECT_EQ(CoresOfThisThread(), cores_);
}

}  // namespace
}  // namespace sda::trainer

#endif
