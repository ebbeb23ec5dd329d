#include "services/preprocessing/core/bad_rows.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <arrow/io/compressed.h>
#include <arrow/io/file.h>
#include <arrow/util/compression.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "services/preprocessing/core/bad_rows_json.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/row_source.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"
#include "services/preprocessing/core/testing_memory.h"

// Every kind of bad row under every policy: what is left is the dataset of the good rows alone.
namespace sda::preprocessing {
namespace {

using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::TempFolder;

// Good row i of a log with header "click,n,word".
std::string Row(int i) {
  return std::to_string(i % 3 == 0) + "," + std::to_string(i % 50) + ",word" + std::to_string(i % 7) + "\n";
}

class BadRowsTest : public ::testing::Test {
 protected:
  absl::StatusOr<DatasetManifest> Create(const std::string& file, BadRowPolicy policy, int threads = 2) {
    FolderOutput output(folder_.path() + "/dataset" + std::to_string(++datasets_));
    DatasetSpec spec{.data_uris = {file}, .label = "click"};
    spec.columns = {{.name = "n", .role = Role::kDense}, {.name = "word", .role = Role::kCategorical}};
    spec.shard_rows = 512;
    spec.bad_rows = policy;
    return CreateDataset(spec, "datasets/d", {.threads = threads, .max_row_bytes = max_row_bytes_}, output);
  }

  // Good rows with `line` behind row `at`; or without, where it is empty.
  std::string Log(const std::string& line, int at = 700, int rows = 20'000) {
    std::string text = "click,n,word\n";
    for (int i = 0; i < rows; ++i) {
      text += Row(i);
      if (i == at) text += line;
    }
    return folder_.Write("log" + std::to_string(++files_) + ".csv", text);
  }

  static BadRows BadOf(const DatasetManifest& manifest) {
    return BadRowsFromJson(nlohmann::ordered_json::parse(manifest.provenance_json)["bad_rows"]);
  }

  TempFolder folder_;
  size_t max_row_bytes_ = kMaxRowBytes;
  int datasets_ = 0;
  int files_ = 0;
};

TEST_F(BadRowsTest, SkippedRowsLeaveNoTrace) {
  const auto good = Create(Log(""), BadRowPolicy::kFail);
  ASSERT_TRUE(good.ok()) << good.status();
  struct Case {
    std::string line;
    std::string reason;
    std::string column;
  };
  for (const Case& bad :
       {Case{"1,2\n", "RAGGED_ROW", ""}, Case{"1,2,3,4\r\n", "RAGGED_ROW", ""},
        Case{"2,3,word1\n", "BAD_LABEL", "click"}, Case{",3,word1\n", "BAD_LABEL", "click"},
        Case{"1,many,word1\n", "BAD_NUMBER", "n"}, Case{"1,5,\xff\xfe\n", "BAD_TEXT", "word"},
        Case{std::string("1,5,w\0rd\n", 9), "BAD_TEXT", "word"}, Case{"1,5,a\"b\n", "BAD_QUOTING", "word"},
        Case{"1,5,\"never closed\n", "BAD_QUOTING", "word"}, Case{"1,\"5\"x,word1\n", "BAD_QUOTING", "n"}}) {
    const std::string file = Log(bad.line);
    const auto failed = Create(file, BadRowPolicy::kFail);
    ASSERT_EQ(failed.status().code(), absl::StatusCode::kInvalidArgument) << bad.line << failed.status();
    EXPECT_EQ(GetErrorReason(failed.status()), bad.reason);
    for (const int threads : {1, 3}) {
      const auto skipped = Create(file, BadRowPolicy::kSkip, threads);
      ASSERT_TRUE(skipped.ok()) << bad.line << skipped.status();
      EXPECT_EQ(skipped->digest, good->digest) << bad.line;
      const BadRows found = BadOf(*skipped);
      EXPECT_EQ(found.counts, (std::map<std::string, int64_t>{{bad.reason, 1}})) << bad.line;
      ASSERT_EQ(found.examples.size(), 1u) << bad.line;
      // Line 1 is the header, line 2 is row 0.
      EXPECT_EQ(found.examples[0].line, 703) << bad.line;
      EXPECT_EQ(found.examples[0].column, bad.column) << bad.line;
      EXPECT_EQ(found.examples[0].file, file);
    }
  }
}

TEST_F(BadRowsTest, NullsMendWhatCanBeMended) {
  const auto mended = [&](const std::string& bad, const std::string& good) {
    const auto found = Create(Log(bad), BadRowPolicy::kNull);
    const auto expected = Create(Log(good), BadRowPolicy::kFail);
    ASSERT_TRUE(found.ok()) << bad << found.status();
    ASSERT_TRUE(expected.ok()) << expected.status();
    EXPECT_EQ(found->digest, expected->digest) << bad;
    EXPECT_EQ(BadOf(*found).examples.size(), 1u) << bad;
  };
  mended("1,many,word1\n", "1,,word1\n");
  mended("1,5,\xff\n", "1,5,\n");
  mended("1,5\n", "1,5,\n");
  mended("1,5\r\n", "1,5,\n");
  mended("1,5,word1,more,and more\n", "1,5,word1\n");
  mended("0,\"5\"\n", "0,5,\n");  // by the general path
  mended("0,\"5\",word1,more\n", "0,5,word1\n");
  mended("maybe,5,word1\n", "");  // no label, no row
  mended("1,5,\"never closed\n", "");
}

TEST_F(BadRowsTest, ManyBadRowsAreCountedAndTheFirstShown) {
  std::string text = "click,n,word\n";
  std::string good = text;
  for (int i = 0; i < 30'000; ++i) {
    const bool bad = i % 10 == 9;
    text += bad ? "1,x" + std::to_string(i) + ",word\n" : Row(i);
    if (!bad) good += Row(i);
  }
  const auto expected = Create(folder_.Write("good.csv", good), BadRowPolicy::kFail);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const int threads : {1, 2, 8}) {
    const auto made = Create(folder_.Write("bad.csv", text), BadRowPolicy::kSkip, threads);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->digest, expected->digest);
    const BadRows found = BadOf(*made);
    EXPECT_EQ(found.counts.at("BAD_NUMBER"), 3000);
    ASSERT_EQ(found.examples.size(), BadRows::kMaxExamples);
    for (size_t k = 0; k < found.examples.size(); ++k)
      EXPECT_EQ(found.examples[k].line, static_cast<int64_t>(k) * 10 + 11);
  }
}

