// The same rows from every format that files may have: what is read does not depend on it.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <arrow/util/compression.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include "common/base/error.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_rows.h"

namespace sda::preprocessing {
namespace {

using ::testing::HasSubstr;
using testing::ReadAll;
using testing::TempFolder;

std::shared_ptr<arrow::io::OutputStream> OpenOutput(const std::string& path) {
  return arrow::io::FileOutputStream::Open(path).ValueOrDie();
}

// ---- text ----

void WriteCompressed(const std::string& path, const std::string& text, arrow::Compression::type type) {
  const auto codec = arrow::util::Codec::Create(type).ValueOrDie();
  const auto out = arrow::io::CompressedOutputStream::Make(codec.get(), OpenOutput(path)).ValueOrDie();
  ASSERT_TRUE(out->Write(text).ok());
  ASSERT_TRUE(out->Close().ok());
}

TEST(TextFormatsTest, DelimitersHeadersQuotesAndCompressionsReadAlike) {
  const TempFolder folder;
  const std::vector<std::vector<std::string>> table = {
      {"1", "a b", "x"}, {"0", "", "5"}, {"1", "say \"hi\"", "x"}, {"0", "two\nlines", "end"}};
  int files = 0;
  for (const std::string delimiter : {",", "\t", ";", "|", "::", " | ", "\x01"}) {
    for (const bool header : {true, false}) {
      for (const bool quotes : {true, false}) {
        std::string text = header ? "click" + delimiter + "name" + delimiter + "c\n" : "";
        std::vector<std::string> expected;
        for (const auto& row : table) {
          // Without quotes such a field cannot be written.
          if (!quotes && row[1].find_first_of("\"\n") != std::string::npos) continue;
          std::string name = row[1];
          for (size_t at = name.find('"'); at != std::string::npos; at = name.find('"', at + 2))
            name.insert(at, "\"");
          text += row[0] + delimiter + (quotes ? "\"" + name + "\"" : name) + delimiter + row[2] + "\n";
          expected.push_back(row[0] + "|" + row[1] + "|" + row[2]);
        }
        const FormatSpec format{.delimiter = delimiter,
                                .header = header ? FormatSpec::Header::kYes : FormatSpec::Header::kNo};
        const std::string name = folder.path() + "/" + std::to_string(++files);
        folder.Write(std::to_string(files), text);
        EXPECT_EQ(ReadAll({name}, format), expected) << delimiter << header << quotes;
        WriteCompressed(name + ".gz", text, arrow::Compression::GZIP);
        EXPECT_EQ(ReadAll({name + ".gz"}, format), expected) << delimiter << header << quotes;
        WriteCompressed(name + ".zst", text, arrow::Compression::ZSTD);
        EXPECT_EQ(ReadAll({name + ".zst"}, format), expected) << delimiter << header << quotes;
      }
    }
  }
}

// ---- columnar files ----

std::shared_ptr<arrow::Array> Words(const std::vector<std::string>& words) {
  arrow::StringBuilder builder;
  for (const std::string& word : words) {
    EXPECT_TRUE((word.empty() ? builder.AppendNull() : builder.Append(word)).ok());
  }
  return builder.Finish().ValueOrDie();
}

template <class Builder, class Value>
std::shared_ptr<arrow::Array> Values(Builder&& builder, const std::vector<Value>& values) {
  for (const Value& value : values) EXPECT_TRUE(builder.Append(value).ok());
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::RecordBatch> Table() {
  const auto time = arrow::timestamp(arrow::TimeUnit::MILLI);
  const arrow::FieldVector fields = {arrow::field("click", arrow::boolean()),
                                     arrow::field("id", arrow::int64()),
                                     arrow::field("price", arrow::float32()),
                                     arrow::field("name", arrow::utf8()),
                                     arrow::field("kind", arrow::dictionary(arrow::int8(), arrow::utf8())),
                                     arrow::field("time", time)};
  const auto kinds = arrow::DictionaryArray::FromArrays(
                         fields[4]->type(), Values(arrow::Int8Builder(), std::vector<int8_t>{1, 0, 1}),
                         Words({"old", "new"}))
                         .ValueOrDie();
  return arrow::RecordBatch::Make(
      arrow::schema(fields), 3,
      {Values(arrow::BooleanBuilder(), std::vector<bool>{true, false, true}),
       Values(arrow::Int64Builder(), std::vector<int64_t>{7, -1, INT64_MAX}),
       Values(arrow::FloatBuilder(), std::vector<float>{0.1F, 2, 1e-9F}), Words({"a,b", "", "dé"}), kinds,
       Values(arrow::TimestampBuilder(time, arrow::default_memory_pool()),
              std::vector<int64_t>{0, 86'400'000, 1'413'000'000'500})});
}

const std::vector<std::string> kTableRows = {"1|7|0.1|a,b|new|1970-01-01 00:00:00.000",
                                             "0|-1|2||old|1970-01-02 00:00:00.000",
                                             "1|9223372036854775807|1e-09|dé|new|2014-10-11 04:00:00.500"};

using Opener = std::function<arrow::Result<std::shared_ptr<arrow::ipc::RecordBatchWriter>>(
    const std::shared_ptr<arrow::io::OutputStream>&, const arrow::ipc::IpcWriteOptions&)>;

const Opener kFileForm = [](const auto& out, const auto& options) {
  return arrow::ipc::MakeFileWriter(out, Table()->schema(), options);
};
const Opener kStreamForm = [](const auto& out, const auto& options) {
  return arrow::ipc::MakeStreamWriter(out, Table()->schema(), options);
};

std::string WriteIpc(const std::string& path, const Opener& form, int batches = 1,
                     arrow::Compression::type compression = arrow::Compression::UNCOMPRESSED) {
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  if (compression != arrow::Compression::UNCOMPRESSED)
    options.codec = arrow::util::Codec::Create(compression).ValueOrDie();
  const auto out = OpenOutput(path);
  const auto writer = form(out, options).ValueOrDie();
  for (int i = 0; i < batches; ++i) EXPECT_TRUE(writer->WriteRecordBatch(*Table()).ok());
  EXPECT_TRUE(writer->Close().ok());
  EXPECT_TRUE(out->Close().ok());
  return path;
}

TEST(ColumnarFormatsTest, ArrowFilesStreamsAndParquetReadAlike) {
  const TempFolder folder;
  const std::string at = folder.path() + "/";
  EXPECT_EQ(ReadAll({WriteIpc(at + "a.arrow", kFileForm)}), kTableRows);
  EXPECT_EQ(ReadAll({WriteIpc(at + "a.arrows", kStreamForm)}), kTableRows);
  // The first bytes tell, whatever the name.
  EXPECT_EQ(ReadAll({WriteIpc(at + "file", kFileForm)}), kTableRows);
  EXPECT_EQ(ReadAll({WriteIpc(at + "stream", kStreamForm)}), kTableRows);
  EXPECT_EQ(ReadAll({at + "stream"}, {.kind = FormatSpec::Kind::kArrow}), kTableRows);
  for (const auto compression : {arrow::Compression::ZSTD, arrow::Compression::LZ4_FRAME}) {
    EXPECT_EQ(ReadAll({WriteIpc(at + "z.feather", kFileForm, 1, compression)}), kTableRows);
    EXPECT_EQ(ReadAll({WriteIpc(at + "z.ipc", kStreamForm, 1, compression)}), kTableRows);
  }
  const auto table = arrow::Table::FromRecordBatches({Table()}).ValueOrDie();
  ASSERT_TRUE(
      parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), OpenOutput(at + "a.parquet"), 2).ok());
  EXPECT_EQ(ReadAll({at + "a.parquet"}), kTableRows);
}

TEST(ColumnarFormatsTest, ManyAndLargeBatchesHoldEveryRowOnceInOrder) {
  const TempFolder folder;
  std::vector<int64_t> numbers;
  std::vector<std::string> expected;
  for (int64_t i = 0; i < 5000; ++i) {
    numbers.push_back(i);
    expected.push_back(std::to_string(i) + "|" + std::to_string(i));
  }
  const auto column = Values(arrow::Int64Builder(), numbers);
  const auto schema = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::int64())});
  const auto batch = arrow::RecordBatch::Make(schema, 5000, {column, column});
  const std::string path = folder.path() + "/a.arrow";
  const auto writer = arrow::ipc::MakeFileWriter(OpenOutput(path), schema).ValueOrDie();
  for (const auto& piece : {batch->Slice(0, 4500), batch->Slice(0, 0), batch->Slice(4500)})
    ASSERT_TRUE(writer->WriteRecordBatch(*piece).ok());
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(ReadAll({path}), expected);
}

