#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/preprocessing/core/column_sample.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/row_source.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_rows.h"

namespace sda::preprocessing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ReadAll;
using testing::TempFolder;

std::vector<std::string> Paths(const std::vector<InputFile>& files) {
  std::vector<std::string> paths;
  for (const InputFile& file : files) paths.push_back(file.path);
  return paths;
}

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

TEST(InputFilesTest, FilesFoldersAndGlobsAreSortedByPath) {
  const TempFolder folder;
  const std::string b = folder.Write("b.tsv", "x\n");
  const std::string a = folder.Write("a.tsv", "x\n");
  const std::string c = folder.Write("part/c.csv", "x\n");
  folder.Write("part/_SUCCESS", "");
  folder.Write("part/.hidden", "x");
  const auto files = FindInputFiles({folder.path() + "/*.tsv", folder.path() + "/part"});
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(Paths(*files), ElementsAre(a, b, c));
}

TEST(InputFilesTest, FoldersOfUrisMayEndWithASlash) {
  const TempFolder folder;
  const std::string a = folder.Write("a.tsv", "x\n");
  for (const char* end : {"", "/", "//"}) {
    const auto files = FindInputFiles({"file://" + folder.path() + end});
    ASSERT_TRUE(files.ok()) << files.status();
    EXPECT_THAT(Paths(*files), ElementsAre("file://" + a)) << end;
    EXPECT_TRUE(OpenInputFile(files->front()).ok()) << end;
  }
}

TEST(InputFilesTest, WhatIsNotThereIsNamed) {
  const TempFolder folder;
  const std::string missing = folder.path() + "/missing.tsv";
  const auto status = FindInputFiles({missing}).status();
  EXPECT_EQ(Message(status), missing + ": does not exist");
  EXPECT_EQ(GetErrorReason(status), "INPUT_NOT_FOUND");
  EXPECT_EQ(GetErrorDetail(status)->metadata.at("file"), missing);

  const std::string empty = folder.Write("empty.tsv", "");
  EXPECT_EQ(Message(FindInputFiles({empty}).status()), empty + ": is empty");
  EXPECT_THAT(Message(FindInputFiles({folder.path() + "/*.csv"}).status()), HasSubstr("matches no file"));
  EXPECT_THAT(Message(FindInputFiles({folder.path(), empty}).status()), HasSubstr("is empty"));
}

TEST(InputFilesTest, AFileNamedTwiceIsRefused) {
  const TempFolder folder;
  const std::string a = folder.Write("a.tsv", "x\n");
  EXPECT_THAT(Message(FindInputFiles({a, folder.path()}).status()), HasSubstr("is named twice"));
}

TEST(InputFilesTest, AChangedFileIsSeen) {
  const TempFolder folder;
  const auto files = FindInputFiles({folder.Write("a.tsv", "x\n")});
  ASSERT_TRUE(files.ok());
  EXPECT_TRUE(CheckUnchanged(files->front()).ok());
  folder.Write("a.tsv", "xy\n");
  EXPECT_EQ(GetErrorReason(CheckUnchanged(files->front())), "INPUT_CHANGED");
}

absl::StatusOr<InputLayout> Detect(std::string_view text, const std::string& label = "0",
                                   const FormatSpec& format = {}) {
  return DetectTextLayout(text, "f", format, label);
}

TEST(LayoutDetectionTest, DelimitersAreGuessed) {
  EXPECT_EQ(Detect("a\tb\nc\td\n")->text.delimiter, "\t");
  EXPECT_EQ(Detect("1::a, b::2\n2::c::3\n")->text.delimiter, "::");
  EXPECT_EQ(Detect("1,a\n2,b\n")->text.delimiter, ",");
  EXPECT_EQ(Detect("1, a\n2, b\n")->text.delimiter, ", ");
  EXPECT_EQ(Detect("1;a\n2;b\n")->text.delimiter, ";");
  EXPECT_EQ(Detect("1|a\n2|b\n")->text.delimiter, "|");
  EXPECT_THAT(Message(Detect("abc\ndef\n").status()), HasSubstr("f: no delimiter"));
}

TEST(LayoutDetectionTest, HeadersAreGuessed) {
  EXPECT_TRUE(Detect("click,age\n0,3\n1,4\n")->text.header);
  EXPECT_TRUE(Detect("click,kind\nno,a\nyes,b\n", "click")->text.header);
  EXPECT_FALSE(Detect("yes,a\nno,b\n", "click")->text.header);
  EXPECT_FALSE(Detect("0,a\n1,b\n")->text.header);
  EXPECT_FALSE(Detect("a,a\n1,2\n")->text.header);
}

