#include "services/preprocessing/core/tokenizer.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::preprocessing {
namespace {

using ::testing::ElementsAre;

using Rows = std::vector<std::vector<std::string>>;

struct Result {
  Rows rows;
  std::vector<int64_t> lines;
  int64_t line_count = 0;
  std::optional<CellError> error;
};

Result Read(std::string text, const TextFormat& format, size_t columns) {
  const size_t size = text.size();
  text.resize(size + kCellPadding);
  Tokenizer tokenizer(format, columns);
  CellBlock cells;
  Result result;
  result.error = tokenizer.Tokenize(text.data(), size, cells);
  for (size_t row = 0; row < cells.rows; ++row) {
    result.rows.emplace_back();
    for (size_t column = 0; column < columns; ++column)
      result.rows.back().emplace_back(cells.view(row, column));
    result.lines.push_back(cells.line(row));
  }
  result.line_count = cells.lines;
  return result;
}

const TextFormat kTsv{"\t", false, false};
const TextFormat kCsv{",", true, false};

TEST(TokenizerTest, FieldsMayBeEmptyAnywhere) {
  const Result result = Read("a\t\tc\n\t\t\nd\te\t\n", kTsv, 3);
  EXPECT_EQ(result.error, std::nullopt);
  EXPECT_EQ(result.rows, (Rows{{"a", "", "c"}, {"", "", ""}, {"d", "e", ""}}));
}

TEST(TokenizerTest, BlankLinesAreSkippedAndLineNumbersKept) {
  for (const TextFormat& format : {kTsv, TextFormat{"\t", true, false}}) {
    const Result result = Read("\na\tb\n\r\n\n\"c\"\td\n\n", format, 2);
    ASSERT_EQ(result.rows.size(), 2u);
    EXPECT_THAT(result.lines, ElementsAre(1, 4));
    EXPECT_EQ(result.line_count, 6);
  }
}

TEST(TokenizerTest, CarriageReturnsBeforeNewlinesAreDropped) {
  EXPECT_EQ(Read("a,b\r\nc,\r\n", kCsv, 2).rows, (Rows{{"a", "b"}, {"c", ""}}));
  EXPECT_EQ(Read("\"a\",\"b\"\r\n", kCsv, 2).rows, (Rows{{"a", "b"}}));
  EXPECT_EQ(Read("a\rb,c\n", kCsv, 2).rows, (Rows{{"a\rb", "c"}}));
}

// Whatever else stands in the block: quotes send it through another reader.
TEST(TokenizerTest, ARowThatIsCutKeepsTheCarriageReturnBeforeTheCut) {
  TextFormat format = kCsv;
  format.bad_rows = BadRowPolicy::kNull;
  EXPECT_EQ(Read("a,b\r,c\n", format, 2).rows, (Rows{{"a", "b\r"}}));
  EXPECT_EQ(Read("a,b\r,c\n\"d\",e\n", format, 2).rows, (Rows{{"a", "b\r"}, {"d", "e"}}));
}

TEST(TokenizerTest, QuotedFieldsHoldDelimitersNewlinesAndQuotes) {
  const Result result = Read("\"a,b\",\"x\ny\"\n\"say \"\"hi\"\"\",\"\"\n\"\"\"\",z\n", kCsv, 2);
  EXPECT_EQ(result.error, std::nullopt);
  EXPECT_EQ(result.rows, (Rows{{"a,b", "x\ny"}, {"say \"hi\"", ""}, {"\"", "z"}}));
  EXPECT_THAT(result.lines, ElementsAre(0, 2, 3));
  EXPECT_EQ(result.line_count, 4);
}

TEST(TokenizerTest, QuotesAreOrdinaryWhereTheFormatHasNone) {
  EXPECT_EQ(Read("\"a\tb\"\n", kTsv, 2).rows, (Rows{{"\"a", "b\""}}));
}

TEST(TokenizerTest, LongDelimiters) {
  EXPECT_EQ(Read("1::Toy: Story::x\n2:::y::\n", {"::", false, false}, 3).rows,
            (Rows{{"1", "Toy: Story", "x"}, {"2", ":y", ""}}));
  EXPECT_EQ(Read("a, b,c, \"d, e\"\n", {", ", true, false}, 3).rows, (Rows{{"a", "b,c", "d, e"}}));
}

TEST(TokenizerTest, BlanksAreKept) {
  EXPECT_EQ(Read(" a , b\n", kCsv, 2).rows, (Rows{{" a ", " b"}}));
}

TEST(TokenizerTest, RaggedRowsAreFoundWithTheirLine) {
  for (const TextFormat& format : {kCsv, TextFormat{",", false, false}, TextFormat{",,", false, false}}) {
    const std::string& d = format.delimiter;
    const Result few = Read("a" + d + "b\n\nc\nd" + d + "e\n", format, 2);
    ASSERT_TRUE(few.error.has_value());
    EXPECT_EQ(few.error->line, 2);
    EXPECT_EQ(few.error->reason, "RAGGED_ROW");
    EXPECT_EQ(few.error->rule, "has 1 field; must have 2");
    EXPECT_EQ(few.rows, (Rows{{"a", "b"}}));
    const Result many = Read("a" + d + "b" + d + "c" + d + "d\n", format, 2);
    ASSERT_TRUE(many.error.has_value());
    EXPECT_EQ(many.error->rule, "has 4 fields; must have 2");
  }
}

TEST(TokenizerTest, BadQuotingIsFoundWithLineAndColumn) {
  const auto inside = Read("a,b\nc,5\" disk\n", kCsv, 2).error;
  ASSERT_TRUE(inside.has_value());
  EXPECT_EQ(inside->line, 1);
  EXPECT_EQ(inside->column, 1);
  EXPECT_EQ(inside->reason, "BAD_QUOTING");
  const auto behind = Read("a,b\n\"c\"d,e\n", kCsv, 2).error;
  ASSERT_TRUE(behind.has_value());
  EXPECT_EQ(behind->column, 0);
  const auto open = Read("a,b\n\"c,d\ne,f\n", kCsv, 2).error;
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->line, 1);
  EXPECT_EQ(open->rule, "opens a quote that is never closed");
}

