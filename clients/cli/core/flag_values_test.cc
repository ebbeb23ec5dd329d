#include "clients/cli/core/flag_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FlagValuesTest, IntNamesOptionValueAndRule) {
  EXPECT_EQ(*ParseIntFlag("--budget", "8", 1, 1000000), 8);
  for (const char* bad : {"0", "-3", "8.5", "eight", "", " 8", "1000001", "99999999999999999999"}) {
    const auto value = ParseIntFlag("--budget", bad, 1, 1000000);
    ASSERT_FALSE(value.ok()) << bad;
    EXPECT_THAT(std::string(value.status().message()),
                HasSubstr(std::string("--budget: '") + bad + "' is not a whole number from 1 to 1000000"));
  }
}

TEST(FlagValuesTest, DoubleRefusesWhatIsNotFinite) {
  EXPECT_EQ(*ParseDoubleFlag("--split", "0.25", 0, 0.9), 0.25);
  for (const char* bad : {"nan", "inf", "-inf", "0.95", "-0.1", "x", ""}) {
    EXPECT_FALSE(ParseDoubleFlag("--split", bad, 0, 0.9).ok()) << bad;
  }
}

TEST(FlagValuesTest, ListKeepsEmptyPartsAndEscapedCommas) {
  EXPECT_THAT(SplitList(">50K,>50K."), ElementsAre(">50K", ">50K."));
  EXPECT_THAT(SplitList("NA,"), ElementsAre("NA", ""));
  EXPECT_THAT(SplitList(""), ElementsAre(""));
  EXPECT_THAT(SplitList("a\\,b,c\\\\"), ElementsAre("a,b", "c\\"));
}

TEST(FlagValuesTest, DelimiterKnowsWordsAndEscapes) {
  EXPECT_EQ(*ParseDelimiterFlag("--delimiter", "\\t"), "\t");
  EXPECT_EQ(*ParseDelimiterFlag("--delimiter", "tab"), "\t");
  EXPECT_EQ(*ParseDelimiterFlag("--delimiter", ", "), ", ");
  EXPECT_EQ(*ParseDelimiterFlag("--delimiter", "::"), "::");
  EXPECT_FALSE(ParseDelimiterFlag("--delimiter", "").ok());
  EXPECT_FALSE(ParseDelimiterFlag("--delimiter", "\n").ok());
  EXPECT_FALSE(ParseDelimiterFlag("--delimiter", "123456789").ok());
}

TEST(FlagValuesTest, NameMayLeaveOutItsCollection) {
  EXPECT_EQ(*ParseNameFlag("--resume", "runs", "runs/abc-1"), "runs/abc-1");
  EXPECT_EQ(*ParseNameFlag("--resume", "runs", "abc-1"), "runs/abc-1");
  for (const char* bad : {"", "runs/", "experiments/abc", "runs/Abc", "1abc", "runs/a/b"}) {
    EXPECT_FALSE(ParseNameFlag("--resume", "runs", bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace sda::cli
