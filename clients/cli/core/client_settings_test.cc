#include "clients/cli/core/client_settings.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::HasSubstr;

TEST(ClientSettingsTest, OptionBeatsEnvironmentBeatsFile) {
  ClientSettings given;
  given.advisor = "option:1";
  ClientSettings file;
  file.advisor = "file:1";
  file.optimizer = "file:2";
  file.token_file = "file/token";
  const std::map<std::string, std::string> variables = {
      {"SDA_ADVISOR", "env:1"}, {"SDA_OPTIMIZER", "env:2"}, {"SDA_TOKEN_FILE", "/env/token"}};
  const ClientSettings merged = MergeSettings(
      given,
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      file);
  EXPECT_EQ(merged.advisor, "option:1");
  EXPECT_EQ(merged.optimizer, "env:2");
  EXPECT_EQ(merged.token_file, "/env/token");
  EXPECT_EQ(merged.trainer, std::nullopt);
}

TEST(ClientSettingsTest, FileCountsPathsFromItsFolder) {
  const auto settings = ParseClientFile("/etc/sda/client.yaml", "/etc/sda",
                                        "advisor: sda.example:443\nca: ca.pem\nkey: /keys/me.pem\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->advisor, "sda.example:443");
  EXPECT_EQ(settings->ca, "/etc/sda/ca.pem");
  EXPECT_EQ(settings->key, "/keys/me.pem");
  EXPECT_TRUE(ParseClientFile("f", "/", "").ok());
}

TEST(ClientSettingsTest, FileErrorsNameThePlace) {
  const auto error_of = [](const char* yaml) {
    return std::string(ParseClientFile("client.yaml", "/", yaml).status().message());
  };
  EXPECT_THAT(error_of("advisor: a:1\nadviser: b:1\n"),
              HasSubstr("client.yaml:2:1: adviser: is not a setting; allowed are advisor"));
  EXPECT_THAT(error_of("ca: [a]\n"), HasSubstr("client.yaml:1:5: ca: must be a text"));
  EXPECT_THAT(error_of("- a\n"), HasSubstr("must be a mapping"));
  EXPECT_THAT(error_of("a: [\n"), HasSubstr("is not YAML"));
}

}  // namespace
}  // namespace sda::cli
