#include "common/base/utf8.h"

#include <gtest/gtest.h>

namespace sda {
namespace {

constexpr char kReplacement[] = "\xef\xbf\xbd";

TEST(Utf8Test, ValidTextStays) {
  for (const char* text :
       {"", "plain", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(ToValidUtf8(text), text);
  }
}

TEST(Utf8Test, EachInvalidByteIsReplaced) {
  const std::string r = kReplacement;
  EXPECT_EQ(ToValidUtf8("a\xff\x62"), "a" + r + "b");
  EXPECT_EQ(ToValidUtf8("\xc3"), r);                          // cut off
  EXPECT_EQ(ToValidUtf8("\xe2\x82"), r + r);                  // cut off
  EXPECT_EQ(ToValidUtf8("\xc0\xaf"), r + r);                  // overlong
  EXPECT_EQ(ToValidUtf8("\xe0\x80\xaf"), r + r + r);          // overlong
  EXPECT_EQ(ToValidUtf8("\xf0\x80\x80\xaf"), r + r + r + r);  // overlong
  EXPECT_EQ(ToValidUtf8("\xed\xa0\x80"), r + r + r);          // surrogate
  EXPECT_EQ(ToValidUtf8("\xf4\x90\x80\x80"), r + r + r + r);  // above U+10FFFF
  EXPECT_EQ(ToValidUtf8("\x80x"), r + "x");                   // continuation first
}

TEST(Utf8Test, TruncationDoesNotCutCharacters) {
  EXPECT_EQ(TruncateUtf8("abc", 3), "abc");
  EXPECT_EQ(TruncateUtf8("abcdef", 5), "ab\xe2\x80\xa6");
  // Four euro signs of three bytes: eight bytes leave room for one and the ellipsis.
  EXPECT_EQ(TruncateUtf8("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 8), "\xe2\x82\xac\xe2\x80\xa6");
  for (size_t limit = 3; limit < 12; ++limit) {
    const std::string cut = TruncateUtf8("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80", limit);
    EXPECT_LE(cut.size(), limit);
    EXPECT_EQ(ToValidUtf8(cut), cut) << limit;
  }
}

}  // namespace
}  // namespace sda
