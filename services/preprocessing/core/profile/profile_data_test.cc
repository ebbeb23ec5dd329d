#include "services/preprocessing/core/profile/profile_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/row_hash.h"
#include "services/preprocessing/core/profile/profile_page.h"
#include "services/preprocessing/core/testing.h"

namespace sda::preprocessing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempFolder;

// One line of a log with something of everything: numbers with gaps, a leak, ids of one row each, times,
// missing values that tell, a constant.
std::string Line(uint64_t row) {
  const bool click = Mix64(row) % 4 == 0;
  const uint64_t draw = Mix64(row ^ 0xabc);
  std::string line = click ? "1" : "0";
  line += "," + std::to_string(static_cast<double>(draw % 1000003) / 7 * (click ? 1.1 : 1));   // amount
  line += "," + (draw % 10 < (click ? 6U : 2U) ? std::string() : std::to_string(draw % 5));    // level
  line += ",w" + std::to_string(static_cast<int>(std::pow(3000.0, ToUnit(Mix64(draw)))));      // word
  line += ",id" + std::to_string(row * 7919);                                                  // visitor
  line += "," + std::string(click ? "buy" : draw % 50 == 0 ? "buy" : "look");                  // outcome
  line += ",2024-01-" + std::string(row % 20 < 10 ? "0" : "1") + std::to_string(row % 9 + 1);  // day
  line += ",x\n";                                                                              // same
  return line;
}
constexpr const char* kHeader = "click,amount,level,word,visitor,outcome,day,same\n";

std::string Log(uint64_t first, uint64_t last) {
  std::string text = kHeader;
  for (uint64_t row = first; row < last; ++row) text += Line(row);
  return text;
}

class ProfileDataTest : public ::testing::Test {
 protected:
  DataProfile Profile(const std::vector<std::string>& files, int threads = 2, ProfileSpec spec = {}) {
    spec.data.data_uris = files;
    if (spec.data.label.empty()) spec.data.label = "click";
    auto profile = ProfileData(spec, {.threads = threads});
    EXPECT_TRUE(profile.ok()) << profile.status();
    return profile.ok() ? *profile : DataProfile();
  }

  static const ProfiledColumn& Column(const DataProfile& profile, const std::string& name) {
    const auto at = std::find_if(profile.columns.begin(), profile.columns.end(),
                                 [&](const ProfiledColumn& column) { return column.name == name; });
    EXPECT_NE(at, profile.columns.end()) << name;
    return *at;
  }

  static std::vector<std::string> WarningsOf(const DataProfile& profile, const std::string& column) {
    std::vector<std::string> codes;
    for (const ProfileWarning& warning : profile.warnings) {
      if (warning.column == column) codes.push_back(warning.code);
    }
    return codes;
  }

  // Everything but the files: the page shows every figure.
  static std::string Shown(DataProfile profile) {
    profile.files.clear();
    profile.input_bytes = 0;
    return RenderProfilePage(profile);
  }

  TempFolder folder_;
};

