#include "clients/cli/process/state_lock.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sda::cli {
namespace {

using ::testing::HasSubstr;

class StateLockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sda_state_lock_XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(StateLockTest, SecondOwnerIsToldOfTheFirst) {
  const StateLayout layout(folder_ + "/made/here");
  EXPECT_FALSE(StateLock::IsHeld(layout));
  const auto first = StateLock::Acquire(layout, "sda local");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(StateLock::IsHeld(layout));
  const auto second = StateLock::Acquire(layout, "sda run");
  ASSERT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("is in use by `sda local` (process " + std::to_string(getpid()) + ")"));
}

TEST_F(StateLockTest, ReleasedOnDestruction) {
  const StateLayout layout(folder_);
  { const auto lock = StateLock::Acquire(layout, "sda local"); }
  EXPECT_FALSE(StateLock::IsHeld(layout));
  EXPECT_TRUE(StateLock::Acquire(layout, "sda local").ok());
}

TEST_F(StateLockTest, ProbingDoesNotDisturbAnOwnerThatComes) {
  const StateLayout layout(folder_);
  { const auto lock = StateLock::Acquire(layout, "sda local"); }
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(StateLock::IsHeld(layout));
    EXPECT_TRUE(StateLock::Acquire(layout, "sda local").ok());
  }
}

TEST_F(StateLockTest, ChildrenOfADeadOwnerAreWaitedFor) {
  const StateLayout layout(folder_);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    const auto lock = StateLock::Acquire(layout, "sda run");
    if (fork() == 0) {     // shares the lock, outlives the owner by a moment
      usleep(300 * 1000);  // layering-allow: stands for work that outlives its owner
      _exit(0);
    }
    [[maybe_unused]] const ssize_t written = write(ready[1], lock.ok() ? "y" : "n", 1);
    _exit(0);
  }
  char got = 0;
  ASSERT_EQ(read(ready[0], &got, 1), 1);
  ASSERT_EQ(got, 'y');
  waitpid(owner, nullptr, 0);
  const auto lock = StateLock::Acquire(layout, "sda local");
  EXPECT_TRUE(lock.ok()) << lock.status();
}

}  // namespace
}  // namespace sda::cli
