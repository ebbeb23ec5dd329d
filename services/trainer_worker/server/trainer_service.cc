#include "services/trainer_worker/server/trainer_service.h"

#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "common/training_spec/field_path.h"
#include "common/training_spec/rules.h"
#include "sda/trainer/v1/trainer_service.grpc.pb.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/training/training.h"
#include "services/trainer_worker/server/spec_converter.h"

namespace sda::trainer {
namespace {

using namespace trainer::v1;  // NOLINT(google-build-using-namespace): every message of one small package

// How soon an evaluation that waits for its turn sees that nobody wants it any more.
constexpr auto kTurnCheckInterval = std::chrono::milliseconds(50);
constexpr int32_t kMaxEvaluationBatch = 1 << 20;
constexpr int32_t kDefaultEvaluationBatch = 8192;

// What a trainer reports beside the AUC, recorded and not optimised.
constexpr const char* kStoredMetrics[] = {"logloss",     "normalized_entropy", "accuracy",
                                          "calibration", "train_seconds",      "samples_per_second"};

// A search of one point: its only parameter has a single value.
optimizer::v1::Experiment OneTrialExperiment(const CreateTrainingRequest& request, const TrainingSpec& spec) {
  optimizer::v1::Experiment experiment;
  experiment.set_display_name(request.display_name());
  experiment.set_observation_budget(1);
  experiment.set_parallel_bandwidth(1);
  experiment.set_default_first(true);
  experiment.set_seed(spec.seed());
  experiment.mutable_work()->PackFrom(spec);
  auto& parameter = *experiment.add_parameters();
  parameter.set_name("training.batch_size");
  parameter.mutable_grid()->add_values(spec.training().batch_size());
  parameter.mutable_default_value()->set_double_value(spec.training().batch_size());
  auto& auc = *experiment.add_metrics();
  auc.set_name("auc");
  auc.set_strategy(optimizer::v1::Metric::STRATEGY_OPTIMIZE);
  auc.set_objective(optimizer::v1::Metric::OBJECTIVE_MAXIMIZE);
  for (const char* name : kStoredMetrics) {
    auto& metric = *experiment.add_metrics();
    metric.set_name(name);
    metric.set_strategy(optimizer::v1::Metric::STRATEGY_STORE);
    metric.set_objective(optimizer::v1::Metric::OBJECTIVE_MINIMIZE);
  }
  return experiment;
}

void AddViolation(const FieldViolation& violation, ValidateSpecResponse& response) {
  auto& out = *response.add_violations();
  out.set_field(violation.field);
  out.set_description(violation.description);
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& out) {
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
}

}  // namespace

class TrainerServiceServer::Impl final : public TrainerService::CallbackService {
 public:
  Impl(Dependencies dependencies, rpc::CallEnvironment& calls)
      : dependencies_(std::move(dependencies)),
        calls_(calls),
        prediction_(dependencies_.prediction, dependencies_.folders, calls.metrics()) {}

  grpc::ServerUnaryReactor* GetWorker(grpc::CallbackServerContext* context, const GetWorkerRequest* request,
                                      GetWorkerResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "GetWorker",
                            [this](const GetWorkerRequest&, GetWorkerResponse* out, rpc::RequestContext&) {
                              *out->mutable_worker() = dependencies_.worker.Describe();
                              return absl::OkStatus();
                            });
  }

