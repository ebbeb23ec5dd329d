// A trained model on disk: written, read back, measured, and asked about raw rows.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/classification_metrics.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/kernels/loss.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/serving/exported_model.h"
#include "services/trainer_worker/core/serving/predictor.h"
#include "services/trainer_worker/core/testing/test_dataset.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::ReadFile;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using trainer::testing::TestDataset;

class ServingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    manifest_ = TestDataset().Write(dataset_);
    weights_.Initialize(layout_, 5);
    SDA_ASSERT_OK(WriteModel(model_,
                             {.spec = kSpec,
                              .manifest = manifest_,
                              .dataset_folder = dataset_,
                              .spec_json = R"({"seed": "5"})",
                              .metrics = {{"auc", 0.75}},
                              .stage_seconds = {{"top", 1.5}}},
                             weights_));
  }

  float Logit(const std::vector<float>& dense, const std::vector<int32_t>& ids) {
    Batch batch{.rows = 1, .labels = {}, .dense = dense, .tables = {}};
    for (const int32_t& id : ids) batch.tables.push_back({.ids = {&id, 1}, .offsets = {}});
    DlrmWorkspace workspace(layout_, 1, false);
    float logit = 0;
    DlrmForward(layout_, weights_, batch, 0, 1, {}, workspace, &logit);
    return logit;
  }

  static inline const ModelSpec kSpec{
      .embedding_dim = 4, .bottom_layers = {5}, .top_layers = {6, 3}, .interaction = Interaction::kDotSelf};
  sda::testing::TempDir folder_;
  const std::string dataset_ = folder_ / "dataset", model_ = folder_ / "model";
  DatasetManifest manifest_;
  DlrmLayout layout_{kSpec, {.dense_columns = 3, .table_rows = {12, 40}, .table_names = {"C1", "C2"}}};
  DlrmWeights weights_{layout_};
};

TEST_F(ServingTest, WhatIsWrittenIsReadBack) {
  SDA_ASSERT_OK_AND_ASSIGN(const ModelDescription read, ReadModelDescription(model_));
  EXPECT_EQ(read.spec, kSpec);
  EXPECT_EQ(read.manifest, manifest_);
  EXPECT_EQ(read.spec_json, R"({"seed":"5"})");
  EXPECT_EQ(read.metrics, (std::map<std::string, double>{{"auc", 0.75}}));
  EXPECT_EQ(read.stage_seconds, (std::map<std::string, double>{{"top", 1.5}}));
  DlrmWeights weights(layout_);
  SDA_ASSERT_OK(ReadModelWeights(model_, weights));
  EXPECT_TRUE(std::equal(weights.dense.span().begin(), weights.dense.span().end(), weights_.dense.data()));
  EXPECT_TRUE(std::equal(weights.embeddings.span().begin(), weights.embeddings.span().end(),
                         weights_.embeddings.data()));
}

TEST_F(ServingTest, TheModelNeedsNothingOutsideItsFolder) {
  std::filesystem::remove_all(dataset_);
  std::filesystem::rename(model_, folder_ / "moved");
  SDA_EXPECT_OK(Predictor::Load(folder_ / "moved"));
}

TEST_F(ServingTest, DamageIsNamed) {
  const std::string json = ReadFile(model_ + "/model.json");
  const auto expect_refused = [&](const std::string& text, const std::string& message) {
    std::ofstream(model_ + "/model.json") << text;
    EXPECT_THAT(ReadModelDescription(model_), StatusIs(StatusCode::kFailedPrecondition,
                                                       AllOf(HasSubstr("model.json"), HasSubstr(message))));
  };
  expect_refused("{", "parse error");
  expect_refused("[]", "array");
  expect_refused(absl::StrReplaceAll(json, {{"\"format_version\": 1", "\"format_version\": 2"}}),
                 "format_version is 2");
  expect_refused(absl::StrReplaceAll(json, {{"\"format_version\": 1", "\"format_version\": \"x\""}}), "type");
  expect_refused(absl::StrReplaceAll(json, {{"dot_self", "dote"}}), "\"dote\" is not known");
  expect_refused(absl::StrReplaceAll(json, {{"embedding_dim", "dim"}}), "embedding_dim");
  expect_refused(absl::StrReplaceAll(json, {{"\"auc\": 0.75", "\"auc\": \"x\""}}), "type");

  EXPECT_THAT(ReadModelDescription(folder_ / "nothing"),
              StatusIs(StatusCode::kNotFound, HasSubstr("nothing")));
}