TEST_F(BadRowsTest, ATruncatedFileGivesTheRowsItHolds) {
  std::string text = "click,n,word\n";
  for (int i = 0; i < 60'000; ++i) text += Row(i * 7919);
  for (const auto type : {arrow::Compression::GZIP, arrow::Compression::ZSTD}) {
    const std::string file = folder_.path() + "/log." + std::to_string(static_cast<int>(type));
    {
      const auto codec = arrow::util::Codec::Create(type).ValueOrDie();
      const auto out = arrow::io::CompressedOutputStream::Make(
                           codec.get(), arrow::io::FileOutputStream::Open(file).ValueOrDie())
                           .ValueOrDie();
      ASSERT_TRUE(out->Write(text).ok());
      ASSERT_TRUE(out->Close().ok());
    }
    std::filesystem::resize_file(file, std::filesystem::file_size(file) * 2 / 3);
    const auto failed = Create(file, BadRowPolicy::kFail);
    EXPECT_EQ(GetErrorReason(failed.status()), "INPUT_UNREADABLE") << failed.status();
    EXPECT_THAT(std::string(failed.status().message()), HasSubstr(file));
    const auto made = Create(file, BadRowPolicy::kSkip, 1);
    ASSERT_TRUE(made.ok()) << made.status();
    const BadRows found = BadOf(*made);
    EXPECT_EQ(found.counts.at("TRUNCATED_FILE"), 1);
    int64_t rows = 0;
    for (const auto& [name, split] : made->splits) rows += split.rows;
    EXPECT_GT(rows, 1000);
    EXPECT_LT(rows, 60'000);
    EXPECT_EQ(found.examples.back().line, rows + 2);
    EXPECT_EQ(Create(file, BadRowPolicy::kSkip, 3)->digest, made->digest);
  }
}

TEST_F(BadRowsTest, ALineWithoutEndIsRefusedWithItsNumberOrLeftOut) {
  max_row_bytes_ = 512 << 10;
  const std::string long_line = "1,5," + std::string(max_row_bytes_ + (200 << 10), 'x') + "\n";
  const std::string file = Log(long_line, 700, 3000);
  const auto failed = Create(file, BadRowPolicy::kFail);
  EXPECT_EQ(GetErrorReason(failed.status()), "ROW_TOO_LONG") << failed.status();
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr(file + ":703:"));
  const auto skipped = Create(file, BadRowPolicy::kSkip);
  ASSERT_TRUE(skipped.ok()) << skipped.status();
  EXPECT_EQ(skipped->digest, Create(Log("", 0, 3000), BadRowPolicy::kFail)->digest);
  const BadRows found = BadOf(*skipped);
  ASSERT_EQ(found.examples.size(), 1u);
  EXPECT_EQ(found.examples[0].line, 703);
}

std::string Gzip(const std::string& text) {
  const auto codec = arrow::util::Codec::Create(arrow::Compression::GZIP).ValueOrDie();
  std::string packed(static_cast<size_t>(codec->MaxCompressedLen(std::ssize(text), nullptr)), '\0');
  const auto size = codec->Compress(std::ssize(text), reinterpret_cast<const uint8_t*>(text.data()),
                                    std::ssize(packed), reinterpret_cast<uint8_t*>(packed.data()));
  packed.resize(static_cast<size_t>(size.ValueOrDie()));
  return packed;
}

// Packed by a thousand, so that the file is small: such lines are how archives swell.
TEST_F(BadRowsTest, ALineOfOneGigabyteTakesLittleMemory) {
  constexpr size_t kPiece = 16 << 20;
  constexpr int kPieces = testing::kSanitized ? 5 : 64;
  std::string before = "click,n,word\n";
  std::string after;
  for (int i = 0; i < 3000; ++i) (i <= 700 ? before : after) += Row(i);
  const std::string piece = Gzip(std::string(kPiece, 'x'));
  std::string packed = Gzip(before + "1,5,");
  for (int i = 0; i < kPieces; ++i) packed += piece;
  packed += Gzip("\n" + after);
  const std::string file = folder_.Write("log.csv.gz", packed);

  testing::ResetPeakMemory();
  const int64_t memory = testing::PeakMemoryBytes();
  const auto failed = Create(file, BadRowPolicy::kFail);
  EXPECT_EQ(GetErrorReason(failed.status()), "ROW_TOO_LONG") << failed.status();
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr(file + ":703:"));
  const auto skipped = Create(file, BadRowPolicy::kSkip);
  // A row of 64 MiB is the longest that is looked at; it grows by doubling.
  if (!testing::kSanitized) {
    EXPECT_LT(testing::PeakMemoryBytes() - memory, int64_t{256} << 20);
  }
  ASSERT_TRUE(skipped.ok()) << skipped.status();
  EXPECT_EQ(skipped->digest, Create(Log("", 0, 3000), BadRowPolicy::kFail)->digest);
  EXPECT_EQ(BadOf(*skipped).counts, (std::map<std::string, int64_t>{{"ROW_TOO_LONG", 1}}));
}