absl::Status ErrorOf(const std::vector<std::string>& paths, const FormatSpec& format = {}) {
  const auto files = FindInputFiles(paths);
  if (!files.ok()) return files.status();
  const auto layout = DetectLayout(*files, format, "0");
  if (!layout.ok()) return layout.status();
  const auto source = OpenRowSource(*files, *layout);
  Block block;
  for (;;) {
    const auto more = source->Next(block);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
  }
}

TEST(ColumnarFormatsTest, WhatIsDamagedOrOtherIsNamed) {
  const TempFolder folder;
  const std::string at = folder.path() + "/";
  for (const Opener& form : {kFileForm, kStreamForm}) {
    const std::string path = WriteIpc(at + "cut.arrow", form, 20);
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
    const absl::Status status = ErrorOf({path});
    EXPECT_EQ(GetErrorReason(status), "INPUT_UNREADABLE") << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  }
  // The mark at its end alone, which takes 8 bytes.
  const std::string open_end = WriteIpc(at + "open.arrows", kStreamForm, 2);
  std::filesystem::resize_file(open_end, std::filesystem::file_size(open_end) - 8);
  EXPECT_THAT(std::string(ErrorOf({open_end}).message()), HasSubstr("no mark at the end of its stream"));
  const std::string two = WriteIpc(at + "two.arrows", kStreamForm);
  folder.Write("two.arrows", testing::ReadFile(two) + testing::ReadFile(two));
  EXPECT_THAT(std::string(ErrorOf({two}).message()), HasSubstr("behind the end of its stream"));

  const std::string text = folder.Write("text.arrow", "a,b\n1,2\n");
  EXPECT_THAT(std::string(ErrorOf({text}).message()), HasSubstr("is no Arrow IPC file or stream"));

  const auto lists = arrow::schema({arrow::field("tags", arrow::list(arrow::utf8()))});
  const std::string nested = at + "nested.arrow";
  ASSERT_TRUE(arrow::ipc::MakeFileWriter(OpenOutput(nested), lists).ValueOrDie()->Close().ok());
  EXPECT_THAT(std::string(ErrorOf({nested}).message()), HasSubstr("column \"tags\" has type list<"));

  const std::string empty = WriteIpc(at + "empty.arrow", kFileForm, 0);
  EXPECT_EQ(GetErrorReason(ErrorOf({empty})), "INPUT_EMPTY");
}

