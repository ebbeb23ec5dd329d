#include "common/base/ids.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda {
namespace {

using ::testing::MatchesRegex;

TEST(IdsTest, UuidIsOfVersionFour) {
  EXPECT_THAT(NewUuid(), MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(IdsTest, UuidsDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(NewUuid());
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(IdsTest, UlidsSortByTime) {
  const absl::Time time = absl::FromUnixMillis(1'700'000'000'000);
  const std::string earlier = NewUlid(time);
  const std::string later = NewUlid(time + absl::Milliseconds(1));
  EXPECT_THAT(earlier, MatchesRegex("[0-9a-z]{26}"));
  EXPECT_LT(earlier, later);
  EXPECT_NE(NewUlid(time), NewUlid(time));
}

TEST(IdsTest, UlidBeginsWithItsTime) {
  EXPECT_EQ(NewUlid(absl::FromUnixMillis(0)).substr(0, 10), "0000000000");
  EXPECT_EQ(NewUlid(absl::FromUnixMillis(33)).substr(0, 10), "0000000011");
  EXPECT_EQ(NewUlid(absl::FromUnixMillis((int64_t{1} << 48) - 1)).substr(0, 10), "7zzzzzzzzz");
  EXPECT_EQ(NewUlid(absl::FromUnixMillis(-5)).substr(0, 10), "0000000000");
}

}  // namespace
}  // namespace sda
