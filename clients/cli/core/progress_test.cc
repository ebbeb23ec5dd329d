#include "clients/cli/core/progress.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace sda::cli {
namespace {

ProgressView Tuning(int64_t done) {
  ProgressView view;
  view.step = 3;
  view.steps = 4;
  view.what = "tune";
  view.done = done;
  view.total = 8;
  view.unit = "trials";
  return view;
}

long Characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; });
}

TEST(ProgressTest, BarIsExactToAnEighthOfACell) {
  ProgressView view = Tuning(4);
  view.remaining_seconds = 12;
  view.note = "best auc 0.73";
  EXPECT_EQ(RenderBar(view, 120),
            "[3/4] tune  ████████████░░░░░░░░░░░░  4/8 trials  12s left  best auc 0.73");
  view.total = 9;
  EXPECT_EQ(RenderBar(view, 120),
            "[3/4] tune  ██████████▋░░░░░░░░░░░░░  4/9 trials  12s left  best auc 0.73");
}

TEST(ProgressTest, BarNeverExceedsTheTerminal) {
  ProgressView view = Tuning(100);  // more than all
  view.note = std::string(200, 'x');
  for (int width : {20, 69, 70, 80, 200}) EXPECT_LE(Characters(RenderBar(view, width)), width);
}

TEST(ProgressTest, LineSaysTheSameWithoutABar) {
  ProgressView view = Tuning(5);
  view.remaining_seconds = 90;
  EXPECT_EQ(RenderLine(view), "[3/4] tune: 5/8 trials (62%), 1m30s left");
  view = {};
  view.what = "encode";
  EXPECT_EQ(RenderLine(view), "encode");
  view.done = 12345;
  view.unit = "rows";
  EXPECT_EQ(RenderLine(view), "encode: 12,345 rows");
}

TEST(ProgressTest, ThrottlePrintsStepsNotesTenthsAndLifeSigns) {
  LineThrottle throttle;
  ProgressView view = Tuning(0);
  view.total = 1000;
  EXPECT_TRUE(throttle.ShouldPrint(view, absl::Seconds(0)));
  EXPECT_FALSE(throttle.ShouldPrint(view, absl::Seconds(100)));  // nothing moved
  view.done = 50;
  EXPECT_FALSE(throttle.ShouldPrint(view, absl::Seconds(1)));
  view.done = 100;
  EXPECT_TRUE(throttle.ShouldPrint(view, absl::Seconds(2)));
  view.done = 110;
  EXPECT_FALSE(throttle.ShouldPrint(view, absl::Seconds(16)));
  EXPECT_TRUE(throttle.ShouldPrint(view, absl::Seconds(17)));
  view.note = "waiting for the optimizer";
  EXPECT_TRUE(throttle.ShouldPrint(view, absl::Seconds(17)));
  view.step = 4;
  EXPECT_TRUE(throttle.ShouldPrint(view, absl::Seconds(17)));
}

}  // namespace
}  // namespace sda::cli