// ---- places ----

TEST(PlacesTest, UrisFoldersAndGlobsNameTheSameFiles) {
  const TempFolder folder;
  const std::string a = folder.Write("day_0.csv", "x,y\n1,2\n");
  const std::string b = folder.Write("day_1.csv", "x,y\n3,4\n");
  folder.Write("other.txt", "p;q\n5;6\n");
  const std::vector<std::string> rows = {"1|2", "3|4"};
  EXPECT_EQ(ReadAll({a, b}), rows);
  EXPECT_EQ(ReadAll({"file://" + b, "file://" + a}), rows);
  EXPECT_EQ(ReadAll({folder.path() + "/day_*.csv"}), rows);
  EXPECT_EQ(ReadAll({"file://" + folder.path() + "/day_*.csv"}), rows);
  EXPECT_EQ(ReadAll({folder.path() + "/day_[01].csv"}), rows);
  EXPECT_EQ(ReadAll({folder.path() + "/day_?.csv"}), rows);
  std::filesystem::remove(folder.path() + "/other.txt");
  EXPECT_EQ(ReadAll({folder.path()}), rows);
  EXPECT_EQ(ReadAll({"file://" + folder.path()}), rows);
  EXPECT_EQ(ReadAll({"file://" + folder.path() + "/"}), rows);
  const auto missing = FindInputFiles({"file://" + folder.path() + "/none.csv"}).status();
  EXPECT_EQ(GetErrorReason(missing), "INPUT_NOT_FOUND") << missing;
}

}  // namespace
}  // namespace sda::preprocessing
