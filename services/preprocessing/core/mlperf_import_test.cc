// Datasets over files in MLPerf's binary format.
#include "services/preprocessing/core/mlperf_import.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/mlperf_counts.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

namespace sda::preprocessing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FolderOutput;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempFolder;

using Row = std::vector<int32_t>;

// Row i: label i % 4 == 0, value c is i + c, id t is i · (t + 1) mod 97.
std::vector<Row> Rows(int first, int count) {
  std::vector<Row> rows;
  for (int i = first; i < first + count; ++i) {
    Row& row = rows.emplace_back(Row{i % 4 == 0 ? 1 : 0});
    for (int c = 0; c < 13; ++c) row.push_back(i + c);
    for (int t = 0; t < 26; ++t) row.push_back(i * (t + 1) % 97);
  }
  return rows;
}

std::string Bytes(const std::vector<Row>& rows) {
  std::string bytes;
  for (const Row& row : rows) bytes.append(reinterpret_cast<const char*>(row.data()), row.size() * 4);
  return bytes;
}

// A .npz as numpy.savez writes it, up to the values.
std::string Npz(const std::vector<int64_t>& counts, const std::string& type = "<i8", int method = 0,
                const std::string& name = "counts.npy") {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" +
                       std::to_string(counts.size()) + ",), }\n";
  std::string zip(30, '\0');
  zip.replace(0, 4, "PK\x03\x04");
  zip[8] = static_cast<char>(method);
  zip[26] = static_cast<char>(name.size());
  std::string npy = std::string("\x93NUMPY\x01\x00", 8);
  npy += static_cast<char>(header.size());
  npy += '\0';
  zip += name + npy + header;
  for (const int64_t count : counts) zip.append(reinterpret_cast<const char*>(&count), type == "<i8" ? 8 : 4);
  return zip;
}

class MlperfImportTest : public ::testing::Test {
 protected:
  DatasetSpec Spec(const std::vector<Row>& rows) {
    DatasetSpec spec{.data_uris = {folder_.Write("train.bin", Bytes(rows))}};
    spec.format.kind = FormatSpec::Kind::kMlperf;
    return spec;
  }

  absl::StatusOr<DatasetManifest> Create(const DatasetSpec& spec, int threads = 2) {
    FolderOutput output(folder_.path() + "/dataset");
    auto manifest = CreateDataset(spec, "datasets/d", {.threads = threads}, output);
    files_ = output.Files();
    return manifest;
  }

  std::string Message(const DatasetSpec& spec) {
    const auto manifest = Create(spec);
    EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument) << manifest.status();
    EXPECT_THAT(files_, IsEmpty());
    reason_ = GetErrorReason(manifest.status());
    return std::string(manifest.status().message());
  }

  TempFolder folder_;
  std::vector<std::string> files_;
  std::string reason_;
};

TEST_F(MlperfImportTest, NamesTheFilesWhereTheyLie) {
  DatasetSpec spec = Spec(Rows(0, 1000));
  spec.data_uris.push_back(folder_.Write("train2.bin", Bytes(Rows(1000, 10))));
  spec.mlperf.validation_uris = {folder_.Write("validation.bin", Bytes(Rows(2000, 100)))};
  spec.test_uris = {folder_.Write("test.bin", Bytes(Rows(3000, 40)))};
  const auto manifest = Create(spec);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_THAT(files_, ElementsAre("manifest.json"));
  EXPECT_EQ(manifest->shard_format, ShardFormat::kMlperfBinary);
  const ManifestSplit& train = manifest->splits.at("train");
  EXPECT_EQ(train.rows, 1010);
  EXPECT_EQ(train.positive_rows, 253);
  ASSERT_EQ(train.shards.size(), 2u);
  EXPECT_EQ(train.shards[0].path, folder_.path() + "/train.bin");
  EXPECT_EQ(train.shards[0].sha256, Sha256Hex(Bytes(Rows(0, 1000))));
  EXPECT_EQ(train.shards[1].rows, 10);
  EXPECT_EQ(manifest->splits.at("validation").rows, 100);
  EXPECT_EQ(manifest->splits.at("test").positive_rows, 10);
  ASSERT_EQ(manifest->columns.size(), 39u);
  EXPECT_EQ(manifest->columns[0].name, "I1");
  EXPECT_EQ(manifest->columns[0].raw_min, 0);
  EXPECT_EQ(manifest->columns[12].raw_max, 1009 + 12);
  EXPECT_DOUBLE_EQ(*manifest->columns[0].raw_mean, 504.5);
  EXPECT_EQ(manifest->columns[38].name, "C26");
  EXPECT_EQ(manifest->columns[38].table_rows, 97);
  const auto text = testing::ReadFile(folder_.path() + "/dataset/manifest.json");
  const auto read = ManifestFromJson(text, "manifest.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, *manifest);
  // The same with any number of threads.
  EXPECT_EQ(Create(spec, 1)->digest, manifest->digest);
}

TEST_F(MlperfImportTest, CutsSplitsFromTheEnd) {
  DatasetSpec spec = Spec(Rows(0, 1000));
  spec.split.test_share = 0.1;
  spec.split.validation_share = 0.2;
  const auto manifest = Create(spec);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->splits.at("train").rows, 720);
  const ManifestShard& validation = manifest->splits.at("validation").shards.at(0);
  EXPECT_EQ(validation.first_row, 720);
  EXPECT_EQ(validation.rows, 180);
  EXPECT_EQ(validation.sha256, Sha256Hex(Bytes(Rows(720, 180))));
  EXPECT_EQ(manifest->splits.at("test").shards.at(0).first_row, 900);
}

