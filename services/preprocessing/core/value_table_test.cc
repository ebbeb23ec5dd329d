#include "services/preprocessing/core/value_table.h"

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/value_spill.h"
#include "services/preprocessing/core/vocabulary.h"

namespace sda::preprocessing {
namespace {

// Keys point into text with room behind it.
class Keys {
 public:
  ValueTable::Key operator()(const std::string& value) {
    padded_ = value + std::string(kInlineValueBytes, '#');
    return ValueTable::MakeKey(padded_.data(), static_cast<uint32_t>(value.size()));
  }

 private:
  std::string padded_;
};

std::string RandomValue(std::mt19937& random) {
  std::string value(random() % 20, ' ');
  for (char& c : value) c = "ab\0c"[random() % 4];
  return value;
}

TEST(ValueTableTest, CountsAsAMapDoes) {
  std::mt19937 random(1);
  Keys key;
  ValueTable table;
  std::map<std::string, int64_t> expected;
  for (int i = 0; i < 200'000; ++i) {
    const std::string value = RandomValue(random);
    ++table.At(key(value));
    ++expected[value];
  }
  ASSERT_EQ(table.size(), expected.size());
  std::map<std::string, int64_t> found;
  table.ForEach([&](std::string_view value, int64_t count) { found.emplace(value, count); });
  EXPECT_EQ(found, expected);
  for (const auto& [value, count] : expected) EXPECT_EQ(table.Find(key(value), -1), count);
  EXPECT_EQ(table.Find(key("missing value"), -1), -1);
}

TEST(ValueTableTest, WhatLiesBehindAValueIsNoPartOfIt) {
  ValueTable table;
  for (const char* text : {"abcXXXXXXXX", "abcYYYYYYYY"}) ++table.At(ValueTable::MakeKey(text, 3));
  for (const char* text : {"0123456789XXXXXXXX", "0123456789YYYYYYYY"})
    ++table.At(ValueTable::MakeKey(text, 10));
  EXPECT_EQ(table.size(), 2u);
}

TEST(ValueTableTest, AddAllSumsUp) {
  Keys key;
  ValueTable a;
  ValueTable b;
  a.At(key("x")) = 2;
  a.At(key("long value of a table")) = 3;
  b.At(key("x")) = 5;
  b.At(key("another long value")) = 7;
  a.AddAll(b);
  EXPECT_EQ(a.size(), 3u);
  EXPECT_EQ(a.Find(key("x"), 0), 7);
  EXPECT_EQ(a.Find(key("another long value"), 0), 7);
}

TEST(VocabularyTest, MostFrequentFirstThenByBytes) {
  Keys key;
  ValueTable counts;
  for (const auto& [value, count] :
       std::map<std::string, int64_t>{{"b", 3}, {"a", 3}, {"\xc3\xa9", 3}, {"z", 9}, {"rare", 2}}) {
    counts.At(key(value)) = count;
  }
  const auto vocabulary = BuildVocabulary(counts, 3);
  EXPECT_EQ(vocabulary, (std::vector<ValueCount>{{"z", 9}, {"a", 3}, {"b", 3}, {"\xc3\xa9", 3}}));
  const ValueTable ids = *IndexVocabulary({.values = vocabulary, .spilled = nullptr});
  EXPECT_EQ(ids.Find(key("z"), kUnknownId), 2);
  EXPECT_EQ(ids.Find(key("\xc3\xa9"), kUnknownId), 5);
  EXPECT_EQ(ids.Find(key("rare"), kUnknownId), kUnknownId);
}

// The file that WriteVocabulary makes.
std::string Written(std::vector<ValueCount> values) {
  testing::TempFolder folder;
  const std::string path = folder.path() + "/vocabulary.arrow";
  auto writer = NewLocalWriter(path, path);
  const auto sha256 = WriteVocabulary({.values = std::move(values), .spilled = nullptr}, **writer);
  EXPECT_TRUE(sha256.ok()) << sha256.status();
  const std::string bytes = testing::ReadFile(path);
  EXPECT_EQ(*sha256, Sha256Hex(bytes));
  return bytes;
}

TEST(VocabularyTest, ArrowBytesDependOnValuesAlone) {
  const std::string first = Written({{"z", 9}, {"", 3}, {"long enough to leave the inline bytes", 1}});
  EXPECT_EQ(first, Written({{"z", 1}, {"", 1}, {"long enough to leave the inline bytes", 1}}));
  EXPECT_NE(first, Written({{"z", 9}}));
  EXPECT_FALSE(Written({}).empty());
}

// Counts of random values, short and long, some of them in several tables.
ValueTable RandomCounts(std::mt19937& random, int draws) {
  ValueTable table;
  Keys key;
  for (int i = 0; i < draws; ++i) {
    const auto number = std::uniform_int_distribution<int>(0, draws / 2)(random);
    ++table.At(key(number % 3 == 0 ? "a long value " + std::to_string(number) : std::to_string(number)));
  }
  return table;
}

TEST(ValueSpillTest, SpilledCountsMakeTheSameVocabulary) {
  std::mt19937 random(7);
  ValueTable whole;
  ValueSpill first("", 2);
  ValueSpill second("", 2);
  for (ValueSpill* spill : {&first, &first, &second}) {
    ValueTable part = RandomCounts(random, 20'000);
    whole.AddAll(part);
    ASSERT_TRUE(spill->Spill(1, part).ok());
    EXPECT_EQ(part.size(), 0u);
  }
  EXPECT_FALSE(first.holds(0));
  const auto counts = BuildSpilledVocabulary({&first, &second}, 1, 2, "");
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->distinct, static_cast<int64_t>(whole.size()));
  const std::vector<ValueCount> expected = BuildVocabulary(whole, 2);
  ASSERT_GT(expected.size(), 1000u);
  const Vocabulary spilled{.values = {}, .spilled = counts->vocabulary};
  std::vector<std::string> values;
  ASSERT_TRUE(spilled
                  .ForEach([&](std::string_view value) {
                    values.emplace_back(value);
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], expected[i].value) << i;
  EXPECT_EQ(IndexBytes(spilled), IndexBytes({.values = expected, .spilled = nullptr}));

  // Parts together hold every value once, under its id.
  Keys key;
  for (const uint32_t parts : {1u, 3u}) {
    size_t found = 0;
    for (uint32_t part = 0; part < parts; ++part) {
      const auto ids = IndexVocabulary(spilled, part, parts);
      ASSERT_TRUE(ids.ok());
      found += ids->size();
      ids->ForEach([&](std::string_view value, int64_t id) {
        EXPECT_EQ(value, expected[static_cast<size_t>(id - kFirstValueId)].value);
      });
    }
    EXPECT_EQ(found, expected.size());
  }
}

TEST(IdPassesTest, SmallColumnsStayForTheLastPass) {
  const std::vector<bool> none(3, false);
  const IdPasses all = *PlanIdPasses({10, 20, 30}, none, 0);
  EXPECT_TRUE(all.before.empty());
  EXPECT_EQ(all.last, (std::vector<bool>{true, true, true}));
  EXPECT_TRUE(PlanIdPasses({10, 20, 30}, none, 60)->before.empty());
  const IdPasses some = *PlanIdPasses({250, 10, 60, 20, 70}, std::vector<bool>(5, false), 100);
  EXPECT_EQ(some.last, (std::vector<bool>{false, true, true, true, false}));
  EXPECT_EQ(some.before,
            (std::vector<std::vector<IdUnit>>{{{4, 0, 1}}, {{0, 0, 3}}, {{0, 1, 3}}, {{0, 2, 3}}}));
}

TEST(IdPassesTest, ColumnsThatMustStayInMemoryTakeTheirPlaceFirst) {
  const IdPasses passes = *PlanIdPasses({80, 30, 20}, {true, false, false}, 100);
  EXPECT_EQ(passes.last, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(passes.before, (std::vector<std::vector<IdUnit>>{{{1, 0, 1}}}));
  const auto refused = PlanIdPasses({80, 30, 30}, {true, true, false}, 100);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetErrorReason(refused.status()), "MEMORY_LIMIT");
}

}  // namespace
}  // namespace sda::preprocessing
