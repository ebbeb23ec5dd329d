#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/preprocessing/core/profile/profile_data.h"
#include "services/preprocessing/core/testing.h"

// Facts about real logs that were established with other tools.
namespace sda::preprocessing {
namespace {

class ProfileRealDataTest : public ::testing::Test {
 protected:
  static DataProfile Profile(const ProfileSpec& spec) {
    auto profile = ProfileData(spec, {.threads = 2});
    EXPECT_TRUE(profile.ok()) << profile.status();
    return profile.ok() ? *profile : DataProfile();
  }

  static const ProfiledColumn& Column(const DataProfile& profile, const std::string& name) {
    const auto at = std::find_if(profile.columns.begin(), profile.columns.end(),
                                 [&](const ProfiledColumn& column) { return column.name == name; });
    EXPECT_NE(at, profile.columns.end()) << name;
    return *at;
  }

  static int Errors(const DataProfile& profile) {
    return static_cast<int>(std::count_if(
        profile.warnings.begin(), profile.warnings.end(),
        [](const ProfileWarning& warning) { return warning.severity == ProfileWarning::Severity::kError; }));
  }
};

TEST_F(ProfileRealDataTest, CriteoKaggle) {
  SDA_REAL_DATA_OR_SKIP(file, "criteo_kaggle_dac/criteo_kaggle_all.tsv");
  ProfileSpec spec;
  spec.data = {.data_uris = {file}, .label = "label"};
  const DataProfile profile = Profile(spec);
  EXPECT_EQ(profile.rows, 14'949);
  EXPECT_EQ(profile.positives, 3'423);
  int64_t values = 0;
  for (const ProfiledColumn& column : profile.columns) {
    if (column.kind == ColumnKind::kCategory) values += column.distinct;
    EXPECT_EQ(column.distinct_relative_error, 0) << column.name;
  }
  EXPECT_EQ(values, 60'629);
  EXPECT_EQ(Column(profile, "C3").distinct + 1, 8'205);
  EXPECT_EQ(Column(profile, "C12").distinct + 1, 7'805);
  EXPECT_EQ(Column(profile, "C4").distinct + 1, 5'858);
  EXPECT_LT(Column(profile, "I2").number->min, 0);
  EXPECT_EQ(Errors(profile), 0);
}

TEST_F(ProfileRealDataTest, TencentClicks) {
  SDA_REAL_DATA_OR_SKIP(file, "tencent_click_small/Click_prediction_small.csv");
  ProfileSpec spec;
  spec.data = {.data_uris = {file}, .label = "click"};
  const DataProfile profile = Profile(spec);
  EXPECT_EQ(profile.rows, 39'948);
  EXPECT_EQ(profile.positives, 6'728);
  EXPECT_EQ(Column(profile, "query_id").distinct, 30'748);
  EXPECT_EQ(Column(profile, "user_id").distinct, 30'114);
  EXPECT_EQ(Column(profile, "title_id").distinct, 25'321);
  EXPECT_EQ(Column(profile, "ad_id").distinct, 19'228);
  EXPECT_EQ(Column(profile, "advertiser_id").distinct, 6'064);
  EXPECT_EQ(Errors(profile), 0);
}

TEST_F(ProfileRealDataTest, AdultWithItsTestFile) {
  SDA_REAL_DATA_OR_SKIP(file, "adult/adult.data");
  SDA_REAL_DATA_OR_SKIP(test, "adult/adult.test");
  ProfileSpec spec;
  spec.data = {.data_uris = {file}, .test_uris = {test}, .label = "14", .positive_values = {">50K", ">50K."}};
  const DataProfile profile = Profile(spec);
  EXPECT_EQ(profile.rows, 32'561);
  EXPECT_EQ(profile.test_rows, 16'281);
  EXPECT_NEAR(static_cast<double>(profile.positives) / 32'561, 0.2408, 0.00005);
  EXPECT_NEAR(static_cast<double>(profile.test_positives) / 16'281, 0.2362, 0.00005);
  const auto missing = [&](const std::string& name) {
    return static_cast<double>(Column(profile, name).missing_rows) / 32'561;
  };
  EXPECT_NEAR(missing("c1"), 0.056, 0.001);
  EXPECT_NEAR(missing("c6"), 0.057, 0.001);
  EXPECT_NEAR(missing("c13"), 0.018, 0.001);
  // Relationship tells most of all; nothing leaks and nothing moved, as the test rows were drawn by chance.
  EXPECT_GT(Column(profile, "c7").label->strongest_auc(), 0.75);
  EXPECT_EQ(Errors(profile), 0);
  for (const ProfileWarning& warning : profile.warnings) EXPECT_NE(warning.code, "DRIFT") << warning.column;
}

TEST_F(ProfileRealDataTest, MovieLensRatings) {
  SDA_REAL_DATA_OR_SKIP(folder_file, "movielens_1m_sample");
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder_file)) {
    if (entry.path().filename().string().find("rating") != std::string::npos)
      found.push_back(entry.path().string());
  }
  ASSERT_EQ(found.size(), 1U);
  ProfileSpec spec;
  spec.data = {.data_uris = found, .label = "2", .positive_values = {"4", "5"}};
  const DataProfile profile = Profile(spec);
  EXPECT_EQ(profile.rows, 100'000);
  EXPECT_NEAR(static_cast<double>(profile.positives) / 1e5, 0.575, 0.001);
  EXPECT_EQ(Column(profile, "c0").distinct, 5'958);
  EXPECT_EQ(Column(profile, "c1").distinct, 3'312);
}

}  // namespace
}  // namespace sda::preprocessing
