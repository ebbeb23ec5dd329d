// Predict behind the wire: models at hand, models that change under it, requests that are refused.
#include "services/trainer_worker/server/prediction.h"

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/training_spec/rules.h"
#include "services/trainer_worker/server/core_runner.h"
#include "services/trainer_worker/server/testing/tiny_dataset.h"

namespace sda::trainer {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TinyDataset;
using trainer::v1::PredictRequest;
using trainer::v1::PredictResponse;

class Silent final : public AttemptListener {
 public:
  void OnStart(int64_t, const absl::Status&) override {}
  bool OnReading(const AttemptReading&) override { return true; }
  void OnProgress(int64_t, int64_t) override {}
  std::string AcceptedCheckpoint() override { return ""; }
};

class PredictionTest : public ::testing::Test {
 protected:
  // A model at models/<name>, of this seed.
  void Train(const std::string& name, int64_t seed) {
    AttemptOrder order;
    order.spec = testing::TinySpec(dataset_);
    order.spec.set_seed(seed);
    training_spec::FillDefaults(order.spec);
    order.folder = absl::StrCat("experiments/e/trials/", ++trials_, "/attempt-1");
    Silent listener;
    SDA_ASSERT_OK_AND_ASSIGN(const AttemptOutcome outcome, runner_.Run(order, listener, {}));
    fs::create_directories(root_ / "models");
    fs::remove_all(root_ / ("models/" + name));
    fs::rename(root_ / outcome.artifacts.at("model"), root_ / ("models/" + name));
  }

  static PredictRequest Request(const std::string& name) {
    PredictRequest request;
    request.set_model_uri("models/" + name);
    AddColumn(request, "age", {"0.5", "-0.25"});
    AddColumn(request, "site", {"a.example", "b.example"});
    return request;
  }

  static void AddColumn(PredictRequest& request, const std::string& name,
                        const std::vector<std::string>& values) {
    auto& column = *request.add_columns();
    column.set_name(name);
    column.mutable_values()->Add(values.begin(), values.end());
  }

  static absl::StatusOr<std::vector<float>> Ask(Prediction& prediction, const PredictRequest& request,
                                                std::stop_token stop = {}) {
    rpc::RequestContext call("id", "", absl::InfiniteFuture(), std::move(stop));
    PredictResponse response;
    if (absl::Status status = prediction.Predict(request, response, call); !status.ok()) return status;
    return std::vector<float>(response.probabilities().begin(), response.probabilities().end());
  }