  grpc::ServerUnaryReactor* CreateTraining(grpc::CallbackServerContext* context,
                                           const CreateTrainingRequest* request,
                                           CreateTrainingResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "CreateTraining",
                            [this](const CreateTrainingRequest& in, CreateTrainingResponse* out,
                                   rpc::RequestContext&) { return StartTraining(in, out); });
  }

  grpc::ServerUnaryReactor* ValidateSpec(grpc::CallbackServerContext* context,
                                         const ValidateSpecRequest* request,
                                         ValidateSpecResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "ValidateSpec",
        [this](const ValidateSpecRequest& in, ValidateSpecResponse* out, rpc::RequestContext&) {
          Check(in.spec(), out);
          return absl::OkStatus();
        });
  }

  grpc::ServerWriteReactor<EvaluateResponse>* Evaluate(grpc::CallbackServerContext* context,
                                                       const EvaluateRequest* request) override {
    return rpc::HandleServerStream<EvaluateResponse>(
        calls_, context, request, "Evaluate",
        [this](const EvaluateRequest& in, rpc::StreamWriter<EvaluateResponse>& stream,
               rpc::RequestContext& call) { return Measure(in, stream, call); });
  }

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const PredictRequest* request,
                                    PredictResponse* response) override {
    // A caller waits for those it shares a batch with: not on the few threads of quick calls.
    constexpr rpc::Method kMethod("Predict", /*frequent=*/true, /*waits=*/true);
    return rpc::HandleUnary(
        calls_, context, request, response, kMethod,
        [this](const PredictRequest& in, PredictResponse* out, rpc::RequestContext& call) {
          return prediction_.Predict(in, *out, call);
        });
  }

 private:
  absl::Status StartTraining(const CreateTrainingRequest& request, CreateTrainingResponse* response) {
    TrainingSpec spec = request.spec();
    training_spec::FillDefaults(spec);
    if (const auto violations = training_spec::ValidateSpec(spec); !violations.empty())
      return InvalidFields(violations);
    SDA_ASSIGN_OR_RETURN(const LocalDataset dataset,
                         OpenDataset(dependencies_.folders, "spec.dataset_manifest_uri",
                                     spec.dataset_manifest_uri(), spec.dataset_manifest_sha256()));
    SDA_RETURN_IF_ERROR(CheckSpec(ToTrainingJob(spec).model, ShapeOf(dataset.manifest)));
    optimizer::v1::CreateExperimentRequest create;
    create.set_request_id(request.request_id());
    *create.mutable_experiment() = OneTrialExperiment(request, spec);
    SDA_ASSIGN_OR_RETURN(const auto created, dependencies_.optimizer.CreateExperiment(create));
    response->set_experiment(created.experiment().name());
    return absl::OkStatus();
  }

  void Check(TrainingSpec spec, ValidateSpecResponse* response) {
    training_spec::FillDefaults(spec);
    for (const FieldViolation& violation : training_spec::ValidateSpec(spec)) {
      AddViolation(violation, *response);
    }
    if (!response->violations().empty()) return;
    auto dataset = OpenDataset(dependencies_.folders, "dataset_manifest_uri", spec.dataset_manifest_uri(),
                               spec.dataset_manifest_sha256());
    if (!dataset.ok()) return;
    TrainingJob job = ToTrainingJob(spec);
    job.manifest = std::move(dataset->manifest);
    job.threads = dependencies_.threads;
    if (const absl::Status fits = CheckSpec(job.model, ShapeOf(job.manifest)); !fits.ok()) {
      const std::optional<ErrorDetail> detail = GetErrorDetail(fits);
      for (const FieldViolation& violation : detail ? detail->violations : std::vector<FieldViolation>())
        AddViolation(violation, *response);
      return;
    }
    response->set_memory_required_bytes(EstimateMemoryBytes(job));
  }

  absl::Status Measure(const EvaluateRequest& request, rpc::StreamWriter<EvaluateResponse>& stream,
                       rpc::RequestContext& call) {
    if (request.batch_size() < 0 || request.batch_size() > kMaxEvaluationBatch) {
      return InvalidField("batch_size", absl::StrCat("is ", request.batch_size(), "; must be in [0, ",
                                                     kMaxEvaluationBatch, "]"));
    }
    if (request.split() != "train" && request.split() != "validation" && request.split() != "test") {
      return InvalidField("split",
                          absl::StrCat("is \"", request.split(), "\"; must be train, validation or test"));
    }
    EvaluationJob job;
    SDA_ASSIGN_OR_RETURN(job.model_folder, dependencies_.folders.Resolve("model_uri", request.model_uri()));
    SDA_ASSIGN_OR_RETURN(LocalDataset dataset, OpenDataset(dependencies_.folders, "dataset_manifest_uri",
                                                           request.dataset_manifest_uri(), ""));
    job.manifest = std::move(dataset.manifest);
    job.dataset_folder = std::move(dataset.folder);
    job.split = request.split();
    job.group_by = request.group_by();
    if (request.auc_method() == TrainingConfig::AUC_METHOD_HISTOGRAM) job.auc_method = AucMethod::kHistogram;
    job.batch_size = request.batch_size() > 0 ? request.batch_size() : kDefaultEvaluationBatch;
    job.threads = dependencies_.threads;
    EvaluateResponse message;
    job.progress = [&](int64_t rows, int64_t total) {
      message.mutable_progress()->set_stage("evaluate");
      message.mutable_progress()->set_unit("rows");
      message.mutable_progress()->set_done_count(rows);
      message.mutable_progress()->set_total_count(total);
      stream.TryWrite(message);
    };
    // Evaluations queue up rather than share the cores: each is quick alone.
    std::unique_lock lock(evaluation_, std::defer_lock);
    while (!lock.try_lock_for(kTurnCheckInterval)) {
      if (call.IsCancelled()) return absl::CancelledError("nobody waits for the evaluation");
    }
    const absl::Duration begin = RealClock::Get().Monotonic();
    SDA_ASSIGN_OR_RETURN(const auto metrics, EvaluateModel(job, call.stop_token()));
    message.mutable_metrics()->insert(metrics.begin(), metrics.end());
    message.set_done(true);
    SetDuration(RealClock::Get().Monotonic() - begin, *message.mutable_elapsed());
    return stream.Write(message) ? absl::OkStatus() : absl::CancelledError("nobody listens");
  }

  const Dependencies dependencies_;
  rpc::CallEnvironment& calls_;
  Prediction prediction_;
  std::timed_mutex evaluation_;
};

TrainerServiceServer::TrainerServiceServer(Dependencies dependencies, rpc::CallEnvironment& calls)
    : impl_(std::make_unique<Impl>(std::move(dependencies), calls)) {}
TrainerServiceServer::~TrainerServiceServer() = default;

grpc::Service& TrainerServiceServer::grpc_service() {
  return *impl_;
}

}  // namespace sda::trainer
