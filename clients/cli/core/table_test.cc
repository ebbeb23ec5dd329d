#include "clients/cli/core/table.h"

#include <cmath>

#include <gtest/gtest.h>

namespace sda::cli {
namespace {

TEST(TableTest, NumbersToTheRightWordsToTheLeft) {
  Table table({"trial", "state", "auc"});
  table.AddRow({"1", "SUCCEEDED", "0.71"});
  table.AddRow({"12", "FAILED", "-"});
  EXPECT_EQ(table.Render(),
            "trial  state       auc\n"
            "    1  SUCCEEDED  0.71\n"
            "   12  FAILED        -\n");
}

TEST(TableTest, WidthCountsCharactersAndControlCharactersDoNotBreakLines) {
  Table table({"a", "b"});
  table.AddRow({"ü", "x\ny"});
  table.AddRow({"uv"});
  EXPECT_EQ(table.Render(), "a   b\nü   x y\nuv\n");
}

TEST(TableTest, NumbersAsPeopleReadThem) {
  EXPECT_EQ(FormatNumber(3), "3");
  EXPECT_EQ(FormatNumber(0.7123456789), "0.712346");
  EXPECT_EQ(FormatNumber(1e-5), "1e-05");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(-1000), "-1,000");
}

TEST(TableTest, SecondsGrowCoarser) {
  EXPECT_EQ(FormatSeconds(0.84), "0.8s");
  EXPECT_EQ(FormatSeconds(9.99), "10s");
  EXPECT_EQ(FormatSeconds(59.7), "1m00s");
  EXPECT_EQ(FormatSeconds(185), "3m05s");
  EXPECT_EQ(FormatSeconds(7620), "2h07m");
  EXPECT_EQ(FormatSeconds(std::nan("")), "-");
}

}  // namespace
}  // namespace sda::cli