  sda::testing::TempDir root_;
  const TinyDataset dataset_ = testing::WriteTinyDataset(root_.path(), "tiny");
  const ArtefactFolders folders_{root_.path()};
  CoreRunner runner_{folders_, 1};
  MetricsRegistry metrics_;
  int trials_ = 0;
};

TEST_F(PredictionTest, AModelThatWasReplacedIsReadAnewAndOneThatIsGoneIsNotFound) {
  Prediction prediction({}, folders_, metrics_);
  Train("m", 1);
  SDA_ASSERT_OK_AND_ASSIGN(const auto first, Ask(prediction, Request("m")));
  SDA_ASSERT_OK_AND_ASSIGN(const auto again, Ask(prediction, Request("m")));
  EXPECT_EQ(first, again);
  Train("m", 2);
  SDA_ASSERT_OK_AND_ASSIGN(const auto second, Ask(prediction, Request("m")));
  EXPECT_NE(first, second);
  fs::remove_all(root_ / "models/m");
  const auto gone = Ask(prediction, Request("m"));
  EXPECT_THAT(gone, StatusIs(StatusCode::kNotFound, HasSubstr("models/m")));
  EXPECT_EQ(GetErrorReason(gone.status()), "MODEL_NOT_FOUND");
}

TEST_F(PredictionTest, TheModelAskedForLongestAgoMakesRoom) {
  for (const int64_t seed : {1, 2, 3}) Train(absl::StrCat("m", seed), seed);
  SDA_ASSERT_OK_AND_ASSIGN(const auto one, Predictor::Load(root_ / "models/m1"));
  ModelCache cache(2 * one->bytes());
  SDA_ASSERT_OK_AND_ASSIGN(const auto first, cache.Get(root_ / "models/m1"));
  SDA_ASSERT_OK_AND_ASSIGN(const auto second, cache.Get(root_ / "models/m2"));
  EXPECT_EQ(cache.bytes(), 2 * one->bytes());
  SDA_ASSERT_OK_AND_ASSIGN(const auto first_again, cache.Get(root_ / "models/m1"));
  EXPECT_EQ(first, first_again);
  SDA_ASSERT_OK(cache.Get(root_ / "models/m3").status());
  EXPECT_EQ(cache.bytes(), 2 * one->bytes());
  SDA_ASSERT_OK_AND_ASSIGN(const auto first_kept, cache.Get(root_ / "models/m1"));
  EXPECT_EQ(first, first_kept);
  SDA_ASSERT_OK_AND_ASSIGN(const auto second_anew, cache.Get(root_ / "models/m2"));
  EXPECT_NE(second, second_anew);
  // One that is larger than the bound serves all the same.
  ModelCache small(1);
  SDA_EXPECT_OK(small.Get(root_ / "models/m1").status());
  SDA_EXPECT_OK(small.Get(root_ / "models/m2").status());
  EXPECT_EQ(small.bytes(), one->bytes());
}

TEST_F(PredictionTest, CallersOfOneModelShareItsLoad) {
  Train("m", 1);
  ModelCache cache(int64_t{1} << 30);
  std::vector<std::shared_ptr<const Predictor>> models(8);
  std::vector<std::thread> callers;
  for (auto& model : models) {
    callers.emplace_back([&] {
      auto loaded = cache.Get(root_ / "models/m");
      SDA_EXPECT_OK(loaded.status());
      if (loaded.ok()) model = *loaded;
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const auto& model : models) EXPECT_EQ(model, models[0]);
}

TEST_F(PredictionTest, BadRequestsNameColumnAndRow) {
  Prediction prediction({}, folders_, metrics_);
  Train("m", 1);
  const auto expect_refused = [&](const std::string& column, const std::vector<std::string>& values,
                                  const auto& message) {
    PredictRequest request;
    request.set_model_uri("models/m");
    AddColumn(request, "site", {"a.example", "b.example"});
    AddColumn(request, column, values);
    EXPECT_THAT(Ask(prediction, request), StatusIs(StatusCode::kInvalidArgument, message));
  };
  expect_refused("age", {"1", "NaN"}, HasSubstr("columns[age].values[1]: is \"NaN\""));
  expect_refused("age", {"-inf", "1"}, HasSubstr("columns[age].values[0]: is \"-inf\""));
  expect_refused("age", {"1", "двадцать"}, HasSubstr("columns[age].values[1]: is \"двадцать\""));
  expect_refused("Age", {"1", "2"}, AllOf(HasSubstr("\"Age\""), HasSubstr("it has age, site")));
  expect_refused("site", {"a.example", "b.example"}, HasSubstr("\"site\" twice"));
  expect_refused("age", {"1", "2", "3"},
                 HasSubstr("columns[age].values: has 3 rows; all columns must have 2"));

  PredictRequest unicode = Request("m");
  unicode.mutable_columns(1)->set_values(0, "例え.example");
  SDA_EXPECT_OK(Ask(prediction, unicode).status()) << "a category that was never seen";
}

TEST_F(PredictionTest, WhoseDeadlineHasPassedIsNotScored) {
  Train("m", 1);
  Prediction prediction({.delay = absl::Seconds(100)}, folders_, metrics_);
  std::stop_source stop;
  std::thread deadline([&] { stop.request_stop(); });
  EXPECT_THAT(Ask(prediction, Request("m"), stop.get_token()), StatusIs(StatusCode::kCancelled));
  deadline.join();
  EXPECT_THAT(metrics_.Text(), ::testing::Not(HasSubstr("sda_predict_rows_total 2")));
}

TEST_F(PredictionTest, RowsAndBatchesAreCounted) {
  Train("m", 1);
  Prediction prediction({}, folders_, metrics_);
  SDA_EXPECT_OK(Ask(prediction, Request("m")).status());
  SDA_EXPECT_OK(Ask(prediction, Request("m")).status());
  EXPECT_THAT(metrics_.Text(),
              AllOf(HasSubstr("sda_predict_rows_total 4"), HasSubstr("sda_predict_batch_rows_count 2")));
}

}  // namespace
}  // namespace sda::trainer
