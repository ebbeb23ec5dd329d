#include "services/preprocessing/core/schema_inference.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/testing.h"

namespace sda::preprocessing {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

absl::StatusOr<Schema> Infer(const DatasetSpec& spec) {
  const auto files = FindInputFiles(spec.data_uris);
  if (!files.ok()) return files.status();
  const auto layout = DetectLayout(*files, spec.format, spec.label);
  if (!layout.ok()) return layout.status();
  const auto sample = ReadSample(*files, *layout, MissingTest(NullTokens(spec.format)), kDefaultSampleRows);
  if (!sample.ok()) return sample.status();
  return InferSchema(layout->columns, *sample, spec);
}

// Roles by column name: d, c, i, l.
std::map<std::string, char> Roles(const absl::StatusOr<Schema>& schema) {
  std::map<std::string, char> roles;
  EXPECT_TRUE(schema.ok()) << schema.status();
  if (!schema.ok()) return roles;
  for (const Column& column : *schema) {
    roles[column.name] = "dcil"[static_cast<int>(column.role)];
    EXPECT_FALSE(column.reason.empty()) << column.name;
  }
  return roles;
}

class SchemaInferenceTest : public ::testing::Test {
 protected:
  // Roles of the columns of a table with 400 rows, written by `row`.
  template <class Row>
  std::map<std::string, char> RolesOf(const std::string& header, const Row& row) {
    std::string text = header + "\n";
    for (int i = 0; i < 400; ++i) text += row(i) + "\n";
    return Roles(Infer({.data_uris = {folder_.Write("t.csv", text)},
                        .format = {.header = FormatSpec::Header::kYes},
                        .label = "y"}));
  }