TEST_F(ServingTest, PredictsRawRowsAsTheDatasetWasEncoded) {
  SDA_ASSERT_OK_AND_ASSIGN(const auto predictor, Predictor::Load(model_));
  // Row 0: plain values. Row 1: everything missing, by both null tokens. Row 2: unknown categories.
  const std::vector<RawColumn> columns = {{"D1", {"2.25", "", "1e1"}},
                                          {"D2", {"-3", "?", " 0 "}},
                                          {"C1", {"C1-2", "", "never seen"}},
                                          {"D3", {"0", "", "-0.5"}},
                                          {"C2", {"C2-39", "?", "C1-2"}}};
  SDA_ASSERT_OK_AND_ASSIGN(const std::vector<float> p, predictor->Predict(columns));
  ASSERT_EQ(p.size(), 3u);
  const auto plain = [](double raw) { return static_cast<float>((raw - 0.25) / 2); };
  const auto logged = [](double raw) {
    return static_cast<float>((std::copysign(std::log1p(std::abs(raw)), raw) - 0.25) / 2);
  };
  EXPECT_FLOAT_EQ(p[0], static_cast<float>(Sigmoid(Logit({plain(2.25), logged(-3), plain(0)}, {2, 39}))));
  EXPECT_FLOAT_EQ(p[1], static_cast<float>(Sigmoid(Logit({plain(0.5), logged(0.5), plain(0.5)}, {0, 0}))));
  EXPECT_FLOAT_EQ(p[2], static_cast<float>(Sigmoid(Logit({plain(10), logged(0), plain(-0.5)}, {1, 1}))));
}

TEST_F(ServingTest, ColumnsLeftOutAreMissing) {
  SDA_ASSERT_OK_AND_ASSIGN(const auto predictor, Predictor::Load(model_));
  SDA_ASSERT_OK_AND_ASSIGN(const auto few, predictor->Predict({{"C2", {"C2-7"}}}));
  SDA_ASSERT_OK_AND_ASSIGN(
      const auto all,
      predictor->Predict({{"C2", {"C2-7"}}, {"C1", {""}}, {"D1", {""}}, {"D2", {""}}, {"D3", {""}}}));
  EXPECT_EQ(few, all);
}

TEST_F(ServingTest, BadRowsAreNamed) {
  SDA_ASSERT_OK_AND_ASSIGN(const auto predictor, Predictor::Load(model_));
  for (const char* value : {"abc", "1,5", "nan", "inf", "1e999"}) {
    EXPECT_THAT(predictor->Predict({{"D2", {"1", value}}}),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("columns[D2].values[1]")))
        << value;
  }
  EXPECT_THAT(predictor->Predict({{"D9", {"1"}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("\"D9\"")));
  EXPECT_THAT(predictor->Predict({{"D1", {"1"}}, {"D2", {"1", "2"}}}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("columns[D2]")));
  EXPECT_THAT(predictor->Predict({}), StatusIs(StatusCode::kInvalidArgument, HasSubstr("columns")));
}

TEST_F(ServingTest, EvaluatesASplitTheSameWithAnyBatchAndThreads) {
  std::map<std::string, double> first;
  for (const int threads : {1, 3}) {
    for (const int64_t batch : {1000, 7}) {
      int64_t rows_seen = 0;
      SDA_ASSERT_OK_AND_ASSIGN(const auto metrics, EvaluateModel({.model_folder = model_,
                                                                  .manifest = manifest_,
                                                                  .dataset_folder = dataset_,
                                                                  .split = "test",
                                                                  .batch_size = batch,
                                                                  .threads = threads,
                                                                  .progress =
                                                                      [&](int64_t rows, int64_t total) {
                                                                        EXPECT_GE(rows, rows_seen);
                                                                        EXPECT_EQ(total, 1000);
                                                                        rows_seen = rows;
                                                                      }},
                                                                 {}));
      if (first.empty()) first = metrics;
      for (const auto& [name, value] : first) EXPECT_NEAR(metrics.at(name), value, 1e-5) << name;
    }
  }
  // Against the definition, on logits computed one by one.
  SDA_ASSERT_OK_AND_ASSIGN(const auto test, SplitReader::Open(manifest_, dataset_, "test"));
  BatchBuffer buffer(*test, 1000);
  SDA_ASSERT_OK_AND_ASSIGN(const Batch batch, buffer.FillRange(0, 1000));
  std::vector<float> logits(1000);
  DlrmWorkspace workspace(layout_, 1000, false);
  DlrmForward(layout_, weights_, batch, 0, 1000, {}, workspace, logits.data());
  EXPECT_NEAR(first.at("auc"), ComputeMetrics(logits, batch.labels).auc, 1e-5);
}

TEST_F(ServingTest, EvaluationRefusesADatasetThatWasEncodedOtherwise) {
  const auto evaluate = [&](const DatasetManifest& manifest) {
    return EvaluateModel({.model_folder = model_,
                          .manifest = manifest,
                          .dataset_folder = dataset_,
                          .split = "test",
                          .progress = {}},
                         {});
  };
  DatasetManifest other = manifest_;
  other.columns[0].dense.mean = 0.3;
  EXPECT_THAT(evaluate(other), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("column D1 differs")));
  other = manifest_;
  other.columns[4].vocabulary_sha256[0] ^= 1;
  EXPECT_THAT(evaluate(other), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("column C2 differs")));
  other = manifest_;
  other.columns.pop_back();
  EXPECT_THAT(evaluate(other), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("4 columns, not 5")));
}

TEST_F(ServingTest, EvaluationCanBeStopped) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(EvaluateModel({.model_folder = model_,
                             .manifest = manifest_,
                             .dataset_folder = dataset_,
                             .split = "test",
                             .progress = {}},
                            stop.get_token()),
              StatusIs(StatusCode::kCancelled));
}

}  // namespace
}  // namespace sda::trainer