TEST_F(ProfileDataTest, CountsEqualAPlainReading) {
  constexpr uint64_t kRows = 5000;
  const DataProfile profile = Profile({folder_.Write("log.csv", Log(0, kRows))});
  EXPECT_EQ(profile.rows, 5000);
  EXPECT_EQ(profile.test_rows, 0);
  EXPECT_EQ(profile.label, "click");
  int64_t clicks = 0;
  int64_t missing = 0;
  std::map<std::string, int64_t> words;
  for (uint64_t row = 0; row < kRows; ++row) {
    const bool click = Mix64(row) % 4 == 0;
    clicks += click ? 1 : 0;
    const uint64_t draw = Mix64(row ^ 0xabc);
    missing += draw % 10 < (click ? 6U : 2U) ? 1 : 0;
    ++words["w" + std::to_string(static_cast<int>(std::pow(3000.0, ToUnit(Mix64(draw)))))];
  }
  EXPECT_EQ(profile.positives, clicks);
  EXPECT_EQ(Column(profile, "level").missing_rows, missing);
  const ProfiledColumn& word = Column(profile, "word");
  EXPECT_EQ(word.kind, ColumnKind::kCategory);
  EXPECT_EQ(word.distinct, static_cast<int64_t>(words.size()));
  EXPECT_EQ(word.distinct_relative_error, 0);
  EXPECT_EQ(word.top_values.front().value, "w1");
  EXPECT_EQ(word.top_values.front().rows, words["w1"]);
  EXPECT_EQ(word.top_count_error, 0);
  ASSERT_TRUE(word.zipf_exponent.has_value());
  EXPECT_NEAR(*word.zipf_exponent, 1, 0.25);
  const ProfiledColumn& amount = Column(profile, "amount");
  ASSERT_TRUE(amount.number.has_value());
  EXPECT_EQ(amount.kind, ColumnKind::kNumber);
  int64_t shown = 0;
  for (const NumberBin& bin : amount.number->histogram) shown += bin.rows;
  EXPECT_EQ(shown, 5000);
  EXPECT_GT(*amount.label->pearson, 0.02);
  const ProfiledColumn& day = Column(profile, "day");
  EXPECT_EQ(day.kind, ColumnKind::kTime);
  EXPECT_EQ(day.number->max - day.number->min, 18 * 86400.0);
  EXPECT_EQ(Column(profile, "click").distinct, 2);
}

TEST_F(ProfileDataTest, SaysWhatToLookAt) {
  const DataProfile profile = Profile({folder_.Write("log.csv", Log(0, 5000))});
  EXPECT_THAT(WarningsOf(profile, "outcome"), Contains("LEAKAGE"));
  EXPECT_THAT(WarningsOf(profile, "visitor"), Contains("IDENTIFIER"));
  EXPECT_THAT(WarningsOf(profile, "visitor"), Not(Contains("LEAKAGE")));
  EXPECT_THAT(WarningsOf(profile, "level"), Contains("MISSING_TELLS"));
  EXPECT_THAT(WarningsOf(profile, "same"), Contains("CONSTANT"));
  EXPECT_THAT(WarningsOf(profile, "day"), Contains("SPLIT_BY_TIME"));
  EXPECT_THAT(WarningsOf(profile, "word"), Not(Contains("LEAKAGE")));
  EXPECT_EQ(profile.warnings.front().severity, ProfileWarning::Severity::kError);
  for (const ProfileWarning& warning : profile.warnings)
    EXPECT_FALSE(warning.suggestion.empty()) << warning.code;
  ProfileSpec lenient;
  lenient.bounds.leakage_auc = 0.999;
  EXPECT_THAT(WarningsOf(Profile({folder_.path() + "/log.csv"}, 2, lenient), "outcome"),
              Not(Contains("LEAKAGE")));
}

TEST_F(ProfileDataTest, SameForAnyThreadsAndAnyCutIntoFiles) {
  // More ids than are counted one by one, so that sketches and samples are part of it.
  constexpr uint64_t kRows = 60'000;
  const std::string whole = folder_.Write("whole.csv", Log(0, kRows));
  std::vector<std::string> parts;
  for (uint64_t part = 0; part < 50; ++part) {
    const std::string name = "part-" + std::to_string(100 + part) + ".csv";
    parts.push_back(folder_.Write(name, Log(part * kRows / 50, (part + 1) * kRows / 50)));
  }
  ProfileSpec spec;
  spec.by_split = true;
  const DataProfile one = Profile({whole}, 1, spec);
  EXPECT_GT(one.test_rows, 0);
  EXPECT_GT(Column(one, "visitor").distinct_relative_error, 0);
  const double distinct = static_cast<double>(Column(one, "visitor").distinct);
  EXPECT_NEAR(distinct, static_cast<double>(one.rows), 4 * 0.0082 * distinct);
  EXPECT_GT(Column(one, "amount").number->quantile_rank_error, 0);
  EXPECT_LT(Column(one, "amount").number->quantile_rank_error, 0.001);
  const std::string expected = Shown(one);
  EXPECT_EQ(Shown(Profile({whole}, 3, spec)), expected);
  EXPECT_EQ(Shown(Profile(parts, 8, spec)), expected);
}