TEST_F(BadRowsTest, AWeightThatCannotBeReadTakesItsRowAlong) {
  const auto create = [&](const std::string& bad, BadRowPolicy policy) {
    std::string text = "click,n,word,weight\n";
    for (int i = 0; i < 2000; ++i) {
      const std::string row = Row(i);
      text += row.substr(0, row.size() - 1) + "," + std::to_string(i % 4) + ".5\n";
      if (i == 700) text += bad;
    }
    DatasetSpec spec{.data_uris = {folder_.Write("log" + std::to_string(++files_) + ".csv", text)},
                     .label = "click"};
    spec.weight = "weight";
    spec.bad_rows = policy;
    FolderOutput output(folder_.path() + "/dataset" + std::to_string(++datasets_));
    return CreateDataset(spec, "datasets/d", {.threads = 2}, output);
  };
  const auto good = create("", BadRowPolicy::kFail);
  ASSERT_TRUE(good.ok()) << good.status();
  for (const char* bad : {"1,2,word1,\n", "1,2,word1,-1\n", "1,2,word1,many\n"}) {
    EXPECT_EQ(GetErrorReason(create(bad, BadRowPolicy::kFail).status()), "BAD_WEIGHT");
    for (const BadRowPolicy policy : {BadRowPolicy::kSkip, BadRowPolicy::kNull}) {
      const auto made = create(bad, policy);
      ASSERT_TRUE(made.ok()) << made.status();
      EXPECT_EQ(made->digest, good->digest) << bad;
      EXPECT_EQ(BadOf(*made).counts, (std::map<std::string, int64_t>{{"BAD_WEIGHT", 1}})) << bad;
    }
  }
}

