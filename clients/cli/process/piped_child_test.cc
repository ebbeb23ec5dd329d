#include "clients/cli/process/piped_child.h"

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PipedChildTest, LinesComeWholeAndTheEndIsTold) {
  std::vector<std::string> lines;
  const auto end = RunPiped("/bin/sh", {"-c", "echo one; echo two >&2; printf 'three'; exit 3"}, {},
                            [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_EQ(end.value(), "ended with exit code 3");
  EXPECT_THAT(lines, ElementsAre("one", "two", "three"));
  EXPECT_EQ(RunPiped("/bin/sh", {"-c", "exit 0"}, {}, [](std::string_view) {}).value(), kEndedWell);
  EXPECT_FALSE(RunPiped("/no/such/program", {}, {}, [](std::string_view) {}).ok());
}

TEST(PipedChildTest, AStopEndsTheProgramAndItsChildren) {
  std::stop_source stop;
  const auto end = RunPiped("/bin/sh", {"-c", "echo ready; tail -f /dev/null"}, stop.get_token(),
                            [&](std::string_view) { stop.request_stop(); });
  EXPECT_THAT(end.value(), HasSubstr("signal 15"));
}

}  // namespace
}  // namespace sda::cli
