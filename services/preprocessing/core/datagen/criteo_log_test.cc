#include "services/preprocessing/core/datagen/criteo_log.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing::datagen {
namespace {

using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::ReadColumn;
using testing::TempFolder;

std::string Make(int64_t rows, int64_t seed, int threads) {
  std::string text;
  const auto summary =
      MakeCriteoLog({.rows = rows, .seed = seed, .threads = threads}, [&](std::string_view bytes) {
        text += bytes;
        return absl::OkStatus();
      });
  EXPECT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->bytes, static_cast<int64_t>(text.size()));
  return text;
}

TEST(CriteoLogTest, BytesDependOnRowsAndSeedAlone) {
  const std::string text = Make(20'000, 7, 1);
  EXPECT_EQ(Make(20'000, 7, 3), text);
  EXPECT_NE(Make(20'000, 8, 1), text);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20'000);
}

TEST(CriteoLogTest, AQuarterClicksAndAReachableAuc) {
  for (const int64_t seed : {1, 2, 3}) {
    const auto summary = MakeCriteoLog({.rows = 50'000, .seed = seed, .threads = 2},
                                       [](std::string_view) { return absl::OkStatus(); });
    ASSERT_TRUE(summary.ok());
    EXPECT_NEAR(static_cast<double>(summary->positive_rows) / 50'000, 0.25, 0.01);
    EXPECT_GT(summary->best_auc, 0.80);
    EXPECT_LT(summary->best_auc, 0.85);
  }
}

TEST(CriteoLogTest, CardinalitiesFollowThePublishedOnes) {
  const auto full = CriteoCardinalities(45'840'617);
  EXPECT_EQ(full[2], 10'131'227);
  EXPECT_EQ(full[8], 3);
  const auto seventh = CriteoCardinalities(6'548'660);
  EXPECT_NEAR(seventh[2], 1'761'917, 100);
  EXPECT_NEAR(seventh[25], 72'655, 10);
  for (const int32_t size : CriteoCardinalities(1)) EXPECT_GE(size, 2);
}

TEST(CriteoLogTest, SizesMayBeThoseOfALongerLog) {
  const auto summary = MakeCriteoLog({.rows = 1000, .seed = 1, .sizes_of_rows = 45'840'617},
                                     [](std::string_view) { return absl::OkStatus(); });
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->rows, 1000);
  EXPECT_EQ(summary->cardinalities, CriteoCardinalities(45'840'617));
}

TEST(CriteoLogTest, LooksLikeTheRealThing) {
  const TempFolder folder;
  const std::string file = folder.path() + "/log.tsv";
  const auto summary = WriteCriteoLog({.rows = 30'000, .seed = 1, .threads = 2}, file);
  ASSERT_TRUE(summary.ok()) << summary.status();
  FolderOutput output(folder.path() + "/d");
  DatasetSpec spec{.data_uris = {file}, .label = "label"};
  spec.split = {.test_share = 0, .validation_share = 1e-300};
  const auto manifest = CreateDataset(spec, "datasets/d", {.threads = 2}, output);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_EQ(manifest->columns.size(), 39u);
  EXPECT_EQ(manifest->splits.at("train").rows, 30'000);
  EXPECT_EQ(manifest->splits.at("train").positive_rows, summary->positive_rows);
  EXPECT_EQ(*testing::ColumnNamed(*manifest, "I2").raw_min, -3);
  EXPECT_NEAR(static_cast<double>(testing::ColumnNamed(*manifest, "I12").missing_rows), 0.76 * 30'000, 400);
  EXPECT_NEAR(static_cast<double>(testing::ColumnNamed(*manifest, "C22").missing_rows), 0.76 * 30'000, 400);
  for (size_t c = 0; c < 26; ++c) {
    const ManifestColumn& column = manifest->columns[13 + c];
    EXPECT_LE(column.distinct_count, summary->cardinalities[c]) << column.name;
    EXPECT_GE(column.distinct_count, summary->cardinalities[c] / 3) << column.name;
  }
}

// Logistic regression over the ids and numbers, no interactions: most of the planted structure is within
// reach.
TEST(CriteoLogTest, ALinearModelLearnsMostOfIt) {
  const TempFolder folder;
  const std::string file = folder.path() + "/log.tsv";
  const auto summary = WriteCriteoLog({.rows = 60'000, .seed = 1, .threads = 2}, file);
  ASSERT_TRUE(summary.ok());
  FolderOutput output(folder.path() + "/d");
  const auto manifest =
      CreateDataset({.data_uris = {file}, .label = "label"}, "datasets/d", {.threads = 2}, output);
  ASSERT_TRUE(manifest.ok()) << manifest.status();

  struct Column {
    std::vector<float> dense;
    std::vector<int32_t> ids;
  };
  auto read = [&](const char* split, std::vector<float>& labels) {
    std::vector<Column> columns;
    labels = ReadColumn<float>(folder.path() + "/d", *manifest, split, "label");
    for (const ManifestColumn& column : manifest->columns) {
      columns.emplace_back();
      if (column.role == ColumnRole::kDense) {
        columns.back().dense = ReadColumn<float>(folder.path() + "/d", *manifest, split, column.name);
      } else {
        columns.back().ids = ReadColumn<int32_t>(folder.path() + "/d", *manifest, split, column.name);
      }
    }
    return columns;
  };
  std::vector<float> labels;
  std::vector<float> test_labels;
  const std::vector<Column> train = read("train", labels);
  const std::vector<Column> test = read("test", test_labels);
  std::vector<std::vector<double>> weights;
  std::vector<std::vector<double>> squares;
  for (const ManifestColumn& column : manifest->columns) {
    weights.emplace_back(column.role == ColumnRole::kDense ? 1 : static_cast<size_t>(column.table_rows));
    squares.emplace_back(weights.back().size(), 1.0);
  }
  double bias = -1;
  auto score = [&](const std::vector<Column>& columns, size_t row) {
    double sum = bias;
    for (size_t c = 0; c < columns.size(); ++c) {
      sum += columns[c].ids.empty() ? weights[c][0] * columns[c].dense[row]
                                    : weights[c][static_cast<size_t>(columns[c].ids[row])];
    }
    return sum;
  };
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (size_t row = 0; row < labels.size(); ++row) {
      const double error = 1 / (1 + std::exp(-score(train, row))) - labels[row];
      bias -= 0.01 * error;
      for (size_t c = 0; c < train.size(); ++c) {
        const size_t id = train[c].ids.empty() ? 0 : static_cast<size_t>(train[c].ids[row]);
        const double gradient = error * (train[c].ids.empty() ? train[c].dense[row] : 1);
        squares[c][id] += gradient * gradient;
        weights[c][id] -= 0.1 * gradient / std::sqrt(squares[c][id]);
      }
    }
  }
  std::vector<std::pair<double, float>> scored;
  for (size_t row = 0; row < test_labels.size(); ++row)
    scored.emplace_back(score(test, row), test_labels[row]);
  std::sort(scored.begin(), scored.end());
  double wins = 0;
  double others = 0;
  double clicks = 0;
  for (const auto& [s, label] : scored) {
    if (label > 0) {
      wins += others;
      ++clicks;
    } else {
      ++others;
    }
  }
  const double auc = wins / (clicks * others);
  RecordProperty("auc", std::to_string(auc));
  EXPECT_GT(auc, summary->best_auc - 0.065);
  EXPECT_LT(auc, summary->best_auc);
}

TEST(CriteoLogTest, BadRowsAndFoldersAreRefused) {
  EXPECT_THAT(std::string(WriteCriteoLog({.rows = 0}, "/nonexistent/x").status().message()),
              HasSubstr("rows: is 0"));
  const auto missing = WriteCriteoLog({.rows = 1}, "/nonexistent/x").status();
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/nonexistent/x: No such file or directory"));
  EXPECT_EQ(GetErrorReason(missing), "OUTPUT_UNWRITABLE");
}

TEST(CriteoLogTest, AFullDiskLeavesNothing) {
  const auto status = MakeCriteoLog({.rows = 100'000, .threads = 2}, [](std::string_view) {
                        return absl::ResourceExhaustedError("full");
                      }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const TempFolder folder;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(WriteCriteoLog({.rows = 10, .stop = stop.get_token()}, folder.path() + "/x").status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace sda::preprocessing::datagen