TEST_F(BadRowsTest, PipelinesLeaveOutWhatTheirStepsCannotTake) {
  DatasetSpec spec{.label = "click"};
  spec.pipeline.emplace();
  const auto add = [&](const std::string& input, pipeline::Operation operation) {
    pipeline::Step& step = spec.pipeline->steps.emplace_back();
    step.inputs = {input};
    step.operation = std::move(operation);
  };
  add("time", pipeline::SplitRows{.by = pipeline::SplitRows::By::kTime});
  add("n", pipeline::Standardise());
  add("when", pipeline::DateParts{.parts = {pipeline::DateParts::Part::kHour}});
  add("hex", pipeline::HexToInteger());
  add("word", pipeline::Categorify());
  const auto create = [&](const std::string& line, BadRowPolicy policy) {
    std::string text = "click,time,n,when,hex,word,unused\n";
    for (int i = 0; i < 3000; ++i) {
      text += std::to_string(i % 3 == 0) + "," + std::to_string(i) + "," + std::to_string(i % 9) +
              ",2020-01-0" + std::to_string(1 + i % 9) + "T05:00,ff" + std::to_string(i % 7) + ",w" +
              std::to_string(i % 5) + ",\n";
      if (i == 700) text += line;
    }
    spec.data_uris = {folder_.Write("log" + std::to_string(++files_) + ".csv", text)};
    spec.bad_rows = policy;
    FolderOutput output(folder_.path() + "/dataset" + std::to_string(++datasets_));
    return CreateDataset(spec, "datasets/d", {.threads = 2}, output);
  };
  const auto good = create("", BadRowPolicy::kFail);
  ASSERT_TRUE(good.ok()) << good.status();
  struct Case {
    std::string line;
    std::string reason;
    std::string mended;  // the line that counts for it where fields may become missing; empty: none
  };
  for (const Case& bad :
       {Case{"1,9,much,,,,\n", "BAD_NUMBER", "1,9,,,,,\n"},
        Case{"1,9,1,noon,,,\n", "BAD_TIME", "1,9,1,,,,\n"},
        Case{"1,9,1,,xyz,,\n", "BAD_NUMBER", "1,9,1,,,,\n"},
        Case{"1,9,1,,,w\xff,\n", "BAD_TEXT", "1,9,1,,,,\n"}, Case{"1,9,1\n", "RAGGED_ROW", "1,9,1,,,,\n"},
        Case{"1,soon,1,,,,\n", "BAD_TIME", ""}, Case{"1,,1,,,,\n", "BAD_TIME", ""},
        Case{"many,9,1,,,,\n", "BAD_LABEL", ""}}) {
    EXPECT_EQ(GetErrorReason(create(bad.line, BadRowPolicy::kFail).status()), bad.reason) << bad.line;
    const auto skipped = create(bad.line, BadRowPolicy::kSkip);
    ASSERT_TRUE(skipped.ok()) << bad.line << skipped.status();
    EXPECT_EQ(skipped->digest, good->digest) << bad.line;
    EXPECT_EQ(BadOf(*skipped).counts, (std::map<std::string, int64_t>{{bad.reason, 1}})) << bad.line;
    EXPECT_EQ(BadOf(*skipped).examples.front().line, 703);
    const auto mended = create(bad.line, BadRowPolicy::kNull);
    ASSERT_TRUE(mended.ok()) << bad.line << mended.status();
    EXPECT_EQ(mended->digest, create(bad.mended, BadRowPolicy::kFail)->digest) << bad.line;
  }
  // Several bad fields of a row are one bad row, and a column that no step takes may hold anything.
  EXPECT_EQ(BadOf(*create("1,9,much,noon,xyz,,\xff\n", BadRowPolicy::kSkip)).counts,
            (std::map<std::string, int64_t>{{"BAD_NUMBER", 1}}));
  EXPECT_EQ(create("1,9,1,,,,\xff\n", BadRowPolicy::kSkip)->digest,
            create("1,9,1,,,,\n", BadRowPolicy::kFail)->digest);
}

TEST_F(BadRowsTest, MlperfFilesTakeNoOtherPolicy) {
  DatasetSpec spec{.data_uris = {"log.bin"}};
  spec.format.kind = FormatSpec::Kind::kMlperf;
  spec.bad_rows = BadRowPolicy::kNull;
  EXPECT_THAT(std::string(ValidateSpec(spec).message()),
              HasSubstr("bad_rows: is BAD_ROWS_NULL; must be BAD_ROWS_FAIL with format.kind"));
}

TEST_F(BadRowsTest, NothingLeftIsAnError) {
  EXPECT_FALSE(Create(folder_.Write("none.csv", "click,n,word\n"), BadRowPolicy::kSkip).ok());
  const auto made = Create(folder_.Write("bad.csv", "click,n,word\nx,1,a\ny,2,b\n"), BadRowPolicy::kSkip);
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << made.status();
}

TEST_F(BadRowsTest, ColumnsOfOneValueAndOfNoneAreNoTrouble) {
  std::string text = "click,n,word\n";
  for (int i = 0; i < 500; ++i) text += std::to_string(i % 2) + (i % 4 < 2 ? ",,\n" : ",NA,?\n");
  const auto missing = Create(folder_.Write("missing.csv", text), BadRowPolicy::kFail);
  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_EQ(missing->columns[0].dense.scale, 1);
  EXPECT_EQ(missing->columns[1].table_rows, 2);
  text = "click,n,word\n";
  for (int i = 0; i < 500; ++i) text += std::to_string(i % 2) + ",7,same\n";
  const auto constant = Create(folder_.Write("constant.csv", text), BadRowPolicy::kFail);
  ASSERT_TRUE(constant.ok()) << constant.status();
  EXPECT_EQ(constant->columns[0].dense.scale, 1);
  EXPECT_EQ(constant->columns[1].table_rows, 3);
}

}  // namespace
}  // namespace sda::preprocessing
