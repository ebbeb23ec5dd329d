#include "services/preprocessing/core/value_table.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

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
  const ValueTable ids = IndexVocabulary(vocabulary);
  EXPECT_EQ(ids.Find(key("z"), kUnknownId), 2);
  EXPECT_EQ(ids.Find(key("\xc3\xa9"), kUnknownId), 5);
  EXPECT_EQ(ids.Find(key("rare"), kUnknownId), kUnknownId);
}

TEST(VocabularyTest, ArrowBytesDependOnValuesAlone) {
  const std::vector<ValueCount> vocabulary = {
      {"z", 9}, {"", 3}, {"long enough to leave the inline bytes", 1}};
  const auto first = VocabularyToArrow(vocabulary);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, *VocabularyToArrow({{"z", 1}, {"", 1}, {"long enough to leave the inline bytes", 1}}));
  EXPECT_NE(*first, *VocabularyToArrow({{"z", 9}}));
  EXPECT_TRUE(VocabularyToArrow({}).ok());
}

}  // namespace
}  // namespace sda::preprocessing
