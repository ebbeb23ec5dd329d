#include "common/base/thread_clock.h"

#include <thread>

#include <gtest/gtest.h>

namespace sda {
namespace {

void Spend(double seconds) {
  const double end = ThreadSeconds() + seconds;
  while (ThreadSeconds() < end) {
  }
}

TEST(ThreadClockTest, CountsOnlyTheCallingThread) {
  constexpr double kSpent = 0.02;
  const double begin = ThreadSeconds();
  double others = 0;
  std::thread other([&] {
    Spend(kSpent);
    others = ThreadSeconds();
  });
  other.join();
  EXPECT_GE(others, kSpent);
  EXPECT_LT(ThreadSeconds() - begin, kSpent);
  Spend(kSpent);
  EXPECT_GE(ThreadSeconds() - begin, kSpent);
}

}  // namespace
}  // namespace sda
