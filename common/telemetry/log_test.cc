#include "common/telemetry/log.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sda::log {
namespace {

std::string Format(std::string_view message, std::vector<Field> fields) {
  return FormatLine("2026-01-02T03:04:05.000000Z", Level::kWarning, "optimizer", message, fields);
}

TEST(LogTest, LineIsOneJsonObjectInFixedOrder) {
  EXPECT_EQ(Format("call", {{"method", "GetTrial"}, {"seconds", 0.5}, {"rows", 7}, {"ok", true}}),
            "{\"time\":\"2026-01-02T03:04:05.000000Z\",\"level\":\"warning\",\"service\":\"optimizer\","
            "\"message\":\"call\","
            "\"method\":\"GetTrial\",\"seconds\":0.5,\"rows\":7,\"ok\":true}");
}

TEST(LogTest, TextThatWouldBreakALineIsEscaped) {
  const std::string nasty = "line\nbreak \"quote\" back\\slash \t \x01 nul" + std::string(1, '\0') + "!";
  const std::string line = Format(nasty, {{"value", nasty}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["message"], nasty);
  EXPECT_EQ(json["value"], nasty);
}

TEST(LogTest, InvalidUtf8IsRepaired) {
  const auto json = nlohmann::json::parse(Format("a\xff", {{"value", "\xc3"}}));
  EXPECT_EQ(json["message"], "a\xef\xbf\xbd");
  EXPECT_EQ(json["value"], "\xef\xbf\xbd");
}

TEST(LogTest, NumbersThatAreNotFiniteBecomeNull) {
  const auto json = nlohmann::json::parse(Format("x", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                                                       {"inf", std::numeric_limits<double>::infinity()}}));
  EXPECT_TRUE(json["nan"].is_null());
  EXPECT_TRUE(json["inf"].is_null());
}

TEST(LogTest, LevelsHaveNames) {
  for (Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    EXPECT_EQ(ParseLevel(LevelName(level)), level);
  }
  EXPECT_EQ(ParseLevel("loud"), std::nullopt);
}

TEST(LogTest, LevelsBelowTheLowestAreNotWritten) {
  Configure("test", Level::kWarning);
  ::testing::internal::CaptureStderr();
  Info("quiet");
  Warning("loud", {{"key", "value"}});
  Flush();
  const std::string out = ::testing::internal::GetCapturedStderr();
  Configure("", Level::kInfo);
  EXPECT_EQ(out.find("quiet"), std::string::npos);
  EXPECT_THAT(out, ::testing::EndsWith("\"service\":\"test\",\"message\":\"loud\",\"key\":\"value\"}\n"));
}

}  // namespace
}  // namespace sda::log