TEST_F(ProfileDataTest, TopValuesBeyondTheBoundAreFoundWithinTheStatedError) {
  std::string text = "click,word\n";
  std::map<std::string, int64_t> truth;
  constexpr uint64_t kRows = 120'000;
  for (uint64_t row = 0; row < kRows; ++row) {
    const uint64_t draw = Mix64(row);
    const std::string word = draw % 20 == 0   ? "common"
                             : draw % 50 == 1 ? "less common"
                                              : "rare" + std::to_string(row);
    ++truth[word];
    text += std::string(row % 3 == 0 ? "1" : "0") + "," + word + "\n";
  }
  const DataProfile profile = Profile({folder_.Write("log.csv", text)});
  const ProfiledColumn& word = Column(profile, "word");
  EXPECT_GT(word.distinct_relative_error, 0);
  ASSERT_EQ(word.top_values.size(), 2U);
  EXPECT_GT(word.top_count_error, 0);
  for (size_t i = 0; i < 2; ++i) {
    const TopValue& top = word.top_values[i];
    EXPECT_EQ(top.value, i == 0 ? "common" : "less common");
    EXPECT_GE(top.rows, truth[top.value]);
    EXPECT_LE(top.rows, truth[top.value] + word.top_count_error);
  }
  const double distinct = static_cast<double>(truth.size());
  EXPECT_NEAR(static_cast<double>(word.distinct), distinct, 4 * word.distinct_relative_error * distinct);
}

TEST_F(ProfileDataTest, DriftBetweenFilesIsFound) {
  std::string train = "click,amount,word,flat\n";
  std::string test = train;
  for (uint64_t row = 0; row < 4000; ++row) {
    const uint64_t draw = Mix64(row);
    const std::string label = std::to_string(draw % 5 == 0);
    train += label + "," + std::to_string(draw % 2001) + ",w" + std::to_string(draw % 30) + "," +
             std::to_string(draw % 1999) + ".5\n";
    test += label + "," + std::to_string(draw % 2001 + 900) + ",w" + std::to_string(draw % 30 + 20) + "," +
            std::to_string(Mix64(draw) % 1999) + ".5\n";
  }
  ProfileSpec spec;
  spec.data.test_uris = {folder_.Write("test.csv", test)};
  const DataProfile profile = Profile({folder_.Write("train.csv", train)}, 2, spec);
  EXPECT_EQ(profile.rows, 4000);
  EXPECT_EQ(profile.test_rows, 4000);
  EXPECT_EQ(profile.test_positives, profile.positives);
  EXPECT_THAT(WarningsOf(profile, "amount"), Contains("DRIFT"));
  EXPECT_THAT(WarningsOf(profile, "word"), Contains("DRIFT"));
  EXPECT_THAT(WarningsOf(profile, "word"), Contains("UNSEEN_VALUES"));
  EXPECT_THAT(WarningsOf(profile, "flat"), ::testing::IsEmpty());
  EXPECT_NEAR(*Column(profile, "word").drift->unseen_share, 20.0 / 30, 0.03);
  EXPECT_NEAR(*Column(profile, "amount").drift->kolmogorov_smirnov, 0.45, 0.03);
  EXPECT_LT(*Column(profile, "flat").drift->population_stability_index, 0.02);
}

