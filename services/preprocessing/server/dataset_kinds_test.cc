// Datasets beyond plain columns, through the service: lists of values, weights, files in MLPerf's format.
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/storage/dataset_manifest.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/preprocessing/server/testing_server.h"

namespace sda::preprocessing {
namespace {

using sda::testing::ReadFile;
using sda::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::RunningServer;

class DatasetKindsTest : public ::testing::Test {
 protected:
  v1::Job Make(RunningServer& server, const v1::DatasetSpec& spec, const std::string& id) {
    const auto job = server.Create(spec, id, "request-" + id);
    SDA_EXPECT_OK(job);
    if (!job.ok()) return {};
    const auto ended = server.Watch(job->name());
    SDA_EXPECT_OK(ended);
    return ended.ok() ? *ended : v1::Job();
  }

  absl::StatusOr<DatasetManifest> Manifest(const std::string& id) {
    const std::string path = root_ + "/datasets/" + id + "/manifest.json";
    return ManifestFromJson(ReadFile(path), path);
  }

  TempDir folder_;
  const std::string root_ = folder_ / "root";
};

TEST_F(DatasetKindsTest, ListsAndWeightsAreRememberedInTheSpec) {
  std::string log = "click,genres,importance\n";
  for (int i = 0; i < 300; ++i)
    log += std::to_string(i % 3 == 0) + ",a|b" + std::to_string(i % 5) + "," + std::to_string(i % 4) + ".5\n";
  v1::DatasetSpec spec;
  spec.add_data_uris(folder_.Write("log.csv", log));
  spec.set_label("click");
  spec.set_weight("importance");
  v1::ColumnSpec& genres = *spec.add_columns();
  genres.set_name("genres");
  genres.set_list_separator("|");
  genres.set_list_max_values(9);
  RunningServer server(root_);
  ASSERT_EQ(Make(server, spec, "lists").state(), v1::Job::STATE_SUCCEEDED);
  SDA_ASSERT_OK_AND_ASSIGN(const DatasetManifest manifest, Manifest("lists"));
  EXPECT_EQ(manifest.weight_column, "importance");
  ASSERT_EQ(manifest.columns.size(), 1u);
  EXPECT_EQ(manifest.columns[0].list_separator, "|");
  EXPECT_EQ(manifest.columns[0].list_max_values, 9);
  EXPECT_EQ(manifest.columns[0].table_rows, 8);

  // What is told of the dataset makes the same one again.
  SDA_ASSERT_OK_AND_ASSIGN(const v1::Dataset dataset, server.GetDataset("datasets/lists"));
  EXPECT_EQ(dataset.spec().weight(), "importance");
  ASSERT_EQ(Make(server, dataset.spec(), "again").state(), v1::Job::STATE_SUCCEEDED);
  SDA_ASSERT_OK_AND_ASSIGN(const DatasetManifest again, Manifest("again"));
  EXPECT_EQ(again.digest, manifest.digest);

  log += "0,a,-1\n";
  spec.set_data_uris(0, folder_.Write("bad.csv", log));
  const v1::Job failed = Make(server, spec, "bad");
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(failed.error().reason(), "BAD_WEIGHT");
  EXPECT_THAT(failed.error().message(), AllOf(HasSubstr("bad.csv:302"), HasSubstr("importance")));
}

TEST_F(DatasetKindsTest, JoinsAreRememberedInTheSpec) {
  std::string log = "click,user\n";
  for (int i = 0; i < 300; ++i) log += std::to_string(i % 3 == 0) + "," + std::to_string(i % 20) + "\n";
  v1::DatasetSpec spec;
  spec.add_data_uris(folder_.Write("log.csv", log));
  spec.set_label("click");
  v1::Join& join = *spec.mutable_pipeline()->add_joins();
  join.add_files(folder_.Write("users.csv", "1;red\n2;blue\n3;red\n"));
  join.set_key("user");
  join.set_file_key("c0");
  join.add_columns("c1");
  join.set_prefix("user_");
  join.set_delimiter(";");
  join.set_header(v1::Join::HEADER_ABSENT);
  v1::Step& step = *spec.mutable_pipeline()->add_steps();
  step.add_inputs("user_c1");
  step.mutable_categorify()->set_frequency_threshold(1);
  RunningServer server(root_);
  ASSERT_EQ(Make(server, spec, "joined").state(), v1::Job::STATE_SUCCEEDED);
  SDA_ASSERT_OK_AND_ASSIGN(const DatasetManifest manifest, Manifest("joined"));
  ASSERT_EQ(manifest.columns.size(), 1u);
  EXPECT_EQ(manifest.columns[0].name, "user_c1");
  EXPECT_EQ(manifest.columns[0].table_rows, 4);  // missing, unknown, red, blue
  EXPECT_GT(manifest.columns[0].missing_rows, 0);

  SDA_ASSERT_OK_AND_ASSIGN(const v1::Dataset dataset, server.GetDataset("datasets/joined"));
  ASSERT_EQ(dataset.spec().pipeline().joins_size(), 1);
  EXPECT_EQ(dataset.spec().pipeline().joins(0).SerializeAsString(), join.SerializeAsString());
  ASSERT_EQ(Make(server, dataset.spec(), "again").state(), v1::Job::STATE_SUCCEEDED);
  SDA_ASSERT_OK_AND_ASSIGN(const DatasetManifest again, Manifest("again"));
  EXPECT_EQ(again.digest, manifest.digest);

  spec.mutable_pipeline()->mutable_joins(0)->clear_key();
  EXPECT_THAT(server.Create(spec, "keyless", "request-keyless").status().message(),
              HasSubstr("spec.pipeline.joins[0].key: is missing"));
  spec.mutable_pipeline()->mutable_joins(0)->set_key("user");
  spec.mutable_pipeline()->mutable_joins(0)->set_files(0, folder_.Write("twice.csv", "1;red\n1;blue\n"));
  const v1::Job failed = Make(server, spec, "twice");
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(failed.error().reason(), "DUPLICATE_KEY");
}

TEST_F(DatasetKindsTest, BadRowsAreCountedInTheProfile) {
  std::string log = "click,word\n";
  for (int i = 0; i < 300; ++i) log += std::to_string(i % 3 == 0) + ",w" + std::to_string(i % 5) + "\n";
  v1::DatasetSpec spec;
  spec.add_data_uris(folder_.Write("log.csv", log + "1\n0,a,b\nmaybe,w1\n"));
  spec.set_label("click");
  RunningServer server(root_);
  const v1::Job failed = Make(server, spec, "fails");
  EXPECT_EQ(failed.error().reason(), "RAGGED_ROW");
  EXPECT_THAT(failed.error().message(), HasSubstr("log.csv:302"));
  spec.set_bad_rows(v1::DatasetSpec::BAD_ROWS_SKIP);
  ASSERT_EQ(Make(server, spec, "skips").state(), v1::Job::STATE_SUCCEEDED);
  SDA_ASSERT_OK_AND_ASSIGN(const v1::Dataset dataset, server.GetDataset("datasets/skips"));
  EXPECT_EQ(dataset.spec().bad_rows(), v1::DatasetSpec::BAD_ROWS_SKIP);
  EXPECT_EQ(dataset.profile().bad_rows().at("RAGGED_ROW"), 2);
  EXPECT_EQ(dataset.profile().bad_rows().at("BAD_LABEL"), 1);
  ASSERT_EQ(dataset.profile().bad_row_examples_size(), 3);
  EXPECT_EQ(dataset.profile().bad_row_examples(2).line(), 304);
  EXPECT_EQ(dataset.profile().bad_row_examples(2).column(), "click");
}

TEST_F(DatasetKindsTest, BinaryFilesAreImportedWithoutACopy) {
  std::vector<int32_t> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(i % 2);
    for (int c = 0; c < 13; ++c) rows.push_back(i);
    for (int t = 0; t < 26; ++t) rows.push_back(i % 10);
  }
  const auto bytes = [&] {
    return std::string(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(int32_t));
  };
  v1::DatasetSpec spec;
  spec.add_data_uris(folder_.Write("day.bin", bytes()));
  spec.mutable_format()->set_kind(v1::InputFormat::KIND_MLPERF_BINARY);
  RunningServer server(root_);
  ASSERT_EQ(Make(server, spec, "day").state(), v1::Job::STATE_SUCCEEDED);
  SDA_ASSERT_OK_AND_ASSIGN(const DatasetManifest manifest, Manifest("day"));
  EXPECT_EQ(manifest.splits.at("train").rows, 72);
  EXPECT_EQ(manifest.splits.at("train").shards.at(0).path, std::string(folder_ / "day.bin"));
  SDA_ASSERT_OK_AND_ASSIGN(const v1::Dataset dataset, server.GetDataset("datasets/day"));
  EXPECT_EQ(dataset.profile().columns_size(), 39);
  EXPECT_EQ(dataset.spec().mlperf().table_rows_size(), 26);
  EXPECT_EQ(dataset.spec().mlperf().table_rows(0), 10);
  EXPECT_EQ(dataset.spec().format().kind(), v1::InputFormat::KIND_MLPERF_BINARY);

  rows[50 * 40 + 14] = -7;
  spec.set_data_uris(0, folder_.Write("bad.bin", bytes()));
  const v1::Job failed = Make(server, spec, "bad");
  EXPECT_EQ(failed.state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(failed.error().reason(), "BAD_ID");
  EXPECT_THAT(failed.error().message(), HasSubstr("bad.bin: row 50: column C1: table C1: id -7"));
}

}  // namespace
}  // namespace sda::preprocessing
