#include "services/preprocessing/core/joins.h"

#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/writer.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/pipeline/fitted_pipeline.h"
#include "common/pipeline/pipeline_json.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

// Joins on the way from files to datasets; rows are compared with an independent program in
// tests/conformance/preprocessing.
namespace sda::preprocessing {
namespace {

using testing::FolderOutput;
using ::testing::HasSubstr;
using testing::ReadColumn;
using testing::ReadFile;
using testing::TempFolder;

class JoinsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string text = "y,user,n\n";
    for (int i = 0; i < 20'000; ++i) absl::StrAppend(&text, i % 3 == 0 ? 1 : 0, ",", i % 50, ",", i, "\n");
    log_ = folder_.Write("log.csv", text);
    // Every second user of the log, and some that it does not have.
    users_ = "user,age,town\n";
    for (int u = 0; u < 100; u += 2) absl::StrAppend(&users_, u, ",", 20 + u, ",t", u % 8, "\n");
  }

  std::string Users() { return folder_.Write("users.csv", users_); }

  // A pipeline that makes a number of the age, with other keys of the join behind those of its files.
  std::string Yaml(const std::string& files, const std::string& keys = "key: user") {
    return absl::StrCat("version: 1\nlabel: y\njoins:\n  - {files: ['", files, "'], ", keys, "}\nsteps:\n",
                        "  - {operation: fill_missing, inputs: [\"*age\"], value: -1}\n");
  }

  absl::StatusOr<DatasetManifest> Create(const std::string& yaml, const RunSettings& settings = {}) {
    const PipelineReading reading = ReadPipeline(yaml);
    EXPECT_TRUE(reading.pipeline) << DescribeViolations(reading.violations, "");
    DatasetSpec spec{.data_uris = {log_}};
    spec.pipeline = reading.pipeline;
    spec.shard_rows = 4096;
    dataset_ = absl::StrCat(folder_.path(), "/dataset", ++datasets_);
    FolderOutput output(dataset_);
    return CreateDataset(spec, "datasets/d", settings, output);
  }

  std::string Refusal(const std::string& yaml, const std::string& reason) {
    const auto made = Create(yaml);
    EXPECT_EQ(GetErrorReason(made.status()), reason) << made.status();
    return std::string(made.status().message());
  }

