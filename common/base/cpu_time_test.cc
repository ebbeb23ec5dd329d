#include "common/base/cpu_time.h"

#include <thread>

#include <gtest/gtest.h>

namespace sda {
namespace {

void Spend(double seconds) {
  const double end = ThreadSeconds() + seconds;
  while (ThreadSeconds() < end) {
  }
}

TEST(CpuTimeTest, OfAThreadCountsOnlyTheCallingOneAndOfTheProcessAll) {
  constexpr double kSpent = 0.02;
  const double begin = ThreadSeconds(), process_begin = ProcessSeconds();
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
  EXPECT_GE(ProcessSeconds() - process_begin, 2 * kSpent);
}

}  // namespace
}  // namespace sda