TEST(TokenizerTest, OneColumn) {
  EXPECT_EQ(Read("a\n\nb\n", kTsv, 1).rows, (Rows{{"a"}, {"b"}}));
  EXPECT_EQ(Read("\n\n", kTsv, 1).rows, Rows{});
}

TEST(TokenizerTest, NotAsciiIsSeen) {
  Tokenizer tokenizer(kTsv, 1);
  CellBlock cells;
  std::string text = "\xc3\xbc\n";
  text.resize(text.size() + kCellPadding);
  EXPECT_EQ(tokenizer.Tokenize(text.data(), 3, cells), std::nullopt);
  EXPECT_FALSE(cells.ascii);
}

// Any table written by the rules of RFC 4180 is read back, with and without quotes, for every delimiter.
TEST(TokenizerTest, RandomTablesAreReadBack) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::string> delimiters = {",", "\t", "::", ", "};
    const std::string& delimiter = delimiters[random() % delimiters.size()];
    const bool quotes = random() % 2 == 0;
    const size_t columns = 1 + random() % 5;
    Rows rows(random() % 40);
    std::string text;
    for (auto& row : rows) {
      for (size_t column = 0; column < columns; ++column) {
        std::string value;
        const char* const alphabet = quotes ? "ab,: \t\"\nx" : "abcdefghx";
        for (size_t length = random() % 30; length > 0; --length) value.push_back(alphabet[random() % 9]);
        if (columns == 1 && value.empty()) value = "x";
        row.push_back(value);
        if (column > 0) text += delimiter;
        const bool plain =
            !quotes || (value.find_first_of(",: \t\"\n") == std::string::npos && random() % 2 == 0);
        if (plain) {
          text += value;
          continue;
        }
        text += '"';
        for (const char c : value) text += c == '"' ? "\"\"" : std::string(1, c);
        text += '"';
      }
      text += random() % 4 == 0 ? "\r\n" : "\n";
      if (random() % 10 == 0) text += '\n';
    }
    const Result result = Read(text, {delimiter, quotes, false}, columns);
    ASSERT_EQ(result.error, std::nullopt) << "round " << round << ": " << result.error->rule;
    ASSERT_EQ(result.rows, rows) << "round " << round << " delimiter " << delimiter;
  }
}

// Whatever the bytes: cells lie inside the text, rows are whole, and where bad rows do not end the job every
// line is passed exactly once.
TEST(TokenizerTest, RandomBytesAreCutWithoutHarm) {
  std::mt19937 random(20241128);
  const std::string alphabet("ab,:\"\"\n\r\0\xff", 10);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t length = random() % 60; length > 0; --length)
      text.push_back(alphabet[random() % alphabet.size()]);
    text.push_back('\n');
    const size_t size = text.size();
    const auto lines = std::count(text.begin(), text.end(), '\n');
    const size_t columns = 1 + random() % 3;
    TextFormat format{random() % 2 == 0 ? "," : "::", random() % 2 == 0, false};
    for (const auto policy : {BadRowPolicy::kFail, BadRowPolicy::kSkip, BadRowPolicy::kNull}) {
      format.bad_rows = policy;
      std::string copy = text + std::string(kCellPadding, '\0');
      CellBlock cells;
      const auto error = Tokenizer(format, columns).Tokenize(copy.data(), size, cells);
      ASSERT_EQ(cells.cells.size(), cells.rows * columns) << round;
      for (const Cell& cell : cells.cells) ASSERT_LE(size_t{cell.begin} + cell.size, size) << round;
      if (policy == BadRowPolicy::kFail) {
        ASSERT_TRUE(cells.bad.empty());
        continue;
      }
      ASSERT_EQ(error, std::nullopt) << round;
      ASSERT_EQ(cells.lines, lines) << round;
      ASSERT_LE(static_cast<int64_t>(cells.rows), lines) << round;
    }
  }
}

TEST(ReadRecordsTest, ReadsAnyNumberOfFields) {
  const auto records = ReadRecords("\na,b\n\"c\nd\"\ne,f,g", kCsv, 10);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_THAT(records[0].fields, ElementsAre("a", "b"));
  EXPECT_EQ(records[0].line, 1);
  EXPECT_THAT(records[1].fields, ElementsAre("c\nd"));
  EXPECT_EQ(records[1].lines, 4);
  EXPECT_THAT(records[2].fields, ElementsAre("e", "f", "g"));
}

}  // namespace
}  // namespace sda::preprocessing