  TempFolder folder_;
  std::string log_;
  std::string users_;
  std::string dataset_;
  int datasets_ = 0;
};

TEST_F(JoinsTest, RowsWithoutAPartnerStayWithMissingValues) {
  const auto manifest = Create(Yaml(Users()));
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  int64_t rows = 0;
  int64_t without = 0;
  for (const char* split : {"train", "validation", "test"}) {
    for (const float age : ReadColumn<float>(dataset_, *manifest, split, "age")) {
      ++rows;
      without += age == -1 ? 1 : 0;
    }
  }
  EXPECT_EQ(rows, 20'000);
  EXPECT_EQ(without, 10'000);
}

TEST_F(JoinsTest, ThreadsAndTheCutAndPlaceOfFilesChangeNothing) {
  const auto one = Create(Yaml(Users()), {.threads = 1});
  ASSERT_TRUE(one.ok()) << one.status();
  for (const int threads : {2, 8})
    EXPECT_EQ(Create(Yaml(Users()), {.threads = threads})->digest, one->digest);
  EXPECT_EQ(Create(Yaml(Users()), {.threads = 2, .memory_bytes = 64 << 20})->digest, one->digest);
  const size_t middle = users_.find('\n', users_.size() / 2) + 1;
  folder_.Write("parts/0.csv", users_.substr(0, middle));
  folder_.Write("parts/1.csv", "user,age,town\n" + users_.substr(middle));
  EXPECT_EQ(Create(Yaml(folder_.path() + "/parts"))->digest, one->digest);
  EXPECT_EQ(Create(Yaml("file://" + folder_.path() + "/parts/*.csv"))->digest, one->digest);
  users_.replace(users_.find(",20,"), 4, ",21,");
  EXPECT_NE(Create(Yaml(Users()))->digest, one->digest);
}

TEST_F(JoinsTest, TypesOfColumnarFilesMeetTheTextOfTheLog) {
  arrow::Int64Builder users;
  arrow::FloatBuilder ages;
  for (int u = 0; u < 100; u += 2) {
    ASSERT_TRUE(users.Append(u).ok());
    ASSERT_TRUE((u == 4 ? ages.AppendNull() : ages.Append(static_cast<float>(20 + u))).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("age", arrow::float32())});
  const auto batch =
      arrow::RecordBatch::Make(schema, 50, {users.Finish().ValueOrDie(), ages.Finish().ValueOrDie()});
  const std::string path = folder_.path() + "/users.arrow";
  const auto writer =
      arrow::ipc::MakeFileWriter(arrow::io::FileOutputStream::Open(path).ValueOrDie(), schema).ValueOrDie();
  ASSERT_TRUE(writer->WriteRecordBatch(*batch).ok());
  ASSERT_TRUE(writer->Close().ok());
  const auto columnar = Create(Yaml(path, "key: user, file_key: id"));
  ASSERT_TRUE(columnar.ok()) << columnar.status();
  users_.replace(users_.find("4,24,"), 5, "4,,");
  EXPECT_EQ(Create(Yaml(Users(), "key: user, columns: [age]"))->digest, columnar->digest);
}

TEST_F(JoinsTest, AKeyThatStandsTwiceIsNamedWithBothPlaces) {
  folder_.Write("parts/0.csv", "user,age\n1,20\n\n2,30\n");
  folder_.Write("parts/1.csv", "user,age\n3,20\n2,31\n");
  const std::string parts = folder_.path() + "/parts";
  EXPECT_EQ(Refusal(Yaml(parts), "DUPLICATE_KEY"),
            absl::StrCat(parts, "/1.csv:3: column \"user\": key \"2\" stands in ", parts,
                         "/0.csv:4 too; a table to join has one row for each key"));
  // Keys that are missing are none.
  EXPECT_TRUE(Create(Yaml(folder_.Write("holes.csv", "user,age\n,20\nNA,30\n1,5\n"))).ok());
}

TEST_F(JoinsTest, NamesThatAreThereAlreadyAreAllNamed) {
  const std::string file = folder_.Write("clash.csv", "user,n,age,y\n1,2,3,4\n");
  EXPECT_THAT(Refusal(Yaml(file), "INVALID_FIELD"),
              HasSubstr("pipeline.joins[0]: would add n, y, which there are already; give a prefix"));
  EXPECT_TRUE(Create(Yaml(file, "key: user, prefix: u_")).ok());
  const std::string twice =
      Yaml(file, "key: user, columns: [age]}\n  - {files: ['" + file + "'], key: user, columns: [\"a*\"]");
  EXPECT_THAT(Refusal(twice, "INVALID_FIELD"),
              HasSubstr("pipeline.joins[1]: would add age, which there is already"));
}

TEST_F(JoinsTest, WhatDoesNotExistOrLeaksIsRefused) {
  const std::string users = Users();
  EXPECT_THAT(Refusal(Yaml(users, "key: who"), "COLUMN_NOT_FOUND"),
              HasSubstr("pipeline.joins[0].key: there is no column \"who\"; columns are y, user, n"));
  EXPECT_THAT(Refusal(Yaml(users, "key: n"), "COLUMN_NOT_FOUND"),
              HasSubstr("pipeline.joins[0].key: there is no column \"n\"; columns are user, age, town"));
  EXPECT_THAT(Refusal(Yaml(users, "key: n, file_key: id"), "COLUMN_NOT_FOUND"),
              HasSubstr("pipeline.joins[0].file_key: there is no column \"id\""));
  EXPECT_THAT(Refusal(Yaml(users, "key: user, columns: [age, size]"), "COLUMN_NOT_FOUND"),
              HasSubstr("pipeline.joins[0].columns[1]"));
  EXPECT_THAT(Refusal(Yaml(users, "key: user, columns: [\"x*\"]"), "INVALID_FIELD"),
              HasSubstr("\"x*\", which no column matches"));
  EXPECT_THAT(Refusal(Yaml(users, "key: y, file_key: user"), "INVALID_FIELD"), HasSubstr("is a leak"));
  EXPECT_THAT(Refusal(Yaml(folder_.path() + "/none.csv"), "INPUT_NOT_FOUND"), HasSubstr("none.csv"));
  const std::string bad = folder_.Write("bad.csv", "user,age\n1,5\n2,\xff\n");
  EXPECT_THAT(Refusal(Yaml(bad), "BAD_TEXT"), HasSubstr(bad + ":3: column \"age\""));
}

TEST_F(JoinsTest, TablesBeyondTheMemoryLimitAreRefused) {
  users_ = "user,age\n";
  for (int u = 0; u < 400'000; ++u) absl::StrAppend(&users_, "somebody-", u, ",", u, "\n");
  const auto made = Create(Yaml(Users()), {.threads = 2, .memory_bytes = 32 << 20});
  EXPECT_EQ(made.status().code(), absl::StatusCode::kResourceExhausted) << made.status();
  EXPECT_EQ(GetErrorReason(made.status()), "MEMORY_LIMIT");
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("pipeline.joins[0]: the first "));
  EXPECT_TRUE(Create(Yaml(Users()), {.threads = 2, .memory_bytes = 128 << 20}).ok());
}

TEST_F(JoinsTest, TheFittedPipelineKnowsColumnsNotFiles) {
  const std::string users = Users();
  const auto manifest = Create(Yaml(users));
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const std::string bytes = ReadFile(dataset_ + "/" + manifest->pipeline_path);
  EXPECT_EQ(bytes.find(users), std::string::npos);
  auto fitted = pipeline::FittedPipelineFromArrow(bytes, "p");
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const pipeline::ServingPipeline serving(*std::move(fitted));
  const int age = serving.FindColumn("age");
  ASSERT_EQ(age, 3);
  std::vector<std::vector<pipeline::ServingPipeline::Field>> values(serving.columns().size());
  values[static_cast<size_t>(age)] = {{"31", false}, {"", true}};
  const auto features = serving.Apply(values, 2);
  ASSERT_TRUE(features.ok()) << features.status();
  EXPECT_EQ(features->dense[0], (std::vector<float>{31, -1}));

  const auto inputs = nlohmann::json::parse(manifest->provenance_json)["inputs"];
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[1]["path"], users);
  EXPECT_EQ(inputs[1]["join"], 0);
}

TEST(JoinsYamlTest, ReadsAndChecksEveryKey) {
  const auto refusal = [](const std::string& join) {
    return DescribeViolations(
        ReadPipeline("version: 1\njoins:\n  - " + join + "\nsteps: [{operation: log, inputs: [a]}]\n")
            .violations,
        "p.yaml");
  };
  EXPECT_EQ(refusal("{files: [a.csv]}"),
            "p.yaml:3:5: joins[0].key: is missing; name the log's column with the keys");
  EXPECT_THAT(refusal("{key: u}"), HasSubstr("joins[0].files: is missing"));
  EXPECT_THAT(refusal("{files: [a.csv], key: u, how: inner}"), HasSubstr("p.yaml:3:"));
  EXPECT_THAT(refusal("{files: [a.csv], key: u, header: maybe}"), HasSubstr("joins[0].header"));
  EXPECT_THAT(refusal("{files: [a.csv], key: u, delimiter: \"123456789\"}"), HasSubstr("at most 8"));
  const PipelineReading reading = ReadPipeline(
      "version: 1\njoins:\n  - {files: [a.csv, b], key: u, file_key: id, columns: [\"x*\"], prefix: p_, "
      "delimiter: ';', header: absent}\nsteps: [{operation: log, inputs: [a]}]\n");
  ASSERT_TRUE(reading.pipeline) << DescribeViolations(reading.violations, "");
  const pipeline::Join expected{.files = {"a.csv", "b"},
                                .key = "u",
                                .file_key = "id",
                                .columns = {"x*"},
                                .prefix = "p_",
                                .delimiter = ";",
                                .header = pipeline::Join::Header::kAbsent};
  ASSERT_EQ(reading.pipeline->joins.size(), 1u);
  EXPECT_EQ(reading.pipeline->joins[0], expected);
  const auto again = pipeline::PipelineFromJson(pipeline::PipelineToJson(*reading.pipeline));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *reading.pipeline);
}

}  // namespace
}  // namespace sda::preprocessing
