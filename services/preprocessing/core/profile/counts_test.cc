#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/row_hash.h"
#include "services/preprocessing/core/profile/category_counts.h"
#include "services/preprocessing/core/profile/hyperloglog.h"
#include "services/preprocessing/core/profile/label_statistics.h"
#include "services/preprocessing/core/profile/number_counts.h"
#include "services/preprocessing/core/profile/row_sample.h"

namespace sda::preprocessing {
namespace {

TEST(HyperLogLogTest, WithinItsErrorForEveryCardinality) {
  // 0.81 % is the standard deviation: over 60 independent sketches the mean must be near 0, the spread near
  // it.
  for (const uint64_t cardinality : {1U, 10U, 100U, 1000U, 5000U, 20'000U, 41'000U, 60'000U, 200'000U}) {
    double sum = 0;
    double squares = 0;
    constexpr int kSketches = 60;
    for (uint64_t sketch = 0; sketch < kSketches; ++sketch) {
      HyperLogLog distinct;
      for (uint64_t i = 0; i < cardinality; ++i) distinct.Add(Mix64(Mix64(sketch + 1) ^ i));
      const double error = distinct.Estimate() / static_cast<double>(cardinality) - 1;
      sum += error;
      squares += error * error;
      EXPECT_LT(std::abs(error), 4.5 * HyperLogLog::RelativeStandardError()) << cardinality;
    }
    const double spread = std::sqrt(squares / kSketches);
    EXPECT_LT(spread, 1.3 * HyperLogLog::RelativeStandardError()) << cardinality;
    EXPECT_LT(std::abs(sum / kSketches), 4 * HyperLogLog::RelativeStandardError() / std::sqrt(kSketches))
        << cardinality;
  }
}

TEST(HyperLogLogTest, NothingIsNothingAndRepetitionDoesNotCount) {
  HyperLogLog distinct;
  EXPECT_EQ(distinct.Estimate(), 0);
  for (int i = 0; i < 1000; ++i) distinct.Add(Mix64(7));
  EXPECT_NEAR(distinct.Estimate(), 1, 0.01);
}

TEST(HyperLogLogTest, MergedEqualsWhole) {
  HyperLogLog whole;
  HyperLogLog a;
  HyperLogLog b;
  for (uint64_t i = 0; i < 50'000; ++i) {
    whole.Add(Mix64(i));
    (i % 3 == 0 ? a : b).Add(Mix64(i));
  }
  a.Merge(b);
  EXPECT_EQ(a.Estimate(), whole.Estimate());
}

// The rows of a column of numbers in one object, and dealt to three that are merged, in another order.
void ExpectMergedEqualsWhole(const std::vector<double>& values, size_t limit) {
  const auto slot = [](size_t i) { return i * 7 % kTallySlots; };
  NumberCounts whole(limit);
  for (size_t i = 0; i < values.size(); ++i) whole.Add(values[i], slot(i));
  std::vector<NumberCounts> parts;
  for (int i = 0; i < 3; ++i) parts.emplace_back(limit);
  for (size_t i = values.size(); i-- > 0;)
    parts[i % 5 == 0 ? 0 : i < values.size() / 3 ? 1 : 2].Add(values[i], slot(i));
  for (const std::vector<size_t>& order : {std::vector<size_t>{0, 1, 2}, {2, 0, 1}, {1, 2, 0}}) {
    NumberCounts merged(limit);
    for (const size_t part : order) merged.Merge(parts[part]);
    EXPECT_EQ(merged.exact(), whole.exact());
    EXPECT_EQ(merged.distinct(), whole.distinct());
    const auto expected = whole.Ranges();
    const auto got = merged.Ranges();
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].lower, expected[i].lower);
      EXPECT_EQ(got[i].upper, expected[i].upper);
      EXPECT_EQ(got[i].tally, expected[i].tally);
    }
    EXPECT_EQ(merged.TrainMoments().mean, whole.TrainMoments().mean);
    EXPECT_EQ(merged.TrainMoments().stddev, whole.TrainMoments().stddev);
    EXPECT_EQ(merged.TrainMoments().positive_mean, whole.TrainMoments().positive_mean);
  }
}

std::vector<double> Normals(size_t count, double mean, double stddev) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(mean, stddev);
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

TEST(NumberCountsTest, MergedEqualsWholeWhetherExactOrNot) {
  const std::vector<double> values = Normals(4000, -3, 700);
  ExpectMergedEqualsWhole(values, 1 << 20);
  ExpectMergedEqualsWhole(values, 2100);  // one part stays exact, the whole does not
  ExpectMergedEqualsWhole(values, 300);
  ExpectMergedEqualsWhole({1, 2, 3, -1, -0.0, 0.0, 1e150, -1e150, 1e-300}, 4);
}

