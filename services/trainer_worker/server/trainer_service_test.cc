#include "services/trainer_worker/server/trainer_service.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include "common/base/sha256.h"
#include "common/rpc/call.h"
#include "common/testing/temp_dir.h"
#include "common/training_spec/rules.h"
#include "sda/trainer/v1/trainer_service.grpc.pb.h"
#include "services/trainer_worker/server/core_runner.h"
#include "services/trainer_worker/server/testing/tiny_dataset.h"
#include "services/trainer_worker/server/testing/worker_fixture.h"

namespace sda::trainer::testing {
namespace {

using namespace trainer::v1;  // NOLINT(google-build-using-namespace): every message of one small package
using optimizer::v1::FailTrialRequest;
using sda::testing::StatusIs;
using ::testing::HasSubstr;

using Stub = TrainerService::Stub;

// The real core behind the real service, trials from a fake optimizer, all over gRPC.
class TrainerServiceTest : public WorkerTest {
 protected:
  void SetUp() override {
    dataset_ = WriteTinyDataset(root_.path(), "tiny");
    trainer::Worker::Options options;
    options.worker_id = "worker-1";
    options.threads_per_slot = 1;
    options.machine.set_memory_bytes(int64_t{1} << 30);
    options.machine.set_core_count(2);
    // The worker calls the server that serves it; its channel is made once the address is known.
    server_.runner().Add(optimizer_.grpc_service(), "sda.optimizer.v1.OptimizerService");
    SDA_ASSERT_OK(server_.Start());
    client_ = std::make_unique<OptimizerClient>(server_.shared_connection());
    worker_ = std::make_unique<trainer::Worker>(options, *client_, runner_, metrics_);
    service_ = std::make_unique<TrainerServiceServer>(
        TrainerServiceServer::Dependencies{
            .worker = *worker_, .optimizer = *client_, .folders = folders_, .threads = 2},
        trainer_server_.runner().calls());
    trainer_server_.runner().Add(service_->grpc_service(), "sda.trainer.v1.TrainerService");
    SDA_ASSERT_OK(trainer_server_.Start());
    stub_ = TrainerService::NewStub(trainer_server_.connection().channel());
    worker_->Start();
  }

  void TearDown() override {
    trainer_server_.Stop();
    WorkerTest::TearDown();
  }

  template <class Response, class Request>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    return rpc::Call<Response>(trainer_server_.connection(), *stub_, method, request);
  }

  // All messages of an evaluation.
  absl::StatusOr<std::vector<EvaluateResponse>> Evaluate(const EvaluateRequest& request) {
    grpc::ClientContext context;
    trainer_server_.connection().Prepare(context, absl::Seconds(60));
    const auto reader = stub_->Evaluate(&context, request);
    std::vector<EvaluateResponse> messages;
    for (EvaluateResponse message; reader->Read(&message);) messages.push_back(message);
    if (absl::Status status = rpc::FromGrpcStatus(reader->Finish()); !status.ok()) return status;
    return messages;
  }

  // Trains `spec` as a trial to its end.
  FakeTrial Train(const TrainingSpec& spec) {
    google::protobuf::Any work;
    work.PackFrom(spec);
    const std::string name = optimizer_.AddTrial(work);
    EXPECT_TRUE(optimizer_.AwaitEnd(name));
    return optimizer_.Get(name);
  }

  // The folder of a freshly trained model.
  std::string TrainModel() {
    const FakeTrial trial = Train(TinySpec(dataset_));
    EXPECT_TRUE(trial.completed.has_value()) << (trial.failed ? trial.failed->ShortDebugString() : "");
    return trial.completed ? trial.completed->artifacts().at("model") : "";
  }

  EvaluateRequest Evaluation(const std::string& model, const std::string& split) const {
    EvaluateRequest request;
    request.set_model_uri(model);
    request.set_dataset_manifest_uri(dataset_.manifest_uri);
    request.set_split(split);
    return request;
  }

  static void AddColumn(PredictRequest& request, const std::string& name,
                        const std::vector<std::string>& values) {
    auto& column = *request.add_columns();
    column.set_name(name);
    column.mutable_values()->Add(values.begin(), values.end());
  }

