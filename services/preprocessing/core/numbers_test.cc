#include "common/base/numbers.h"

#include <gtest/gtest.h>

namespace sda::preprocessing {
namespace {

TEST(NumbersTest, DecimalNumbersAreRead) {
  EXPECT_EQ(ParseNumber("-3"), -3.0);
  EXPECT_EQ(ParseNumber("+1.5e3"), 1500.0);
  EXPECT_EQ(ParseNumber(".5"), 0.5);
  EXPECT_EQ(ParseNumber("  42 "), 42.0);
  EXPECT_EQ(ParseNumber("0.1"), 0.1);
}

TEST(NumbersTest, EverythingElseIsRefused) {
  for (const char* text : {"", " ", "abc", "1x", "0x10", "nan", "NaN", "inf", "-Infinity", "1e999", "+-1",
                           "--1", "1 2", "1,5", "1e", "-"}) {
    EXPECT_EQ(ParseNumber(text), std::nullopt) << text;
  }
}

TEST(NumbersTest, IntegersKeepAllDigits) {
  EXPECT_EQ(ParseInteger("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(ParseInteger("9223372036854775808"), std::nullopt);
  EXPECT_EQ(ParseInteger("1.0"), std::nullopt);
  EXPECT_EQ(ParseInteger(""), std::nullopt);
}

TEST(NumbersTest, TimesAreSecondsSince1970) {
  EXPECT_EQ(ParseTime("1970-01-02"), 86400.0);
  EXPECT_EQ(ParseTime("1970-01-01T00:01:00Z"), 60.0);
  EXPECT_EQ(ParseTime("1970-01-01 02:00:00+02:00"), 0.0);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00.25-0030"), 1800.25);
  EXPECT_EQ(ParseTime("2014-10-21T09:30"), 1413883800.0);
  EXPECT_EQ(ParseTime("14102100"), 14102100.0);
}

TEST(NumbersTest, ImpossibleTimesAreRefused) {
  for (const char* text : {"2014-13-01", "2014-02-30", "2014-1-1", "2014-01-01T25:00", "2014-01-01T10:00:00.",
                           "today", "2014-01-01x", "2014-01-01T10:00+99:00"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(NumbersTest, TextReadsBackAsTheSameNumber) {
  for (const double value : {0.1, 1e300, -2.5, 1.0 / 3}) EXPECT_EQ(ParseNumber(NumberToText(value)), value);
}

}  // namespace
}  // namespace sda::preprocessing
