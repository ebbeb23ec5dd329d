#include "services/preprocessing/core/sorted_runs.h"

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "services/preprocessing/core/operations/key_numbers.h"
#include "services/preprocessing/core/row_notes.h"
#include "services/preprocessing/core/time_bound.h"

// What leaves memory comes back as if it had stayed.
namespace sda::preprocessing {
namespace {

std::string RandomBytes(std::mt19937_64& random, size_t most) {
  std::string bytes(random() % (most + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(RecordSorterTest, SortsByUnsignedBytesWhateverIsSpilledWhen) {
  std::mt19937_64 random(1);
  // No spill; a spill of each record, which makes many runs one; some.
  for (const uint64_t spill_one_of : {uint64_t{0}, uint64_t{1}, uint64_t{7}}) {
    std::multimap<std::string, std::string> expected;
    RecordSorter first;
    RecordSorter second;
    for (int i = 0; i < 700; ++i) {
      const std::string key = RandomBytes(random, 3);
      const std::string payload = RandomBytes(random, 20);
      expected.emplace(key, payload);
      RecordSorter& sorter = i % 3 == 0 ? first : second;
      sorter.Add(key, payload);
      if (spill_one_of > 0 && random() % spill_one_of == 0) {
        ASSERT_TRUE(sorter.Spill("").ok());
      }
    }
    ASSERT_TRUE(first.Take(second, "").ok());
    std::vector<std::string> keys;
    std::multimap<std::string, std::string> seen;
    ASSERT_TRUE(first
                    .Finish([&](std::string_view key, std::string_view payload) {
                      keys.emplace_back(key);
                      seen.emplace(key, payload);
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
    const auto as_set = [](const auto& records) {
      return std::multiset<std::pair<std::string, std::string>>(records.begin(), records.end());
    };
    EXPECT_EQ(as_set(seen), as_set(expected)) << spill_one_of;
  }
}

TEST(RecordSorterTest, ABadVisitEndsIt) {
  RecordSorter sorter;
  sorter.Add("a", "");
  sorter.Add("b", "");
  int visits = 0;
  const auto status = sorter.Finish([&](std::string_view, std::string_view) {
    ++visits;
    return absl::AbortedError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(visits, 1);
}

TEST(KeyNumbersTest, SumsAndMinimaOfManyPlaces) {
  using Combine = KeyNumbers::Combine;
  for (const bool spills : {false, true}) {
    std::mt19937_64 random(2);
    std::map<std::string, std::pair<int64_t, int64_t>> expected;
    KeyNumbers first(std::vector<Combine>{Combine::kSum, Combine::kMinimum});
    KeyNumbers second(std::vector<Combine>{Combine::kSum, Combine::kMinimum});
    for (int i = 0; i < 5000; ++i) {
      std::string key = RandomBytes(random, i % 2 == 0 ? 1 : 12);
      const auto place = static_cast<int64_t>(random() % 1000) + 1;
      auto& [sum, minimum] = expected[key];
      ++sum;
      KeyNumbers::Lower(minimum, place);
      const size_t size = key.size();
      key.append(8, '\0');
      KeyNumbers& numbers = i % 5 < 2 ? first : second;
      int64_t* const mine = numbers.At(std::string_view(key).substr(0, size));
      ++mine[0];
      KeyNumbers::Lower(mine[1], place);
      if (spills && random() % 400 == 0) {
        ASSERT_TRUE(numbers.Spill("").ok());
        EXPECT_LT(numbers.bytes(), 1000);
      }
    }
    EXPECT_EQ(first.spilled() || second.spilled(), spills);
    ASSERT_TRUE(first.Merge(second, "").ok());
    std::vector<std::pair<std::string, std::pair<int64_t, int64_t>>> seen;
    ASSERT_TRUE(first
                    .Finish([&](std::string_view key, std::span<const int64_t> numbers) {
                      seen.push_back({std::string(key), {numbers[0], numbers[1]}});
                      return absl::OkStatus();
                    })
                    .ok());
    using Entries = std::vector<std::pair<std::string, std::pair<int64_t, int64_t>>>;
    EXPECT_EQ(seen, Entries(expected.begin(), expected.end()));
  }
}

TEST(TimeBoundTest, OnDiskAsInMemory) {
  std::mt19937_64 random(4);
  TimeBound memory, first, second;
  for (int i = 0; i < 3001; ++i) {
    const double time = static_cast<double>(random() % 100'000) / 7 - 5000;
    memory.Add(time);
    TimeBound& some = i % 3 == 0 ? first : second;
    some.Add(time);
    if (random() % 500 == 0) {
      ASSERT_TRUE(some.Spill("").ok());
    }
  }
  ASSERT_TRUE(first.Merge(second, "").ok());
  const auto expected = memory.Find(0.3);
  const auto found = first.Find(0.3);
  ASSERT_TRUE(expected.ok() && found.ok());
  EXPECT_EQ(*found, *expected);
  EXPECT_EQ(*TimeBound().Find(0.3), std::numeric_limits<double>::infinity());
}

TEST(RowNotesTest, OnDiskAsInMemory) {
  for (const size_t width : {size_t{1}, size_t{8}}) {
    for (const int64_t table_bytes : {int64_t{0}, int64_t{1}}) {
      constexpr int64_t kRows = 10'000;
      const LearnSettings settings{.table_bytes = table_bytes, .sort_bytes = 100'000};
      RowNotesBuilder builder(width, kRows, settings);
      // Rows in another order, not all of them.
      for (int64_t i = 0; i < kRows; ++i) {
        const int64_t row = i * 7919 % kRows;
        if (row % 3 == 1) {
          ASSERT_TRUE(builder.Set(row, width == 1 ? row % 200 : row * 1'000'003).ok());
        }
      }
      const auto notes = builder.Finish();
      ASSERT_TRUE(notes.ok()) << notes.status();
      EXPECT_EQ((*notes)->memory_bytes() > 0, table_bytes == 0);
      std::vector<int64_t> read;
      ASSERT_TRUE((*notes)->Read(5000, kRows + 10, read).ok());
      ASSERT_EQ(read.size(), 5010u);
      for (int64_t row = 5000; row < kRows + 10; ++row) {
        const int64_t noted = width == 1 ? row % 200 : row * 1'000'003;
        EXPECT_EQ(read[static_cast<size_t>(row - 5000)], row < kRows && row % 3 == 1 ? noted : 0) << row;
      }
    }
  }
}

}  // namespace
}  // namespace sda::preprocessing