  sda::testing::TempDir root_;
  TinyDataset dataset_;
  ArtefactFolders folders_{root_.path()};
  CoreRunner runner_{folders_, 1};
  sda::testing::TestServer trainer_server_;
  std::unique_ptr<TrainerServiceServer> service_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(TrainerServiceTest, TrialEndsWithAModelThatEvaluatesAsTheTrialSaid) {
  const FakeTrial trial = Train(TinySpec(dataset_));
  ASSERT_TRUE(trial.completed.has_value());
  const double auc = trial.completed->metrics().at("auc").value();
  EXPECT_GT(auc, 0.8) << "the clicks follow from the columns";
  EXPECT_EQ(trial.measurements.size(), 4u) << "one an epoch";
  EXPECT_GT(trial.memory_required_bytes, 0);
  const std::string model = trial.completed->artifacts().at("model");
  EXPECT_EQ(model, "experiments/e/trials/1/attempt-1/model");

  SDA_ASSERT_OK_AND_ASSIGN(const auto messages, Evaluate(Evaluation(model, "validation")));
  ASSERT_FALSE(messages.empty());
  const EvaluateResponse& last = messages.back();
  EXPECT_TRUE(last.done());
  EXPECT_EQ(last.progress().done_count(), 1000);
  EXPECT_EQ(last.progress().total_count(), 1000);
  EXPECT_NEAR(last.metrics().at("auc"), auc, 1e-6);  // batches and threads round otherwise
  EXPECT_NEAR(last.metrics().at("logloss"), trial.completed->metrics().at("logloss").value(), 1e-6);
  for (const char* name : {"normalized_entropy", "accuracy", "calibration"})
    EXPECT_TRUE(last.metrics().contains(name));
  for (size_t i = 0; i + 1 < messages.size(); ++i) EXPECT_FALSE(messages[i].done());

  SDA_ASSERT_OK_AND_ASSIGN(const auto other_batch, [&] {
    EvaluateRequest request = Evaluation("file://" + root_.path() + "/" + model, "validation");
    request.set_batch_size(77);
    return Evaluate(request);
  }());
  EXPECT_NEAR(other_batch.back().metrics().at("auc"), auc, 1e-6);

  worker_->Stop();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / "experiments"))
    EXPECT_NE(entry.path().extension(), ".ckpt") << entry.path();
}