TEST_F(MlperfImportTest, TablesAreAsLargeAsGivenAndCutToTheRange) {
  DatasetSpec spec = Spec(Rows(0, 1000));
  spec.mlperf.table_rows.assign(26, 100);
  EXPECT_EQ(Create(spec)->columns[13].table_rows, 100);
  spec.mlperf.max_ind_range = 40;
  EXPECT_EQ(Create(spec)->columns[13].table_rows, 40);
  spec.mlperf.table_rows.clear();
  EXPECT_EQ(Create(spec)->columns[13].table_rows, 40);
  EXPECT_EQ(Create(spec)->max_ind_range, 40);
  spec.mlperf.max_ind_range = 0;
  spec.mlperf.counts_uri = folder_.Write("day_fea_count.npz", Npz(std::vector<int64_t>(26, 123)));
  EXPECT_EQ(Create(spec)->columns[13].table_rows, 123);
}

TEST_F(MlperfImportTest, BadRowsAreNamedByFileRowAndColumn) {
  const auto message = [&](size_t column, int32_t value, const std::vector<int64_t>& table_rows = {}) {
    std::vector<Row> rows = Rows(0, 500);
    rows[321][column] = value;
    DatasetSpec spec = Spec(rows);
    spec.mlperf.table_rows = table_rows;
    return Message(spec);
  };
  EXPECT_THAT(message(0, 7), HasSubstr("train.bin: row 321: column label: is 7; must be 0 or 1"));
  EXPECT_EQ(reason_, "BAD_LABEL");
  EXPECT_THAT(message(13, -2), HasSubstr("train.bin: row 321: column I13: is -2; must be at least 0"));
  EXPECT_EQ(reason_, "BAD_NUMBER");
  EXPECT_THAT(message(14, -1), HasSubstr("train.bin: row 321: column C1: table C1: id -1; must be in [0, "));
  EXPECT_EQ(reason_, "BAD_ID");
  EXPECT_THAT(message(39, 97, std::vector<int64_t>(26, 97)),
              HasSubstr("train.bin: row 321: column C26: table C26: id 97; must be in [0, 97)"));
}

TEST_F(MlperfImportTest, BadFilesAndChoicesAreNamed) {
  DatasetSpec spec = Spec(Rows(0, 10));
  spec.data_uris = {folder_.Write("cut.bin", Bytes(Rows(0, 10)).substr(1))};
  EXPECT_THAT(Message(spec),
              AllOf(HasSubstr("cut.bin"), HasSubstr("1599 bytes"), HasSubstr("multiple of 160")));
  spec = Spec(Rows(0, 10));
  spec.mlperf.table_rows = {1, 2};
  EXPECT_THAT(Message(spec), HasSubstr("mlperf.table_rows: has 2 values; must have 26"));
  spec.mlperf.table_rows.clear();
  spec.weight = "I1";
  EXPECT_THAT(Message(spec), HasSubstr("format.kind"));
  spec = Spec(Rows(1, 2));
  EXPECT_THAT(Message(spec), HasSubstr("label: is 0 in all"));
  spec = Spec(Rows(0, 10));
  spec.format.kind = FormatSpec::Kind::kText;
  spec.mlperf.max_ind_range = 5;
  EXPECT_THAT(Message(spec), HasSubstr("mlperf: is set"));
}

TEST(MlperfCountsTest, ReadsWhatNumpyWrites) {
  EXPECT_THAT(*ParseMlperfCounts(Npz({3, 1460, 10131227}), "c.npz"), ElementsAre(3, 1460, 10131227));
  EXPECT_THAT(*ParseMlperfCounts(Npz({3, 1460}, "<i4"), "c.npz"), ElementsAre(3, 1460));
}

TEST(MlperfCountsTest, OtherFilesAreNamed) {
  const auto message = [](const std::string& bytes) {
    return std::string(ParseMlperfCounts(bytes, "c.npz").status().message());
  };
  EXPECT_THAT(message("what"), HasSubstr("c.npz: is not a .npz file"));
  EXPECT_THAT(message(Npz({1}, "<i8", 8)), HasSubstr("is compressed"));
  EXPECT_THAT(message(Npz({1}, "<f8")), HasSubstr("int32 or int64"));
  EXPECT_THAT(message(Npz({1}, "<i8", 0, "unique.npy")), HasSubstr("\"counts\""));
  EXPECT_THAT(message(Npz({})), HasSubstr("list of counts"));
  const std::string whole = Npz({1, 2});
  for (const size_t size : {whole.size() - 1, size_t{35}, size_t{45}, size_t{60}})
    EXPECT_THAT(message(whole.substr(0, size)), HasSubstr("c.npz: ")) << size;
}

}  // namespace
}  // namespace sda::preprocessing
