#include <cmath>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/temp_dir.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/server/testing_server.h"

namespace sda::preprocessing {
namespace {

using sda::testing::TempDir;
using testing::ClickLog;
using ::testing::HasSubstr;
using testing::RunningServer;
using ::testing::StartsWith;

class DataProfilerTest : public ::testing::Test {
 protected:
  DataProfilerTest() : server_(folder_ / "artefacts") {}

  struct Replies {
    absl::Status status;
    v1::DataProfile profile;
    std::string html;
    std::string pipeline;
    int progress = 0;
  };

  Replies Profile(const v1::ProfileDataRequest& request) {
    grpc::ClientContext context;
    const auto stream = server_.stub().ProfileData(&context, request);
    Replies replies;
    v1::ProfileDataResponse response;
    while (stream->Read(&response)) {
      replies.progress += response.has_progress() ? 1 : 0;
      if (response.has_profile()) replies.profile.MergeFrom(response.profile());
      replies.html += response.html();
      replies.pipeline += response.pipeline_yaml();
    }
    replies.status = rpc::FromGrpcStatus(stream->Finish());
    return replies;
  }

  v1::DatasetSpec Spec(const std::string& text) {
    v1::DatasetSpec spec;
    const std::string file = folder_ / "log.csv";
    std::ofstream(file) << text;
    spec.add_data_uris(file);
    spec.set_label("click");
    return spec;
  }

  TempDir folder_;
  RunningServer server_;
};

TEST_F(DataProfilerTest, ProfileComesInPartsAndAsAPage) {
  v1::ProfileDataRequest request;
  // More columns than one reply holds.
  std::string text = "click";
  for (int column = 0; column < 450; ++column) text += ",n" + std::to_string(column);
  for (int row = 0; row < 60; ++row) {
    text += "\n" + std::to_string(row % 3 == 0);
    for (int column = 0; column < 450; ++column) text += "," + std::to_string(row * column % 53) + ".5";
  }
  *request.mutable_spec() = Spec(text + "\n");
  const Replies plain = Profile(request);
  SDA_ASSERT_OK(plain.status);
  EXPECT_EQ(plain.profile.rows_count(), 60);
  EXPECT_EQ(plain.profile.positive_rows_count(), 20);
  ASSERT_EQ(plain.profile.columns_size(), 451);
  EXPECT_EQ(plain.profile.columns(0).kind(), v1::ProfiledColumn::KIND_LABEL);
  EXPECT_EQ(plain.profile.columns(450).name(), "n449");
  EXPECT_EQ(plain.profile.files_size(), 1);
  EXPECT_GT(plain.progress, 0);
  EXPECT_EQ(plain.html, "");
  request.set_html(true);
  const Replies page = Profile(request);
  SDA_ASSERT_OK(page.status);
  EXPECT_THAT(page.html, StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page.html, HasSubstr("</html>"));
  EXPECT_EQ(page.profile.SerializeAsString(), plain.profile.SerializeAsString());
}

TEST_F(DataProfilerTest, APipelineChosenFromTheProfileIsOneThatRuns) {
  v1::ProfileDataRequest request;
  *request.mutable_spec() = Spec(ClickLog(3000));
  EXPECT_EQ(Profile(request).pipeline, "");
  request.set_pipeline_yaml(true);
  const Replies replies = Profile(request);
  SDA_ASSERT_OK(replies.status);
  EXPECT_THAT(replies.pipeline, StartsWith("# Chosen from a profile of 3000 training rows"));
  EXPECT_TRUE(ReadPipeline(replies.pipeline).pipeline) << replies.pipeline;
  // Nothing can be chosen for a label that is not there.
  request.mutable_spec()->clear_label();
  EXPECT_THAT(Profile(request).status.message(), HasSubstr("pipeline_yaml"));
}

TEST_F(DataProfilerTest, OfADatasetWithItsOwnSplit) {
  const v1::DatasetSpec spec = Spec(ClickLog(3000));
  const auto job = server_.Create(spec, "clicks", "create-1");
  SDA_ASSERT_OK(job);
  const auto made = server_.Watch(job->name());
  SDA_ASSERT_OK(made);
  ASSERT_EQ(made->state(), v1::Job::STATE_SUCCEEDED);
  const auto dataset = server_.GetDataset("datasets/clicks");
  SDA_ASSERT_OK(dataset);
  v1::ProfileDataRequest request;
  request.set_dataset("datasets/clicks");
  const Replies replies = Profile(request);
  SDA_ASSERT_OK(replies.status);
  const auto& splits = dataset->profile().splits();
  EXPECT_EQ(replies.profile.test_rows_count(), splits.at("test").rows_count());
  EXPECT_EQ(replies.profile.rows_count(),
            splits.at("train").rows_count() + splits.at("validation").rows_count());
  EXPECT_EQ(replies.profile.label(), "click");
  EXPECT_TRUE(replies.profile.columns(1).has_drift());
  request.set_dataset("datasets/none");
  EXPECT_EQ(Profile(request).status.code(), absl::StatusCode::kNotFound);
}

TEST_F(DataProfilerTest, BadRequestsNameTheField) {
  v1::ProfileDataRequest request;
  EXPECT_THAT(Profile(request).status.message(), HasSubstr("source"));
  *request.mutable_spec() = Spec(ClickLog(10));
  for (const double bad : {0.5, 1.5, -1.0, std::nan("")}) {
    request.set_leakage_auc(bad);
    const absl::Status status = Profile(request).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("leakage_auc"));
  }
  request.set_leakage_auc(0.95);
  request.mutable_spec()->set_label("clack");
  EXPECT_THAT(Profile(request).status.message(), HasSubstr("clack"));
  request.mutable_spec()->set_label("");
  const Replies unlabelled = Profile(request);
  SDA_EXPECT_OK(unlabelled.status);
  EXPECT_EQ(unlabelled.profile.label(), "");
  request.mutable_spec()->clear_data_uris();
  EXPECT_THAT(Profile(request).status.message(), HasSubstr("spec.data_uris"));
}

TEST_F(DataProfilerTest, EndsWithItsCall) {
  v1::ProfileDataRequest request;
  *request.mutable_spec() = Spec(ClickLog(2'000'000));
  grpc::ClientContext context;
  const auto stream = server_.stub().ProfileData(&context, request);
  v1::ProfileDataResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_progress());
  context.TryCancel();
  while (stream->Read(&response)) EXPECT_FALSE(response.has_profile());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // Its place is free again.
  *request.mutable_spec() = Spec(ClickLog(100));
  SDA_EXPECT_OK(Profile(request).status);
}

}  // namespace
}  // namespace sda::preprocessing