TEST_F(TrainerServiceTest, EvaluateNamesWhatIsWrong) {
  const std::string model = TrainModel();
  EvaluateRequest request = Evaluation(model, "holdout");
  EXPECT_THAT(Evaluate(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("split")));
  request = Evaluation(model, "test");
  request.set_batch_size(-1);
  EXPECT_THAT(Evaluate(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("batch_size")));
  EXPECT_THAT(Evaluate(Evaluation("", "test")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model_uri")));
  EXPECT_THAT(Evaluate(Evaluation("../../etc", "test")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model_uri")));
  EXPECT_THAT(Evaluate(Evaluation("models/none", "test")), StatusIs(absl::StatusCode::kNotFound));
  request = Evaluation(model, "test");
  request.set_dataset_manifest_uri("datasets/none/manifest.json");
  EXPECT_THAT(Evaluate(request), StatusIs(absl::StatusCode::kNotFound));
  request.set_dataset_manifest_uri(WriteTinyDataset(root_.path(), "fewer", /*sites=*/4).manifest_uri);
  const auto differs = Evaluate(request);
  EXPECT_THAT(differs, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorReason(differs.status()), "COLUMNS_DIFFER");
}

TEST_F(TrainerServiceTest, EvaluateEndsWhenNobodyWaits) {
  const EvaluateRequest request = Evaluation(TrainModel(), "train");
  grpc::ClientContext context;
  trainer_server_.connection().Prepare(context, absl::Milliseconds(1));
  const auto reader = stub_->Evaluate(&context, request);
  for (EvaluateResponse message; reader->Read(&message);) continue;
  EXPECT_THAT(rpc::FromGrpcStatus(reader->Finish()), StatusIs(absl::StatusCode::kDeadlineExceeded));
  SDA_EXPECT_OK(Evaluate(request).status()) << "the next one has its turn";
}

TEST_F(TrainerServiceTest, ManyCallersPredictAtATimeAndEachGetsItsOwn) {
  PredictRequest request;
  request.set_model_uri(TrainModel());
  AddColumn(request, "age", {"0.9"});
  AddColumn(request, "site", {"a.example"});
  std::vector<float> alone;
  for (int caller = 0; caller < 12; ++caller) {
    request.mutable_columns(0)->set_values(0, absl::StrCat(0.1 * caller - 0.6));
    SDA_ASSERT_OK_AND_ASSIGN(const PredictResponse response, Call(&Stub::Predict, request));
    alone.push_back(response.probabilities(0));
  }
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 12; ++caller) {
    callers.emplace_back([&, caller, mine = request]() mutable {
      mine.mutable_columns(0)->set_values(0, absl::StrCat(0.1 * caller - 0.6));
      for (int call = 0; call < 10; ++call) {
        SDA_ASSERT_OK_AND_ASSIGN(const PredictResponse response, Call(&Stub::Predict, mine));
        EXPECT_EQ(response.probabilities(0), alone[caller]);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(TrainerServiceTest, PredictScoresRawRows) {
  PredictRequest request;
  request.set_model_uri(TrainModel());
  AddColumn(request, "age", {"0.9", "-0.9", "NULL", "0.9"});
  AddColumn(request, "site", {"a.example", "b.example", "", "never.seen"});
  SDA_ASSERT_OK_AND_ASSIGN(const PredictResponse response, Call(&Stub::Predict, request));
  ASSERT_EQ(response.probabilities_size(), 4);
  for (const float probability : response.probabilities()) {
    EXPECT_GE(probability, 0);
    EXPECT_LE(probability, 1);
  }
  EXPECT_GT(response.probabilities(0), 0.7f);
  EXPECT_LT(response.probabilities(1), 0.3f);
  // A column that is left out is missing in every row.
  PredictRequest without = request;
  without.mutable_columns()->DeleteSubrange(1, 1);
  without.mutable_columns(0)->clear_values();
  without.mutable_columns(0)->add_values("NULL");
  SDA_ASSERT_OK_AND_ASSIGN(const PredictResponse missing, Call(&Stub::Predict, without));
  EXPECT_EQ(missing.probabilities(0), response.probabilities(2));
}

TEST_F(TrainerServiceTest, PredictNamesColumnAndRow) {
  const std::string model = TrainModel();
  const auto predict = [&](const std::string& name, const std::vector<std::string>& values) {
    PredictRequest request;
    request.set_model_uri(model);
    AddColumn(request, "age", {"1", "2", "3"});
    AddColumn(request, name, values);
    return Call(&Stub::Predict, request);
  };
  EXPECT_THAT(predict("height", {"1", "2", "3"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("height")));
  EXPECT_THAT(predict("site", {"1", "2"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("site")));
  PredictRequest request;
  request.set_model_uri(model);
  EXPECT_THAT(Call(&Stub::Predict, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("columns")));
  AddColumn(request, "age", {"1", "old"});
  EXPECT_THAT(Call(&Stub::Predict, request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(HasSubstr("age"), HasSubstr("[1]"), HasSubstr("old"))));
  request.mutable_columns(0)->clear_values();
  EXPECT_THAT(Call(&Stub::Predict, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("0 rows")));
  for (int i = 0; i <= 100'000; ++i) request.mutable_columns(0)->add_values("1");
  EXPECT_THAT(Call(&Stub::Predict, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("100000")));
  request.set_model_uri("models/none");
  request.mutable_columns(0)->mutable_values()->DeleteSubrange(1, 100'000);
  EXPECT_THAT(Call(&Stub::Predict, request), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(TrainerServiceTest, ValidateSpecListsViolationsAndEstimatesMemory) {
  ValidateSpecRequest request;
  *request.mutable_spec() = TinySpec(dataset_);
  SDA_ASSERT_OK_AND_ASSIGN(const ValidateSpecResponse good, Call(&Stub::ValidateSpec, request));
  EXPECT_TRUE(good.violations().empty());
  EXPECT_GT(good.memory_required_bytes(), 0);

  request.mutable_spec()->mutable_model()->set_embedding_dim(2000);
  request.mutable_spec()->mutable_optimizer()->mutable_dense()->set_learning_rate(std::nan(""));
  SDA_ASSERT_OK_AND_ASSIGN(const ValidateSpecResponse bad, Call(&Stub::ValidateSpec, request));
  std::set<std::string> fields;
  for (const auto& violation : bad.violations()) fields.insert(violation.field());
  EXPECT_THAT(fields, ::testing::IsSupersetOf({"model.embedding_dim", "optimizer.dense.learning_rate"}));
  EXPECT_EQ(bad.memory_required_bytes(), 0);
}

TEST_F(TrainerServiceTest, CreateTrainingMakesAnExperimentOfOneTrial) {
  CreateTrainingRequest request;
  request.set_request_id("request-1");
  request.set_display_name("mine");
  *request.mutable_spec() = TinySpec(dataset_);
  SDA_ASSERT_OK_AND_ASSIGN(const CreateTrainingResponse response, Call(&Stub::CreateTraining, request));
  EXPECT_EQ(response.experiment(), FakeOptimizer::kExperiment);
  const auto created = optimizer_.created_experiment();
  EXPECT_EQ(created.request_id(), "request-1");
  EXPECT_EQ(created.experiment().observation_budget(), 1);
  EXPECT_TRUE(created.experiment().default_first());
  EXPECT_EQ(created.experiment().metrics(0).name(), "auc");
  TrainingSpec work;
  ASSERT_TRUE(created.experiment().work().UnpackTo(&work));
  EXPECT_EQ(work.training().batch_size(), 64);
  SDA_EXPECT_OK(Call(&Stub::CreateTraining, request));
  request.mutable_spec()->set_seed(8);
  EXPECT_THAT(Call(&Stub::CreateTraining, request), StatusIs(absl::StatusCode::kAlreadyExists));
  request.mutable_spec()->mutable_training()->set_epochs(-1);
  EXPECT_THAT(Call(&Stub::CreateTraining, request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("training.epochs")));
}

TEST_F(TrainerServiceTest, GetWorkerDescribesMachineAndSlots) {
  SDA_ASSERT_OK_AND_ASSIGN(const GetWorkerResponse response, Call(&Stub::GetWorker, GetWorkerRequest()));
  EXPECT_EQ(response.worker().worker_id(), "worker-1");
  EXPECT_EQ(response.worker().slot_count(), 1);
  EXPECT_EQ(response.worker().threads_per_slot(), 1);
  EXPECT_EQ(response.worker().machine().core_count(), 2);
  EXPECT_EQ(response.worker().slots_size(), 1);
  EXPECT_GT(response.worker().start_time().seconds(), 0);
}

TEST_F(TrainerServiceTest, TrialOfAnotherManifestIsTheWorksFault) {
  TrainingSpec spec = TinySpec(dataset_);
  spec.set_dataset_manifest_sha256(std::string(64, '1'));
  const FakeTrial changed = Train(spec);
  ASSERT_TRUE(changed.failed.has_value());
  EXPECT_EQ(changed.failed->cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_EQ(changed.failed->reason(), "MANIFEST_CHANGED");
  spec.set_dataset_manifest_uri("datasets/none/manifest.json");
  const FakeTrial missing = Train(spec);
  ASSERT_TRUE(missing.failed.has_value());
  EXPECT_EQ(missing.failed->cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_THAT(missing.failed->message(), HasSubstr("datasets/none/manifest.json"));
}

TEST_F(TrainerServiceTest, TrainingGoesOnFromTheModelThatItsSpecNames) {
  const std::string first = TrainModel();
  ASSERT_NE(first, "");
  const std::string weights = sda::testing::ReadFile(root_ / (first + "/weights.bin"));
  TrainingSpec spec = TinySpec(dataset_);
  spec.mutable_training()->set_initial_model_uri(first);
  spec.mutable_training()->set_initial_model_sha256(Sha256Hex(weights));
  // Steps too small to change a prediction: what the trial reports is what it began with.
  for (OptimizerSettings* settings :
       {spec.mutable_optimizer()->mutable_dense(), spec.mutable_optimizer()->mutable_sparse()}) {
    settings->set_algorithm(OptimizerSettings::ALGORITHM_SGD);
    settings->set_learning_rate(1e-9);
  }
  const FakeTrial second = Train(spec);
  ASSERT_TRUE(second.completed.has_value()) << (second.failed ? second.failed->ShortDebugString() : "");
  SDA_ASSERT_OK_AND_ASSIGN(const auto before, Evaluate(Evaluation(first, "validation")));
  EXPECT_NEAR(second.completed->metrics().at("auc").value(), before.back().metrics().at("auc"), 1e-5);
  EXPECT_NEAR(second.completed->metrics().at("logloss").value(), before.back().metrics().at("logloss"), 1e-5);
  EXPECT_NE(second.completed->artifacts().at("model"), first) << "the model begun with stays as it is";
  EXPECT_EQ(sda::testing::ReadFile(root_ / (first + "/weights.bin")), weights);
}

TEST_F(TrainerServiceTest, InitialModelThatDoesNotFitIsTheWorksFaultAndNamed) {
  const std::string first = TrainModel();
  ASSERT_NE(first, "");
  TrainingSpec spec = TinySpec(dataset_);
  spec.mutable_training()->set_initial_model_uri(first);
  spec.mutable_training()->set_initial_model_sha256(std::string(64, '1'));
  const FakeTrial changed = Train(spec);
  ASSERT_TRUE(changed.failed.has_value());
  EXPECT_EQ(changed.failed->cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_EQ(changed.failed->reason(), "INITIAL_MODEL_CHANGED");

  spec.mutable_training()->set_initial_model_uri("../outside/model");
  const FakeTrial outside = Train(spec);
  ASSERT_TRUE(outside.failed.has_value());
  EXPECT_EQ(outside.failed->cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_THAT(outside.failed->message(), HasSubstr("training.initial_model_uri"));

  spec.mutable_training()->set_initial_model_uri(first);
  spec.mutable_training()->set_initial_model_sha256(
      Sha256Hex(sda::testing::ReadFile(root_ / (first + "/weights.bin"))));
  spec.mutable_model()->set_embedding_dim(2 * spec.model().embedding_dim());
  const FakeTrial other_shape = Train(spec);
  ASSERT_TRUE(other_shape.failed.has_value());
  EXPECT_EQ(other_shape.failed->cause(), FailTrialRequest::CAUSE_WORK);
  EXPECT_THAT(other_shape.failed->message(), HasSubstr("model.embedding_dim"));
}

TEST_F(TrainerServiceTest, PointThatDivergesIsInfeasible) {
  TrainingSpec spec = TinySpec(dataset_);
  spec.mutable_optimizer()->mutable_dense()->set_algorithm(OptimizerSettings::ALGORITHM_SGD);
  spec.mutable_optimizer()->mutable_dense()->set_learning_rate(100);
  spec.mutable_optimizer()->mutable_sparse()->set_algorithm(OptimizerSettings::ALGORITHM_SGD);
  spec.mutable_optimizer()->mutable_sparse()->set_learning_rate(100);
  const FakeTrial trial = Train(spec);
  ASSERT_TRUE(trial.failed.has_value());
  EXPECT_EQ(trial.failed->cause(), FailTrialRequest::CAUSE_POINT);
  EXPECT_NE(trial.failed->reason(), "");
}

// Cancels at its second reading, as a worker that is told to end.
class CancelAtSecondReading final : public AttemptListener {
 public:
  void OnStart(int64_t step, const absl::Status& resumed) override { start = resumed.ok() ? step : -1; }
  bool OnReading(const AttemptReading& reading) override {
    if (++readings == 2) {
      checkpoint = reading.checkpoint;
      stop.request_stop();
    }
    return true;
  }
  void OnProgress(int64_t, int64_t) override {}
  std::string AcceptedCheckpoint() override { return checkpoint; }

  int readings = 0;
  int64_t start = -1;
  std::string checkpoint;
  std::stop_source stop;
};

TEST_F(TrainerServiceTest, ResumedAttemptEndsInTheBytesOfAnUninterruptedOne) {
  AttemptOrder order;
  order.spec = TinySpec(dataset_);
  training_spec::FillDefaults(order.spec);
  order.folder = "experiments/e/trials/9/attempt-1";
  CancelAtSecondReading first;
  SDA_ASSERT_OK_AND_ASSIGN(const AttemptOutcome cancelled, runner_.Run(order, first, first.stop.get_token()));
  ASSERT_EQ(cancelled.end, AttemptOutcome::End::kCancelled);
  ASSERT_NE(first.checkpoint, "");

  order.folder = "experiments/e/trials/9/attempt-2";
  order.resume_checkpoint = first.checkpoint;
  CancelAtSecondReading second;
  SDA_ASSERT_OK_AND_ASSIGN(const AttemptOutcome resumed, runner_.Run(order, second, std::stop_token()));
  ASSERT_EQ(resumed.end, AttemptOutcome::End::kFinished);
  EXPECT_EQ(second.readings, 2) << "two of four epochs were left";
  EXPECT_EQ(second.start, 2 * 46) << "whole steps of 64 in 3000 rows";
  runner_.DiscardCheckpoints(order);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / "experiments/e/trials/9"))
    EXPECT_NE(entry.path().extension(), ".ckpt") << entry.path();

  const std::string whole = TrainModel();
  const auto weights = [&](const std::string& model) {
    return sda::testing::ReadFile(root_ / (model + "/weights.bin"));
  };
  ASSERT_FALSE(weights(whole).empty());
  EXPECT_EQ(weights(resumed.artifacts.at("model")), weights(whole));
}

}  // namespace
}  // namespace sda::trainer::testing