TEST(LayoutDetectionTest, GivenFormatsAreNotGuessed) {
  const auto layout = Detect("a,b\n1,2\n", "0", {.delimiter = ";", .header = FormatSpec::Header::kNo});
  ASSERT_TRUE(layout.ok());
  EXPECT_THAT(layout->columns, ElementsAre("c0"));
}

TEST(LayoutDetectionTest, HeadersMustNameEachColumnOnce) {
  const FormatSpec yes{.header = FormatSpec::Header::kYes};
  EXPECT_THAT(Message(Detect("a,b,a\n1,2,3\n", "0", yes).status()),
              HasSubstr("f:1: the header names column \"a\" twice"));
  EXPECT_THAT(Message(Detect("\na,,c\n1,2,3\n", "0", yes).status()),
              HasSubstr("f:2: the header has a column without"));
}

TEST(LayoutDetectionTest, ColumnsAreFoundByNameThenPosition) {
  const std::vector<std::string> columns = {"a", "2", "c"};
  EXPECT_EQ(*FindColumn("label", "c", columns), 2);
  EXPECT_EQ(*FindColumn("label", "2", columns), 1);
  EXPECT_EQ(*FindColumn("label", "0", columns), 0);
  EXPECT_EQ(*FindColumn("label", "-1", columns), 2);
  EXPECT_EQ(Message(FindColumn("label", "clicks", columns).status()),
            "label: there is no column \"clicks\"; columns are a, 2, c");
  EXPECT_EQ(GetErrorReason(FindColumn("label", "3", columns).status()), "COLUMN_NOT_FOUND");
}

TEST(RowSourceTest, ByteOrderMarkHeaderAndMissingLastNewline) {
  const TempFolder folder;
  const std::string a = folder.Write("a.csv", "\xef\xbb\xbfx,y\r\n1,2\r\n3,4");
  const std::string b = folder.Write("b.csv", "x,y\n5,6\n");
  EXPECT_THAT(ReadAll({a, b}), ElementsAre("1|2", "3|4", "5|6"));
}

TEST(RowSourceTest, ManyBlocksHoldEveryRowOnceInOrder) {
  const TempFolder folder;
  std::string text;
  std::vector<std::string> expected;
  for (int i = 0; i < 60'000; ++i) {
    const std::string word(static_cast<size_t>(i % 50), 'w');
    text += std::to_string(i) + ",\"" + word + "\n\"\n";
    expected.push_back(std::to_string(i) + "|" + word + "\n");
  }
  ASSERT_GT(text.size(), 4 * kBlockBytes);
  EXPECT_EQ(ReadAll({folder.Write("a.csv", text)}), expected);
}

TEST(RowSourceTest, ARowMayBeLongerThanABlock) {
  const TempFolder folder;
  const std::string longer(3 * kBlockBytes, 'x');
  const std::vector<std::string> rows = ReadAll({folder.Write("a.csv", "1,a\n2," + longer + "\n3,b\n")});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].size(), longer.size() + 2);
  EXPECT_EQ(rows[2], "3|b");
}

TEST(RowSourceTest, AnotherHeaderInALaterFileIsRefused) {
  const TempFolder folder;
  folder.Write("a.csv", "x,y\n1,2\n");
  const std::string b = folder.Write("b.csv", "y,x\n1,2\n");
  const auto files = FindInputFiles({folder.path()});
  const auto layout = DetectLayout(*files, {}, "0");
  const auto source = OpenRowSource(*files, *layout);
  Block block;
  EXPECT_TRUE(*source->Next(block));
  EXPECT_EQ(Message(source->Next(block).status()),
            b + ":1: has header \"y,x\"; must be the columns of the first file, \"x,y\"");
}

TEST(RowSourceTest, AFileOfOnlyAHeaderHasNoRows) {
  const TempFolder folder;
  const std::string a = folder.Write("a.csv", "x,y\n");
  const auto files = FindInputFiles({a});
  const auto layout = DetectLayout(*files, {.header = FormatSpec::Header::kYes}, "0");
  const auto source = OpenRowSource(*files, *layout);
  Block block;
  EXPECT_EQ(Message(source->Next(block).status()), a + ": has no rows");
}

}  // namespace
}  // namespace sda::preprocessing