TEST(NumberCountsTest, ExactWhereThereAreFewValues) {
  NumberCounts counts(16);
  for (int i = 0; i < 1000; ++i) counts.Add(i % 10 == 0 ? -2.5 : i % 7, TrainSlot(i % 2, i % 4 == 0));
  EXPECT_TRUE(counts.exact());
  EXPECT_EQ(counts.distinct(), 8);
  EXPECT_EQ(counts.distinct_relative_error(), 0);
  const auto ranges = counts.Ranges();
  ASSERT_EQ(ranges.size(), 8U);
  EXPECT_EQ(ranges[0].lower, -2.5);
  EXPECT_EQ(ranges[0].upper, -2.5);
  EXPECT_EQ(ranges[0].tally.train(), 100);
  EXPECT_EQ(counts.TrainMoments().rows, 1000);
}

TEST(NumberCountsTest, QuantilesLieWithinTheStatedRank) {
  for (const auto& values :
       {Normals(200'000, 0, 1), Normals(200'000, 1.5e9, 4e5), Normals(200'000, 1e-8, 1e-3)}) {
    constexpr size_t kLimit = 4096;
    NumberCounts counts(kLimit);
    for (size_t i = 0; i < values.size(); ++i) counts.Add(values[i], TrainSlot(0, false));
    EXPECT_FALSE(counts.exact());
    const auto ranges = counts.Ranges();
    EXPECT_LE(ranges.size(), kLimit);
    EXPECT_GT(ranges.size(), kLimit / 4);
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    int64_t largest = 0;
    int64_t rows = 0;
    for (const auto& range : ranges) {
      largest = std::max(largest, range.tally.train());
      // Counts of ranges are exact, and ranges do not overlap.
      const auto first = std::lower_bound(sorted.begin(), sorted.end(), range.lower);
      const auto last = std::upper_bound(sorted.begin(), sorted.end(), range.upper);
      ASSERT_EQ(last - first, range.tally.train());
      ASSERT_EQ(first - sorted.begin(), rows);
      rows += range.tally.train();
    }
    const auto quantiles = Quantiles(ranges, 100);
    ASSERT_EQ(quantiles.size(), 101U);
    for (size_t i = 1; i < 100; ++i) {
      const auto rank =
          std::lower_bound(sorted.begin(), sorted.end(), quantiles[i].middle()) - sorted.begin();
      EXPECT_LE(std::abs(rank - static_cast<int64_t>(i * sorted.size() / 100)), largest) << i;
    }
    EXPECT_LT(static_cast<double>(largest) / static_cast<double>(sorted.size()), 0.005);
    EXPECT_NEAR(static_cast<double>(counts.distinct()), 2e5, 4 * 2e5 * counts.distinct_relative_error());
    const auto moments = counts.TrainMoments();
    long double sum = 0;
    for (const double value : values) sum += value;
    EXPECT_NEAR(moments.mean, static_cast<double>(sum / 2e5L),
                1e-12 * (std::abs(moments.mean) + moments.stddev));
  }
}

// Keys of a column, with the padding that keys need.
class Keys {
 public:
  void Add(const std::string& value, size_t slot) {
    texts_.push_back(value + std::string(8, '\0'));
    sizes_.push_back(static_cast<uint32_t>(value.size()));
    slots_.push_back(static_cast<uint8_t>(slot));
  }
  void AddTo(CategoryCounts& counts, size_t batch) const {
    for (size_t begin = 0; begin < texts_.size(); begin += batch) {
      std::vector<ValueTable::Key> keys;
      const size_t end = std::min(begin + batch, texts_.size());
      for (size_t i = begin; i < end; ++i) keys.push_back(ValueTable::MakeKey(texts_[i].data(), sizes_[i]));
      counts.Add(keys, {slots_.data() + begin, end - begin});
    }
  }

 private:
  std::vector<std::string> texts_;
  std::vector<uint32_t> sizes_;
  std::vector<uint8_t> slots_;
};

// Values whose frequency falls as 1 / rank.
std::string ZipfValue(uint64_t row, double values) {
  const double unit = ToUnit(Mix64(row));
  const auto rank = static_cast<int64_t>(std::pow(values, unit));
  return rank % 2 == 0 ? "v" + std::to_string(rank) : "a longer value, number " + std::to_string(rank);
}

TEST(CategoryCountsTest, MergedEqualsWholeWhetherExactOrNot) {
  constexpr uint64_t kRows = 30'000;
  for (const size_t limit : {size_t{1} << 20, size_t{2500}, size_t{100}}) {
    Keys all;
    std::vector<Keys> parts(3);
    std::map<std::string, Tally> truth;
    for (uint64_t row = 0; row < kRows; ++row) {
      const std::string value = ZipfValue(row, 6000);
      const size_t slot = Mix64(row ^ 99) % kTallySlots;
      all.Add(value, slot);
      parts[row < 600 ? 0 : row % 2 == 0 ? 1 : 2].Add(value, slot);
      ++truth[value].counts[slot];
    }
    CategoryCounts whole(limit);
    all.AddTo(whole, 997);
    CategoryCounts merged(limit);
    for (const size_t part : {2, 0, 1}) {
      CategoryCounts counts(limit);
      parts[part].AddTo(counts, 100);
      merged.Merge(counts);
    }
    EXPECT_EQ(merged.exact(), whole.exact());
    EXPECT_EQ(whole.exact(), truth.size() <= limit);
    EXPECT_EQ(merged.distinct(), whole.distinct());
    EXPECT_EQ(merged.train_rows(), whole.train_rows());
    auto expected = whole.Groups();
    auto got = merged.Groups();
    const auto by_counts = [](const Tally& a, const Tally& b) { return a.counts < b.counts; };
    std::sort(expected.begin(), expected.end(), by_counts);
    std::sort(got.begin(), got.end(), by_counts);
    EXPECT_EQ(got, expected);
    int64_t distinct = 0;
    int64_t too_high = 0;
    for (const auto& [value, tally] : truth) {
      EXPECT_EQ(merged.Find(value), whole.Find(value)) << value;
      EXPECT_GE(whole.Find(value).train(), tally.train()) << value;  // never too few
      too_high += whole.Find(value).train() > tally.train() + whole.count_error() ? 1 : 0;
      if (whole.exact()) {
        EXPECT_EQ(whole.Find(value), tally) << value;
      }
      distinct += tally.train() > 0 ? 1 : 0;
    }
    EXPECT_LE(static_cast<double>(too_high), 0.02 * static_cast<double>(truth.size()));
    EXPECT_NEAR(static_cast<double>(whole.distinct()), static_cast<double>(distinct),
                4 * whole.distinct_relative_error() * static_cast<double>(distinct));
  }
}

TEST(CategoryCountsTest, LongValuesAreNotKeptForLong) {
  for (const size_t bytes : {size_t{100}, size_t{20'000}}) {
    Keys keys;
    for (int i = 0; i < 50; ++i) keys.Add(std::to_string(i) + std::string(bytes, 'x'), TrainSlot(0, false));
    CategoryCounts counts(100);
    keys.AddTo(counts, 7);
    EXPECT_EQ(counts.exact(), bytes == 100);
    EXPECT_EQ(counts.distinct(), 50);
    EXPECT_EQ(counts.Find("7" + std::string(bytes, 'x')).train(), 1);
  }
}

TEST(CategoryCountsTest, TopValuesByCountThenBytes) {
  Keys keys;
  for (const auto& [value, rows] : std::map<std::string, int>{{"b", 3}, {"a", 3}, {"c", 9}, {"", 1}}) {
    for (int i = 0; i < rows; ++i) keys.Add(value, TrainSlot(0, i == 0));
  }
  keys.Add("only in test", kTestSlot);
  CategoryCounts counts(100);
  keys.AddTo(counts, 4);
  const auto top = counts.Top(3);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].first, "c");
  EXPECT_EQ(top[1].first, "a");
  EXPECT_EQ(top[2].first, "b");
  EXPECT_EQ(top[0].second.train(), 9);
  EXPECT_EQ(top[0].second.positives(), 1);
  EXPECT_EQ(counts.distinct(), 4);
  EXPECT_EQ(counts.Find("only in test").test(), 1);
  EXPECT_EQ(counts.Find("nowhere"), Tally());
}

RowSample::Row SampledRow(uint64_t number) {
  return {.hash = Mix64(number),
          .text = std::string(number % 50, 'x'),
          .ends = {static_cast<uint32_t>(number % 50)}};
}

std::set<uint64_t> HashesOf(const RowSample& sample) {
  std::set<uint64_t> hashes;
  for (const auto& row : sample.rows()) hashes.insert(row.hash);
  return hashes;
}

TEST(RowSampleTest, DependsOnTheRowsAlone) {
  for (const size_t bytes : {size_t{1} << 30, size_t{20'000}}) {
    RowSample whole(500, bytes);
    std::vector<RowSample> parts(3, RowSample(500, bytes));
    constexpr uint64_t kRows = 20'000;
    for (uint64_t row = 0; row < kRows; ++row) {
      if (whole.Wants(Mix64(row))) whole.Add(SampledRow(row));
    }
    for (uint64_t row = kRows; row-- > 0;) {
      RowSample& part = parts[row < 100 ? 0 : row % 2 + 1];
      if (part.Wants(Mix64(row))) part.Add(SampledRow(row));
    }
    RowSample merged(500, bytes);
    for (RowSample& part : parts) merged.Merge(std::move(part));
    EXPECT_LE(whole.rows().size(), 500U);
    EXPECT_GT(whole.rows().size(), 50U);
    EXPECT_EQ(HashesOf(merged), HashesOf(whole));
  }
}

TEST(RowSampleTest, KeepsValuesApart) {
  RowSample sample(10, 1000);
  sample.Add({.hash = 1, .text = "abccc", .ends = {1, 2, 2, 5}});
  const RowSample::Row& row = sample.rows().front();
  EXPECT_EQ(row.value(0), "a");
  EXPECT_EQ(row.value(1), "b");
  EXPECT_EQ(row.value(2), "");
  EXPECT_EQ(row.value(3), "ccc");
}

}  // namespace
}  // namespace sda::preprocessing
