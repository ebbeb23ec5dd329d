#include "services/preprocessing/server/preprocessing_service.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/storage/dataset_manifest.h"
#include "common/testing/temp_dir.h"
#include "services/preprocessing/core/datagen/criteo_log.h"
#include "services/preprocessing/server/job_record.h"
#include "services/preprocessing/server/testing_server.h"

namespace sda::preprocessing {
namespace {

using sda::testing::IsOk;
using sda::testing::ReadFile;
using sda::testing::StatusIs;
using sda::testing::TempDir;
using testing::ClickLog;
using testing::FilesBelow;
using testing::RunningServer;
using Stub = v1::PreprocessingService::Stub;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PreprocessingServiceTest : public ::testing::Test {
 protected:
  v1::DatasetSpec SpecOf(const std::string& file) const {
    v1::DatasetSpec spec;
    spec.add_data_uris(file);
    spec.set_label("click");
    return spec;
  }

  // A log that takes a while to encode.
  std::string LongLog() const {
    const std::string file = folder_ / "long.tsv";
    if (std::filesystem::exists(file)) return file;
    SDA_EXPECT_OK(datagen::WriteCriteoLog({.rows = 150'000, .threads = 2}, file));
    return file;
  }
  v1::DatasetSpec LongSpec() const {
    v1::DatasetSpec spec = SpecOf(LongLog());
    spec.set_label("label");
    spec.set_shard_rows(16384);
    return spec;
  }

  // What is on disk of a job whose process was killed: its record says that it runs.
  void SetRunning(const std::string& job) const {
    const std::string path = root_ + "/" + job + ".json";
    auto record = JobRecordFromJson(ReadFile(path), "record");
    SDA_ASSERT_OK(record);
    record->job.set_state(v1::Job::STATE_RUNNING);
    std::ofstream(path) << JobRecordToJson(*record);
  }

  std::vector<std::string> DatasetFiles(const std::string& id) const {
    return FilesBelow(root_ + "/datasets/" + id);
  }

  TempDir folder_;
  const std::string root_ = folder_ / "root";
};

TEST_F(PreprocessingServiceTest, MakesADatasetAndTellsHowFarItIs) {
  RunningServer server(root_);
  const std::string file = folder_.Write("clicks.csv", ClickLog(3000));
  const auto job = server.Create(SpecOf(file), "clicks", "r1");
  SDA_ASSERT_OK(job);
  EXPECT_EQ(job->state(), v1::Job::STATE_QUEUED);
  EXPECT_EQ(job->dataset(), "datasets/clicks");
  EXPECT_THAT(job->name(), ::testing::StartsWith("datasets/clicks/jobs/"));
  EXPECT_GT(job->create_time().seconds(), 0);

  std::vector<std::string> stages;
  const auto ended = server.Watch(job->name(), [&](const v1::Job& now) {
    if (stages.empty() || stages.back() != now.progress().stage()) stages.push_back(now.progress().stage());
    EXPECT_LE(now.progress().done_count(), now.progress().total_count());
  });
  SDA_ASSERT_OK(ended);
  EXPECT_EQ(ended->state(), v1::Job::STATE_SUCCEEDED) << ended->DebugString();
  EXPECT_EQ(stages.back(), "encode");
  EXPECT_GE(ended->complete_time().seconds(), ended->create_time().seconds());

  const auto dataset = server.GetDataset("datasets/clicks");
  SDA_ASSERT_OK(dataset);
  const std::string bytes = ReadFile(root_ + "/" + dataset->manifest_uri());
  EXPECT_EQ(dataset->manifest_sha256(), Sha256Hex(bytes));
  const auto manifest = ManifestFromJson(bytes, "manifest");
  SDA_ASSERT_OK(manifest);
  EXPECT_EQ(dataset->digest(), manifest->digest);
  EXPECT_EQ(dataset->create_time().seconds() > 0, true);
  EXPECT_EQ(dataset->spec().format().delimiter(), ",");
  EXPECT_EQ(dataset->spec().split().fraction(), 0.2);
  ASSERT_EQ(dataset->profile().columns_size(), 2);
  EXPECT_EQ(dataset->profile().columns(0).name(), "amount");
  EXPECT_EQ(dataset->profile().columns(0).max(), 96.5);
  EXPECT_EQ(dataset->profile().columns(0).reason(), "numbers, and \"amount\" in the name says quantity");
  EXPECT_EQ(dataset->profile().columns(1).table_rows_count(), manifest->columns[1].table_rows);
  int64_t rows = 0;
  for (const auto& [name, split] : dataset->profile().splits()) rows += split.rows_count();
  EXPECT_EQ(rows, 3000);
}

TEST_F(PreprocessingServiceTest, ADatasetMadeFromTheResolvedSpecIsEqual) {
  RunningServer server(root_);
  const std::string file = folder_.Write("clicks.csv", ClickLog(3000));
  SDA_ASSERT_OK(server.Watch(server.Create(SpecOf(file), "a", "r1")->name()));
  const auto first = server.GetDataset("datasets/a");
  SDA_ASSERT_OK(first);
  const auto job = server.Watch(server.Create(first->spec(), "b", "r2")->name());
  SDA_ASSERT_OK(job);
  EXPECT_EQ(job->error().message(), "");
  EXPECT_EQ(server.GetDataset("datasets/b")->digest(), first->digest());
}

TEST_F(PreprocessingServiceTest, BadDataEndsTheJobAndLeavesOnlyItsRecord) {
  RunningServer server(root_);
  const std::string file = folder_.Write("bad.csv", ClickLog(500) + "1,2\n");
  const auto job = server.Watch(server.Create(SpecOf(file), "bad", "r1")->name());
  SDA_ASSERT_OK(job);
  EXPECT_EQ(job->state(), v1::Job::STATE_FAILED);
  EXPECT_EQ(job->error().code(), 3);
  EXPECT_EQ(job->error().reason(), "RAGGED_ROW");
  EXPECT_EQ(job->error().message(), file + ":502: has 2 fields; must have 3");
  EXPECT_EQ(job->error().metadata().at("line"), "502");
  EXPECT_EQ(DatasetFiles("bad").size(), 1u);
  EXPECT_THAT(server.GetDataset("datasets/bad"), StatusIs(absl::StatusCode::kNotFound));

  const auto missing = server.Watch(server.Create(SpecOf(folder_ / "none.csv"), "bad", "r2")->name());
  EXPECT_EQ(missing->error().reason(), "INPUT_NOT_FOUND");
}

TEST_F(PreprocessingServiceTest, BadRequestsAreRefusedFieldByField) {
  RunningServer server(root_);
  v1::DatasetSpec spec;
  spec.mutable_split()->set_fraction(std::nan(""));
  const auto refused = server.Create(spec, "d", "r1").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("spec.data_uris: is empty")));
  EXPECT_THAT(refused,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("spec.split.test_share: is nan")));
  const std::string file = folder_.Write("clicks.csv", ClickLog(100));
  EXPECT_THAT(server.Create(SpecOf(file), "Upper", "r1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dataset_id: is \"Upper\"")));
  EXPECT_THAT(server.Create(SpecOf(file), "d", ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_id: has 0")));
  EXPECT_THAT(server.GetDataset("datasets/../x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be datasets/{dataset}")));
  v1::DatasetSpec unknown = SpecOf(file);
  unknown.mutable_format()->set_kind(static_cast<v1::InputFormat::Kind>(9));
  EXPECT_THAT(server.Create(unknown, "d", "r1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("spec.format.kind: is 9")));
  EXPECT_THAT(FilesBelow(root_ + "/datasets"), IsEmpty());
}

TEST_F(PreprocessingServiceTest, ARepeatedRequestIsAnsweredAgain) {
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  v1::Job first;
  {
    RunningServer server(root_);
    first = *server.Create(SpecOf(file), "", "r1");
    EXPECT_THAT(first.dataset(), ::testing::StartsWith("datasets/clicks-"));
    SDA_ASSERT_OK(server.Watch(first.name()));
    EXPECT_EQ(server.Create(SpecOf(file), "", "r1")->DebugString(), first.DebugString());
    const auto reused = server.Create(SpecOf(file), "other", "r1").status();
    EXPECT_THAT(reused, StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_EQ(GetErrorReason(reused), "REQUEST_ID_REUSED");
  }
  // Also by the next process, and where the process died between job and reply.
  std::filesystem::remove_all(root_ + "/preprocessing/requests");
  RunningServer server(root_);
  EXPECT_EQ(server.Create(SpecOf(file), "", "r1")->name(), first.name());
  EXPECT_EQ(server.Create(SpecOf(file), "", "r1")->name(), first.name());
}

TEST_F(PreprocessingServiceTest, ADatasetIsNeverOverwritten) {
  RunningServer server(root_);
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  SDA_ASSERT_OK(server.Watch(server.Create(SpecOf(file), "d", "r1")->name()));
  const auto refused = server.Create(SpecOf(file), "d", "r2").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(GetErrorReason(refused), "DATASET_EXISTS");
}

TEST_F(PreprocessingServiceTest, ListsPage) {
  RunningServer server(root_);
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  std::vector<std::string> jobs;
  for (const char* id : {"b", "a", "c"}) {
    jobs.push_back(server.Create(SpecOf(file), id, id)->name());
    SDA_ASSERT_OK(server.Watch(jobs.back()));
  }
  std::vector<std::string> names;
  v1::ListDatasetsRequest request;
  request.set_page_size(2);
  do {
    const auto page = server.Call(&Stub::ListDatasets, request);
    SDA_ASSERT_OK(page);
    EXPECT_LE(page->datasets_size(), 2);
    for (const auto& dataset : page->datasets()) names.push_back(dataset.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("datasets/a", "datasets/b", "datasets/c"));

  names.clear();
  v1::ListJobsRequest list;
  list.set_page_size(2);
  do {
    const auto page = server.Call(&Stub::ListJobs, list);
    SDA_ASSERT_OK(page);
    for (const auto& job : page->jobs()) names.push_back(job.name());
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(names, ElementsAre(jobs[2], jobs[1], jobs[0]));
  list.set_parent("datasets/a");
  EXPECT_EQ(server.Call(&Stub::ListJobs, list)->jobs_size(), 1);
  list.set_page_size(1001);
  EXPECT_THAT(server.Call(&Stub::ListJobs, list),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_size: is 1001")));
}

TEST_F(PreprocessingServiceTest, DeletingRemovesEverythingOnce) {
  RunningServer server(root_);
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  SDA_ASSERT_OK(server.Watch(server.Create(SpecOf(file), "d", "r1")->name()));
  v1::DeleteDatasetRequest request;
  request.set_request_id("r2");
  request.set_name("datasets/d");
  for (int i = 0; i < 2; ++i) SDA_EXPECT_OK(server.Call(&Stub::DeleteDataset, request));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/datasets/d"));
  request.set_request_id("r3");
  EXPECT_THAT(server.Call(&Stub::DeleteDataset, request), StatusIs(absl::StatusCode::kNotFound));
  // The name is free again.
  SDA_ASSERT_OK(server.Watch(server.Create(SpecOf(file), "d", "r4")->name()));
  SDA_EXPECT_OK(server.GetDataset("datasets/d"));
}

TEST_F(PreprocessingServiceTest, CancellingARunningJobLeavesNoDataset) {
  RunningServer server(root_);
  const auto job = server.Create(LongSpec(), "d", "r1");
  SDA_ASSERT_OK(job);
  v1::DeleteDatasetRequest too_early;
  too_early.set_request_id("r2");
  too_early.set_name("datasets/d");
  const auto refused = server.Call(&Stub::DeleteDataset, too_early).status();
  EXPECT_EQ(GetErrorReason(refused), "JOB_RUNNING");

  bool cancelled = false;
  const auto ended = server.Watch(job->name(), [&](const v1::Job& now) {
    if (cancelled || now.progress().stage() != "encode") return;
    cancelled = true;
    EXPECT_THAT(server.Cancel(job->name(), "r3"), IsOk());
  });
  SDA_ASSERT_OK(ended);
  EXPECT_EQ(ended->state(), v1::Job::STATE_CANCELLED) << ended->DebugString();
  EXPECT_EQ(DatasetFiles("d").size(), 1u);  // the record
  EXPECT_EQ(server.Cancel(job->name(), "r4")->state(), v1::Job::STATE_CANCELLED);
}

TEST_F(PreprocessingServiceTest, AStoppedServicesJobGoesOnInTheNext) {
  std::string digest;
  {
    RunningServer server(folder_ / "reference");
    SDA_ASSERT_OK(server.Watch(server.Create(LongSpec(), "d", "r1")->name()));
    digest = server.GetDataset("datasets/d")->digest();
  }
  std::string job;
  {
    RunningServer server(root_);
    job = server.Create(LongSpec(), "d", "r1")->name();
    v1::GetJobRequest request;
    request.set_name(job);
    while (server.Call(&Stub::GetJob, request)->job().progress().stage() != "encode") {
    }
  }
  const auto record = JobRecordFromJson(ReadFile(root_ + "/" + job + ".json"), "record");
  SDA_ASSERT_OK(record);
  EXPECT_EQ(record->job.state(), v1::Job::STATE_RUNNING);
  RunningServer server(root_);
  const auto ended = server.Watch(job);
  SDA_ASSERT_OK(ended);
  EXPECT_EQ(ended->state(), v1::Job::STATE_SUCCEEDED) << ended->DebugString();
  EXPECT_EQ(server.GetDataset("datasets/d")->digest(), digest);
}

// What SIGKILL leaves: a record that says RUNNING, some shards, a half-written file.
TEST_F(PreprocessingServiceTest, AKilledServicesJobStartsOver) {
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  JobRecord record;
  record.job.set_name("datasets/d/jobs/01");
  record.job.set_dataset("datasets/d");
  record.job.set_state(v1::Job::STATE_RUNNING);
  *record.job.mutable_spec() = SpecOf(file);
  const auto write = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + "/" + path).parent_path());
    std::ofstream(root_ + "/" + path) << text;
  };
  write("datasets/d/jobs/01.json", JobRecordToJson(record));
  write("datasets/d/train/shard-00007.arrow", "left over");
  write("datasets/d/train/.shard-00008.arrow.1.1.partial", "half");
  write("datasets/d/jobs/02.json", "{");  // passed over

  RunningServer server(root_);
  const auto ended = server.Watch("datasets/d/jobs/01");
  SDA_ASSERT_OK(ended);
  EXPECT_EQ(ended->state(), v1::Job::STATE_SUCCEEDED) << ended->DebugString();
  EXPECT_THAT(DatasetFiles("d"), ElementsAre("jobs/01.json", "jobs/02.json", "manifest.json",
                                             "test/shard-00000.arrow", "train/shard-00000.arrow",
                                             "validation/shard-00000.arrow", "vocabularies/word.arrow"));
}

// Where the next process goes on from finished shards, nothing is cleared: the file that the kill cut off has
// to go by itself.
TEST_F(PreprocessingServiceTest, AJobThatGoesOnRemovesWhatWasHalfWritten) {
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  std::string job;
  {
    RunningServer server(root_);
    job = server.Create(SpecOf(file), "d", "r1")->name();
    SDA_ASSERT_OK(server.Watch(job));
  }
  const auto whole = DatasetFiles("d");
  SetRunning(job);
  std::filesystem::remove(root_ + "/datasets/d/manifest.json");
  for (const char* left :
       {"/datasets/d/.manifest.json.1.3.partial", "/datasets/d/test/.shard-00000.arrow.1.2.partial",
        "/datasets/d/jobs/.01.json.1.4.partial", "/preprocessing/requests/.r.json.1.5.partial"})
    std::ofstream(root_ + left) << "half";

  RunningServer server(root_);
  EXPECT_EQ(server.Watch(job)->state(), v1::Job::STATE_SUCCEEDED);
  EXPECT_EQ(DatasetFiles("d"), whole);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/preprocessing/requests/.r.json.1.5.partial"));
}

TEST_F(PreprocessingServiceTest, AJobWhoseManifestIsThereHasSucceeded) {
  const std::string file = folder_.Write("clicks.csv", ClickLog(500));
  std::string job;
  {
    RunningServer server(root_);
    job = server.Create(SpecOf(file), "d", "r1")->name();
    SDA_ASSERT_OK(server.Watch(job));
  }
  SetRunning(job);
  RunningServer server(root_);
  EXPECT_EQ(server.Watch(job)->state(), v1::Job::STATE_SUCCEEDED);
}

TEST_F(PreprocessingServiceTest, OneServiceOwnsARoot) {
  RunningServer server(root_);
  Config config;
  config.artefacts = root_;
  sda::testing::TestServer transport;
  const auto second =
      PreprocessingServer::Create(config, RealClock::Get(), transport.runner().calls()).status();
  EXPECT_THAT(second,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another preprocessing service")));
}

TEST_F(PreprocessingServiceTest, SchemasAreInferredWithReasons) {
  RunningServer server(root_);
  v1::InferSchemaRequest request;
  request.mutable_spec()->add_data_uris(folder_.Write("clicks.csv", ClickLog(100)));
  const auto without_label = server.Call(&Stub::InferSchema, request);
  SDA_ASSERT_OK(without_label);
  EXPECT_EQ(without_label->columns(0).role(), v1::ColumnSpec::ROLE_CATEGORICAL);
  request.mutable_spec()->set_label("click");
  const auto schema = server.Call(&Stub::InferSchema, request);
  SDA_ASSERT_OK(schema);
  ASSERT_EQ(schema->columns_size(), 3);
  EXPECT_EQ(schema->columns(0).role(), v1::ColumnSpec::ROLE_LABEL);
  EXPECT_EQ(schema->columns(1).role(), v1::ColumnSpec::ROLE_DENSE);
  EXPECT_EQ(schema->columns(2).reason(), "text with 31 values");
  EXPECT_EQ(schema->format().delimiter(), ",");
  EXPECT_EQ(schema->format().header(), v1::InputFormat::HEADER_YES);
  request.mutable_spec()->set_label("nope");
  EXPECT_THAT(server.Call(&Stub::InferSchema, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no column \"nope\"")));
  request.set_sample_rows_count(-1);
  EXPECT_THAT(server.Call(&Stub::InferSchema, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sample_rows_count")));
}

TEST_F(PreprocessingServiceTest, AFullDiskIsSaidAndLeavesNothing) {
  const std::string disk = folder_ / "disk";
  std::filesystem::create_directories(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=3m") != 0)
    GTEST_SKIP() << "mounting a small tmpfs is not allowed";
  {
    RunningServer server(disk);
    const auto job = server.Watch(server.Create(LongSpec(), "d", "r1")->name());
    SDA_EXPECT_OK(job);
    EXPECT_EQ(job->state(), v1::Job::STATE_FAILED);
    EXPECT_EQ(job->error().reason(), "DISK_FULL") << job->DebugString();
    EXPECT_THAT(job->error().message(), HasSubstr("No space left on device"));
    EXPECT_EQ(FilesBelow(disk + "/datasets/d").size(), 1u);  // the record
  }
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace sda::preprocessing
