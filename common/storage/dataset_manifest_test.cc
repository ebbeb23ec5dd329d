#include "common/storage/dataset_manifest.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/storage/list_cell.h"

namespace sda {
namespace {

using ::testing::HasSubstr;

DatasetManifest Example() {
  DatasetManifest manifest;
  manifest.name = "datasets/clicks";
  manifest.label_column = "click";
  manifest.positive_values = {">50K", ">50K."};
  ManifestColumn dense;
  dense.name = "I1";
  dense.role = ColumnRole::kDense;
  dense.dense = {.fill_value = 1.5, .log = true, .mean = 0.1, .scale = 2.25};
  dense.missing_rows = 3;
  dense.distinct_count = 7;
  dense.raw_min = -2;
  dense.raw_max = 1e9;
  dense.raw_mean = 0.1 + 0.2;
  dense.raw_stddev = 1.0 / 3;
  ManifestColumn all_missing;
  all_missing.name = "I2";
  ManifestColumn categorical;
  categorical.name = "C1 \"quoted\" ü";
  categorical.role = ColumnRole::kCategorical;
  categorical.table_rows = 12;
  categorical.frequency_threshold = 5;
  categorical.vocabulary_path = "vocabularies/C1.arrow";
  categorical.vocabulary_sha256 = "ab";
  manifest.columns = {dense, all_missing, categorical};
  manifest.splits["train"] = {
      .rows = 5,
      .positive_rows = 2,
      .shards = {{.path = "train/shard-00000.arrow", .rows = 3, .bytes = 100, .sha256 = "aa"},
                 {.path = "train/shard-00001.arrow", .rows = 2, .bytes = 80, .sha256 = "bb"}}};
  manifest.splits["validation"] = {};
  manifest.splits["test"] = {
      .rows = 1,
      .positive_rows = 0,
      .shards = {{.path = "test/shard-00000.arrow", .rows = 1, .bytes = 50, .sha256 = "cc"}}};
  manifest.options_json = R"({"seed":1,"label":"click"})";
  manifest.provenance_json = R"({"threads":2})";
  manifest.digest = ComputeDatasetDigest(manifest);
  return manifest;
}

// The text with the first occurrence of `from` replaced.
std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string MessageFor(const std::string& json) {
  const auto manifest = ManifestFromJson(json, "d/manifest.json");
  EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(manifest.status().message());
}

TEST(DatasetManifestTest, SurvivesJsonBitForBit) {
  const DatasetManifest manifest = Example();
  const auto read = ManifestFromJson(ManifestToJson(manifest), "manifest.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, manifest);
  EXPECT_EQ(ManifestToJson(*read), ManifestToJson(manifest));
}

TEST(DatasetManifestTest, TextEndsWithANewlineAndKeepsOptionOrder) {
  const std::string json = ManifestToJson(Example());
  EXPECT_EQ(json.back(), '\n');
  EXPECT_LT(json.find("\"seed\""), json.find("\"label\":"));
}

TEST(DatasetManifestTest, UnknownKeyIsNamedWithItsPath) {
  const std::string json =
      Replaced(ManifestToJson(Example()), "\"log\": true", "\"log\": true, \"sqrt\": true");
  EXPECT_EQ(MessageFor(json), "d/manifest.json: columns[0].transform.sqrt: is not a known key");
}

TEST(DatasetManifestTest, MissingKeyIsNamed) {
  EXPECT_EQ(MessageFor(Replaced(ManifestToJson(Example()), "\"digest\"", "\"digests\"")),
            "d/manifest.json: digest: is missing");
}

TEST(DatasetManifestTest, WrongTypesAreNamedWithValueAndRule) {
  const std::string json = ManifestToJson(Example());
  EXPECT_EQ(MessageFor(Replaced(json, "\"table_rows\": 12", "\"table_rows\": \"12\"")),
            "d/manifest.json: columns[2].table_rows: is \"12\"; must be a 64-bit integer");
  EXPECT_EQ(MessageFor(Replaced(json, "\"table_rows\": 12", "\"table_rows\": 1.5")),
            "d/manifest.json: columns[2].table_rows: is 1.5; must be a 64-bit integer");
  EXPECT_EQ(MessageFor(Replaced(json, "\"table_rows\": 12", "\"table_rows\": 18446744073709551615")),
            "d/manifest.json: columns[2].table_rows: is 18446744073709551615; must be a 64-bit integer");
  EXPECT_EQ(MessageFor(Replaced(json, "\"log\": true", "\"log\": 1")),
            "d/manifest.json: columns[0].transform.log: is 1; must be a boolean");
  EXPECT_THAT(MessageFor("[]"), HasSubstr("document: is array; must be an object"));
  EXPECT_THAT(MessageFor("{"), HasSubstr("is not valid JSON"));
}

TEST(DatasetManifestTest, ValuesOutOfRangeAreRefused) {
  const std::string json = ManifestToJson(Example());
  EXPECT_THAT(MessageFor(Replaced(json, "\"scale\": 2.25", "\"scale\": 0")),
              HasSubstr("scale: is 0; must be above 0"));
  EXPECT_THAT(MessageFor(Replaced(json, "\"table_rows\": 12", "\"table_rows\": 1")),
              HasSubstr("must be at least 2"));
  EXPECT_THAT(MessageFor(Replaced(json, "\"positive_rows\": 2", "\"positive_rows\": 6")),
              HasSubstr("at most rows"));
  EXPECT_THAT(MessageFor(Replaced(json, "\"rows\": 5", "\"rows\": 6")), HasSubstr("sum over the shards, 5"));
  EXPECT_THAT(MessageFor(Replaced(json, "\"name\": \"I2\"", "\"name\": \"I1\"")),
              HasSubstr("must be unique"));
  EXPECT_THAT(MessageFor(Replaced(json, "\"format_version\": 1", "\"format_version\": 2")),
              HasSubstr("reads 1"));
}

TEST(DatasetManifestTest, ListsAreAKeyOfTheirColumnsAlone) {
  DatasetManifest manifest = Example();
  EXPECT_EQ(ManifestToJson(manifest).find("list_"), std::string::npos);
  manifest.columns[2].list_separator = "|";
  manifest.columns[2].list_max_values = 20;
  EXPECT_NE(ComputeDatasetDigest(manifest), manifest.digest);
  manifest.digest = ComputeDatasetDigest(manifest);
  const std::string json = ManifestToJson(manifest);
  const auto read = ManifestFromJson(json, "manifest.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, manifest);
  EXPECT_THAT(MessageFor(Replaced(json, "\"list_separator\": \"|\"", "\"list_separator\": \"\"")),
              HasSubstr("columns[2].list_separator: is empty"));
  EXPECT_THAT(MessageFor(Replaced(json, "\"list_max_values\": 20", "\"list_max_values\": -1")),
              HasSubstr("columns[2].list_max_values: is -1"));
}

TEST(DatasetManifestTest, AWeightColumnIsAKeyWhereThereIsOne) {
  DatasetManifest manifest = Example();
  EXPECT_EQ(ManifestToJson(manifest).find("weight_column"), std::string::npos);
  manifest.weight_column = "importance";
  EXPECT_NE(ComputeDatasetDigest(manifest), manifest.digest);
  const auto read = ManifestFromJson(ManifestToJson(manifest), "manifest.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, manifest);
}

TEST(DatasetManifestTest, BinaryShardsNeedTheColumnsOfTheFormat) {
  DatasetManifest manifest = Example();
  EXPECT_EQ(ManifestToJson(manifest).find("shard_format"), std::string::npos);
  manifest.shard_format = ShardFormat::kMlperfBinary;
  manifest.max_ind_range = 10'000'000;
  EXPECT_THAT(MessageFor(ManifestToJson(manifest)), HasSubstr("columns: are 2 dense and 1 categorical ones"));
  manifest.columns.clear();
  for (int64_t i = 0; i < kMlperfDenseColumns + kMlperfTables; ++i) {
    ManifestColumn& column = manifest.columns.emplace_back();
    column.name = std::to_string(i);
    if (i >= kMlperfDenseColumns) column.role = ColumnRole::kCategorical, column.table_rows = 1;
  }
  manifest.splits["test"].shards[0] = {
      .path = "/data/day_23.bin", .rows = 1, .bytes = 160, .sha256 = "dd", .first_row = 89137319};
  const auto read = ManifestFromJson(ManifestToJson(manifest), "manifest.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, manifest);
  EXPECT_THAT(MessageFor(Replaced(ManifestToJson(manifest), "mlperf_binary", "tfrecord")),
              HasSubstr("shard_format: is \"tfrecord\""));
}

TEST(ListCellTest, KeepsTheFirstValuesThatAreNotMissing) {
  const auto values_of = [](std::string_view cell, std::string_view separator, int64_t most) {
    std::vector<std::string> values;
    const auto missing = [](std::string_view value) { return value.empty() || value == "NULL"; };
    const int64_t count = ForEachListValue(cell, separator, most, missing,
                                           [&](std::string_view value) { values.emplace_back(value); });
    EXPECT_EQ(count, static_cast<int64_t>(values.size()));
    return values;
  };
  using ::testing::ElementsAre;
  using ::testing::IsEmpty;
  EXPECT_THAT(values_of("a|b|a", "|", 0), ElementsAre("a", "b", "a"));
  EXPECT_THAT(values_of("a", "|", 0), ElementsAre("a"));
  EXPECT_THAT(values_of("|a||NULL|b|", "|", 0), ElementsAre("a", "b"));
  EXPECT_THAT(values_of("|a||NULL|b|", "|", 1), ElementsAre("a"));
  EXPECT_THAT(values_of("a, b,c", ", ", 0), ElementsAre("a", "b,c"));
  EXPECT_THAT(values_of("", "|", 0), IsEmpty());
  EXPECT_THAT(values_of("NULL", "|", 0), IsEmpty());
  EXPECT_THAT(values_of("||", "|", 2), IsEmpty());
}

TEST(DatasetManifestTest, DigestCoversContent) {
  const DatasetManifest manifest = Example();
  const std::string digest = ComputeDatasetDigest(manifest);
  auto changed = [&](auto change) {
    DatasetManifest other = manifest;
    change(other);
    return ComputeDatasetDigest(other) != digest;
  };
  EXPECT_TRUE(changed([](auto& m) { m.columns[0].name = "I9"; }));
  EXPECT_TRUE(changed([](auto& m) { m.columns[0].dense.mean = std::nextafter(0.1, 1.0); }));
  EXPECT_TRUE(changed([](auto& m) { m.columns[2].vocabulary_sha256 = "ac"; }));
  EXPECT_TRUE(changed([](auto& m) { m.splits["train"].shards[1].sha256 = "bc"; }));
  EXPECT_TRUE(changed([](auto& m) { m.positive_values.pop_back(); }));
}

TEST(DatasetManifestTest, DigestIgnoresNameProvenanceAndPlaces) {
  const DatasetManifest manifest = Example();
  DatasetManifest other = manifest;
  other.name = "datasets/other";
  other.provenance_json = R"({"threads":8})";
  other.options_json = R"({"seed":1})";
  other.splits["train"].shards[0].path = "elsewhere";
  EXPECT_EQ(ComputeDatasetDigest(other), manifest.digest);
}

}  // namespace
}  // namespace sda