  TempFolder folder_;
};

std::string S(int64_t value) {
  return std::to_string(value);
}

TEST_F(SchemaInferenceTest, RolesFollowValues) {
  const auto roles = RolesOf("y,none,one,word,day,fraction,few,packed,sparse,zero,huge", [](int i) {
    return S(i % 2) + ",,7," + (i % 3 == 0 ? "red" : "blue") + ",2014-10-" + S(10 + i % 20) + "," + S(i) +
           ".5," + S(i % 4) + "," + S(1000 + i) + "," + S(i * i * 7 + 3) + ",0" + S(i) + "," +
           S(9'007'199'254'740'993 + i);
  });
  EXPECT_EQ(roles.at("y"), 'l');
  EXPECT_EQ(roles.at("none"), 'i');
  EXPECT_EQ(roles.at("one"), 'i');
  EXPECT_EQ(roles.at("word"), 'c');
  EXPECT_EQ(roles.at("day"), 'i');
  EXPECT_EQ(roles.at("fraction"), 'd');
  EXPECT_EQ(roles.at("few"), 'c');
  EXPECT_EQ(roles.at("packed"), 'c');
  EXPECT_EQ(roles.at("sparse"), 'd');
  EXPECT_EQ(roles.at("zero"), 'c');
  EXPECT_EQ(roles.at("huge"), 'c');
}

TEST_F(SchemaInferenceTest, RolesFollowNames) {
  const auto roles = RolesOf("y,userId,shop_hash,item_count,paid", [](int i) {
    const std::string number = S(i * i * 31 % 100'003);
    return S(i % 2) + "," + number + "," + number + "," + number + "," + number;
  });
  EXPECT_EQ(roles.at("userId"), 'c');
  EXPECT_EQ(roles.at("shop_hash"), 'c');
  EXPECT_EQ(roles.at("item_count"), 'd');
  EXPECT_EQ(roles.at("paid"), 'd');
}

TEST_F(SchemaInferenceTest, HashesThatLookLikeNumbersAreHashes) {
  const auto roles =
      RolesOf("y,h", [](int i) { return S(i % 2) + (i % 2 == 0 ? ",12e45678" : ",9876543" + S(i % 10)); });
  EXPECT_EQ(roles.at("h"), 'c');
}

TEST_F(SchemaInferenceTest, ChoicesWin) {
  const std::string file = folder_.Write("t.csv", "y,a,b\n0,1.5,x\n1,2.5,y\n");
  DatasetSpec spec{.data_uris = {file}, .label = "y"};
  spec.columns = {{.name = "a", .role = Role::kCategorical, .frequency_threshold = 9},
                  {.name = "b", .role = Role::kIgnored}};
  const auto schema = Infer(spec);
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ((*schema)[1].role, Role::kCategorical);
  EXPECT_EQ((*schema)[1].frequency_threshold, 9);
  EXPECT_EQ((*schema)[2].role, Role::kIgnored);

  spec.columns = {{.name = "zzz"}};
  EXPECT_THAT(std::string(Infer(spec).status().message()),
              HasSubstr("columns[0].name: there is no column \"zzz\""));
  spec.columns = {{.name = "y", .role = Role::kDense}};
  EXPECT_THAT(std::string(Infer(spec).status().message()), HasSubstr("columns[0].role: is not label"));
  spec.columns = {{.name = "a", .role = Role::kLabel}};
  EXPECT_THAT(std::string(Infer(spec).status().message()), HasSubstr("columns[0].role: is label"));
  spec.columns = {{.name = "y", .role = Role::kLabel}};
  EXPECT_EQ(Roles(Infer(spec)).at("y"), 'l');
}

TEST_F(SchemaInferenceTest, TheTimeColumnOfASplitIsIgnored) {
  const std::string file = folder_.Write("t.csv", "y,when,a\n0,5.5,1.5\n1,6.5,2.5\n");
  DatasetSpec spec{.data_uris = {file}, .label = "y"};
  spec.split = {.kind = SplitSpec::Kind::kTime, .column = "when"};
  EXPECT_EQ(Roles(Infer(spec)).at("when"), 'i');
  spec.split.column = "nope";
  EXPECT_THAT(std::string(Infer(spec).status().message()),
              HasSubstr("split.time_column: there is no column"));
}

TEST(RealSchemaTest, CriteoKaggle) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_kaggle_dac/criteo_kaggle_all.tsv");
  const auto roles = Roles(Infer({.data_uris = {file}, .label = "label"}));
  ASSERT_EQ(roles.size(), 40u);
  for (int i = 1; i <= 13; ++i) EXPECT_EQ(roles.at("I" + S(i)), 'd');
  for (int i = 1; i <= 26; ++i) EXPECT_EQ(roles.at("C" + S(i)), 'c');
}

// The same columns under other names: found by their values alone.
TEST(RealSchemaTest, CriteoColumnsWithoutTheirNames) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_kaggle_dac/criteo_kaggle_all.tsv");
  const TempFolder folder;
  std::string text = "clicked";
  for (int i = 1; i <= 39; ++i) text += "\tf" + S(i);
  const auto roles = Roles(Infer(
      {.data_uris = {folder.Write("t.tsv", text + "\n" + testing::ReadFile(file))}, .label = "clicked"}));
  for (int i = 14; i <= 39; ++i) EXPECT_EQ(roles.at("f" + S(i)), 'c') << i;
  for (int i = 1; i <= 9; ++i) EXPECT_EQ(roles.at("f" + S(i)), 'd') << i;
}

TEST(RealSchemaTest, Tencent) {
  SDA_REAL_DATA_OR_SKIP(file, "tencent_click_small/Click_prediction_small.csv");
  const auto roles = Roles(Infer({.data_uris = {file}, .label = "click"}));
  EXPECT_EQ(roles.at("impression"), 'd');
  for (const char* name : {"url_hash", "ad_id", "advertiser_id", "depth", "position", "query_id",
                           "keyword_id", "title_id", "description_id", "user_id"}) {
    EXPECT_EQ(roles.at(name), 'c') << name;
  }
}

TEST(RealSchemaTest, Adult) {
  SDA_REAL_DATA_OR_SKIP(file, "adult/adult.data");
  const auto schema = Infer({.data_uris = {file}, .label = "-1"});
  const auto roles = Roles(schema);
  ASSERT_EQ(roles.size(), 15u);
  EXPECT_EQ(roles.at("c14"), 'l');
  for (const int i : {0, 2, 4, 10, 11, 12}) EXPECT_EQ(roles.at("c" + S(i)), 'd') << i;
  for (const int i : {1, 3, 5, 6, 7, 8, 9, 13}) EXPECT_EQ(roles.at("c" + S(i)), 'c') << i;
}

TEST(RealSchemaTest, MovielensUsersAndMoviesAreNotQuantities) {
  SDA_REAL_DATA_OR_SKIP(file, "movielens_1m_sample/ratings_sample100k.dat");
  const auto roles = Roles(Infer({.data_uris = {file}, .label = "2"}));
  EXPECT_EQ(roles.at("c0"), 'c');
  EXPECT_EQ(roles.at("c1"), 'c');
  EXPECT_EQ(roles.at("c2"), 'l');
  EXPECT_EQ(roles.at("c3"), 'd');
}

}  // namespace
}  // namespace sda::preprocessing
