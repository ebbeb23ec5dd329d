#include "clients/cli/core/document.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace sda::cli {
namespace {

TEST(DocumentTest, YamlKeepsOrderAndNesting) {
  const Document document = Document::parse(
      R"({"b": 1, "a": {"x": [1, 2.5, null, true]}, "list": [{"k": "v", "inner": {"m": 1}}, [1, 2], []], "empty": {}})");
  EXPECT_EQ(ToYaml(document),
            "b: 1\n"
            "a:\n"
            "  x:\n"
            "  - 1\n"
            "  - 2.5\n"
            "  - null\n"
            "  - true\n"
            "list:\n"
            "- k: v\n"
            "  inner:\n"
            "    m: 1\n"
            "-\n"
            "  - 1\n"
            "  - 2\n"
            "- []\n"
            "empty: {}\n");
}

TEST(DocumentTest, YamlReadsBackEveryStringAsThatString) {
  for (const char* text :
       {"",           "plain", "true", "No",    "null",   "1",          "1e3", "0x10",      "- a",
        "a: b",       "a:",    "# c",  "a #b",  "x\ny\n", "x\ny",       "\n",  "tab\there", "\"quoted\"",
        "[512, 256]", "{a}",   ">50K", " lead", "trail ", "2024-01-01", "ü",   "a\n\nb\n",  "a\n\n",
        "&a",         "*a",    "!t",   "%p",    "@x",     "runs/a-1"}) {
    Document document;
    document["key"] = text;
    document["list"] = {text};
    const YAML::Node node = YAML::Load(ToYaml(document));
    EXPECT_EQ(node["key"].as<std::string>(), text) << ToYaml(document);
    EXPECT_EQ(node["list"][0].as<std::string>(), text) << ToYaml(document);
  }
}

TEST(DocumentTest, WordsThatYamlWouldReadOtherwiseAreQuoted) {
  Document document;
  document["v"] = {"true", "1", "no"};
  EXPECT_EQ(ToYaml(document), "v:\n- \"true\"\n- \"1\"\n- \"no\"\n");
}

TEST(DocumentTest, JsonSurvivesBadBytesAndNumbers) {
  Document document;
  document["text"] = "a\xff";
  document["number"] = std::nan("");
  EXPECT_EQ(ToJson(document), "{\n  \"text\": \"a\xEF\xBF\xBD\",\n  \"number\": null\n}\n");
}

TEST(DocumentTest, OutputFormatNamesTheOption) {
  EXPECT_EQ(*ParseOutputFormat("yaml"), OutputFormat::kYaml);
  EXPECT_THAT(std::string(ParseOutputFormat("xml").status().message()),
              ::testing::HasSubstr("--output: 'xml' is not one of table, json, yaml"));
}

}  // namespace
}  // namespace sda::cli