TEST_F(ProfileDataTest, CellsThatAreNoNumbersAreCountedWithTheFirstPlace) {
  std::string text = "click,price,name\n";
  for (int row = 0; row < 12'000; ++row) {
    text += std::to_string(row % 2) + "," +
            (row > 11'000 && row % 100 == 7 ? "n/a" : std::to_string(row) + ".5") + "," +
            (row == 11'500 ? "caf\xe9" : "caf\xc3\xa9") + "\n";
  }
  const std::string file = folder_.Write("log.csv", text);
  const DataProfile profile = Profile({file});
  const ProfiledColumn& price = Column(profile, "price");
  EXPECT_EQ(price.invalid_rows, 10);
  EXPECT_THAT(price.first_invalid, HasSubstr("log.csv:11009: \"n/a\""));
  EXPECT_EQ(price.values, 11'990);
  EXPECT_EQ(Column(profile, "name").invalid_rows, 1);
  EXPECT_THAT(WarningsOf(profile, "price"), Contains("INVALID_VALUES"));
}

TEST_F(ProfileDataTest, WithoutALabelNothingIsSaidOfIt) {
  ProfileSpec spec;
  spec.data.data_uris = {folder_.Write("log.csv", Log(0, 300))};
  const auto profile = ProfileData(spec, {.threads = 1});
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->label, "");
  EXPECT_EQ(profile->rows, 300);
  for (const ProfiledColumn& column : profile->columns) EXPECT_FALSE(column.label.has_value()) << column.name;
}

TEST_F(ProfileDataTest, ColumnsWithoutValuesAndSingleRows) {
  const DataProfile profile = Profile({folder_.Write("log.csv", "click,a,b\n1,,5\n")});
  EXPECT_EQ(profile.rows, 1);
  EXPECT_THAT(WarningsOf(profile, "a"), Contains("NO_VALUES"));
  EXPECT_THAT(WarningsOf(profile, "click"), Contains("LABEL_CONSTANT"));
  EXPECT_EQ(Column(profile, "b").distinct, 1);
}

TEST_F(ProfileDataTest, SplitByTimeAndByHash) {
  const std::string file = folder_.Write("log.csv", Log(0, 3000));
  ProfileSpec spec;
  spec.by_split = true;
  spec.data.split = {.kind = SplitSpec::Kind::kTime, .column = "day", .test_share = 0.3};
  const DataProfile by_time = Profile({file}, 2, spec);
  EXPECT_GT(by_time.test_rows, 300);
  EXPECT_LE(by_time.test_rows, 900);
  EXPECT_EQ(by_time.rows + by_time.test_rows, 3000);
  EXPECT_THAT(WarningsOf(by_time, "day"), Not(Contains("SPLIT_BY_TIME")));
  spec.data.split = {.kind = SplitSpec::Kind::kHash, .column = "word", .test_share = 0.3};
  const DataProfile by_hash = Profile({file}, 2, spec);
  // All rows of a word are on one side.
  EXPECT_EQ(*Column(by_hash, "word").drift->unseen_share, 1);
}

TEST_F(ProfileDataTest, ListsCountTheirValues) {
  std::string text = "click,genres\n";
  for (int row = 0; row < 100; ++row)
    text += std::to_string(row % 2) + (row % 10 == 0 ? ",\n" : row % 2 == 0 ? ",a|b\n" : ",b|c|d\n");
  ProfileSpec spec;
  spec.data.columns = {{.name = "genres", .list_separator = "|"}};
  const DataProfile profile = Profile({folder_.Write("log.csv", text)}, 2, spec);
  const ProfiledColumn& genres = Column(profile, "genres");
  EXPECT_EQ(genres.distinct, 4);
  EXPECT_EQ(genres.missing_rows, 10);
  EXPECT_EQ(genres.values, 40 * 2 + 50 * 3);
  EXPECT_EQ(genres.top_values.front().value, "b");
  EXPECT_EQ(genres.top_values.front().rows, 90);
}

TEST_F(ProfileDataTest, ErrorsNameThePlace) {
  ProfileSpec spec;
  spec.data.label = "click";
  spec.data.data_uris = {folder_.Write("log.csv", "click,a\n1,2\nmaybe,3\n")};
  const auto bad_label = ProfileData(spec, {.threads = 1});
  EXPECT_THAT(bad_label.status().message(), HasSubstr("log.csv:3"));
  spec.data.data_uris = {folder_.Write("ragged.csv", "click,a\n1,2\n1\n")};
  EXPECT_THAT(ProfileData(spec, {.threads = 1}).status().message(), HasSubstr("ragged.csv:3"));
  spec.data.data_uris = {folder_.path() + "/none.csv"};
  EXPECT_FALSE(ProfileData(spec, {.threads = 1}).ok());
}

TEST(ExactValuesTest, SharedAmongTheColumns) {
  EXPECT_EQ(ExactValuesOf(1), 32768U);
  EXPECT_EQ(ExactValuesOf(32), 32768U);
  EXPECT_EQ(ExactValuesOf(64), 16384U);
  EXPECT_EQ(ExactValuesOf(100'000), 1024U);
}

}  // namespace
}  // namespace sda::preprocessing
