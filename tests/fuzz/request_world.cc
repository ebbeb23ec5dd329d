#include "tests/fuzz/request_world.h"

#include <map>
#include <type_traits>
#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/testing/test_store.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/experiment_file.h"
#include "services/optimizer/server/well_formed.h"

namespace sda::fuzz {
namespace {

namespace v1 = optimizer::v1;
using google::protobuf::Message;
using optimizer::Engine;

const google::protobuf::ServiceDescriptor& Service() {
  return *v1::CreateExperimentRequest::descriptor()->file()->FindServiceByName("OptimizerService");
}

template <class Response>
absl::StatusOr<std::string> Bytes(const absl::StatusOr<Response>& response) {
  if (!response.ok()) return response.status();
  return optimizer::DeterministicBytes(*response);
}

// For streams.
absl::StatusOr<std::string> Bytes(const absl::Status& status) {
  if (!status.ok()) return status;
  return std::string();
}

// Calls the engine's method if the request is of its type.
template <class Request, class Response>
bool CallIf(const Message& message, Engine& engine,
            absl::StatusOr<Response> (Engine::*method)(const Request&), absl::StatusOr<std::string>& reply) {
  const auto* request = dynamic_cast<const Request*>(&message);
  if (request != nullptr) reply = Bytes((engine.*method)(*request));
  return request != nullptr;
}

std::stop_token Stopped() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

template <class Response>
Response Must(absl::StatusOr<Response> response) {
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *std::move(response) : Response();
}

// Something of every kind a space may hold.
v1::Experiment SampleExperiment() {
  v1::Experiment experiment;
  experiment.set_observation_budget(1000);
  experiment.set_parallel_bandwidth(1000);
  experiment.set_algorithm(v1::Experiment::ALGORITHM_SOBOL);
  auto& rate = *experiment.add_parameters();
  rate.set_name("rate");
  rate.mutable_double_range()->set_min(1e-3);
  rate.mutable_double_range()->set_max(1);
  rate.set_scale(v1::Parameter::SCALE_LOG);
  rate.mutable_default_value()->set_double_value(0.5);
  auto& kind = *experiment.add_parameters();
  kind.set_name("kind");
  kind.mutable_categories()->add_values("a");
  kind.mutable_categories()->add_values("b");
  auto& depth = *experiment.add_parameters();
  depth.set_name("depth");
  depth.mutable_int_range()->set_min(1);
  depth.mutable_int_range()->set_max(8);
  depth.add_conditions()->set_parameter("kind");
  depth.mutable_conditions(0)->add_values()->set_string_value("b");
  auto& auc = *experiment.add_metrics();
  auc.set_name("auc");
  auc.set_threshold(0.5);
  auto& seconds = *experiment.add_metrics();
  seconds.set_name("seconds");
  seconds.set_objective(v1::Metric::OBJECTIVE_MINIMIZE);
  seconds.set_strategy(v1::Metric::STRATEGY_STORE);
  experiment.mutable_work()->set_type_url("type.googleapis.com/some.Spec");
  return experiment;
}

void SampleTrial(v1::Trial& trial) {
  (*trial.mutable_assignments())["rate"].set_double_value(0.25);
  (*trial.mutable_assignments())["kind"].set_string_value("a");
  (*trial.mutable_metrics())["auc"].set_value(0.75);
}

}  // namespace

RequestWorld::RequestWorld() {
  auto opened = sql::Database::Open(testing::NewTestDatabase(folder_), optimizer::store::OptimizerSchema());
  EXPECT_TRUE(opened.ok()) << opened.status();
  database_ = *std::move(opened);
  engine_ = std::make_unique<Engine>(*database_, clock_);
}

std::vector<std::string> RequestWorld::RequestTypes() {
  std::vector<std::string> types;
  for (int i = 0; i < Service().method_count(); ++i)
    types.push_back(Service().method(i)->input_type()->name());
  return types;
}

std::unique_ptr<Message> RequestWorld::NewRequest(const std::string& type) {
  const auto* descriptor = Service().file()->FindMessageTypeByName(type);
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

std::string RequestWorld::NewExperiment() {
  v1::CreateExperimentRequest request;
  request.set_request_id(NewId());
  *request.mutable_experiment() = SampleExperiment();
  request.set_experiment_id(absl::StrCat("e", ids_));
  ++experiments_;
  return Must(engine_->CreateExperiment(request)).experiment().name();
}

v1::Lease RequestWorld::NewLease(const std::string& experiment) {
  v1::AcquireTrialRequest request;
  request.set_request_id(NewId());
  request.set_worker("worker");
  request.add_experiments(experiment);
  return Must(engine_->AcquireTrial(request, Stopped())).lease();
}

std::string RequestWorld::NewMeasuredTrial(const std::string& experiment) {
  v1::CreateTrialRequest request;
  request.set_request_id(NewId());
  request.set_parent(experiment);
  SampleTrial(*request.mutable_trial());
  return Must(engine_->CreateTrial(request)).trial().name();
}

std::unique_ptr<Message> RequestWorld::Sample(const std::string& type) {
  std::unique_ptr<Message> request = NewRequest(type);
  const auto& descriptor = *request->GetDescriptor();
  const auto& reflection = *request->GetReflection();
  const auto set = [&](const char* field, const std::string& value) {
    reflection.SetString(request.get(), descriptor.FindFieldByName(field), value);
  };
  const auto has = [&](const char* field) { return descriptor.FindFieldByName(field) != nullptr; };
  if (has("request_id")) set("request_id", NewId());
  if (auto* create = dynamic_cast<v1::CreateExperimentRequest*>(request.get())) {
    *create->mutable_experiment() = SampleExperiment();
    create->mutable_experiment()->set_seed(ids_);  // no two alike
    ++experiments_;
    return request;
  }
  if (has("page_size") && has("show_archived")) return request;
  const std::string experiment = NewExperiment();
  if (auto* import = dynamic_cast<v1::ImportExperimentRequest*>(request.get())) {
    v1::GetExperimentRequest get;
    get.set_name(experiment);
    *import->mutable_record() =
        optimizer::DefinitionRecord({.id = "x", .message = Must(engine_->GetExperiment(get)).experiment()});
    import->set_experiment_id(absl::StrCat("i", ids_));
    ++experiments_;
    return request;
  }
  if (has("lease")) {
    reflection.MutableMessage(request.get(), descriptor.FindFieldByName("lease"))
        ->CopyFrom(NewLease(experiment));
  } else if (type == "ListMeasurementsRequest") {
    set("parent", NewMeasuredTrial(experiment));
  } else if (has("parent")) {
    set("parent", experiment);
  } else if (has("name")) {
    set("name", type == "AmendTrialRequest" || type == "VoidTrialRequest" || type == "GetTrialRequest"
                    ? NewMeasuredTrial(experiment)
                : type == "CancelTrialRequest" ? NewLease(experiment).trial()
                                               : experiment);
  }
  if (type == "ArchiveExperimentRequest" || type == "DeleteExperimentRequest") {
    v1::StopExperimentRequest stop;
    stop.set_request_id(NewId());
    stop.set_name(experiment);
    Must(engine_->StopExperiment(stop));
  }
  if (type == "ResumeExperimentRequest") {
    v1::PauseExperimentRequest pause;
    pause.set_request_id(NewId());
    pause.set_name(experiment);
    Must(engine_->PauseExperiment(pause));
  }
  if (has("reason")) set("reason", type == "FailTrialRequest" ? "DIVERGED" : "because");
  if (type == "GetInsightsRequest") {
    for (int i = 0; i < 4; ++i) NewMeasuredTrial(experiment);
  }
  if (auto* update = dynamic_cast<v1::UpdateExperimentRequest*>(request.get())) {
    update->mutable_experiment()->set_name(experiment);
    update->mutable_experiment()->set_observation_budget(500);
    update->mutable_update_mask()->add_paths("observation_budget");
  } else if (auto* create = dynamic_cast<v1::CreateTrialRequest*>(request.get())) {
    SampleTrial(*create->mutable_trial());
  } else if (auto* batch = dynamic_cast<v1::BatchCreateTrialsRequest*>(request.get())) {
    SampleTrial(*batch->add_trials());
  } else if (auto* suggest = dynamic_cast<v1::SuggestTrialsRequest*>(request.get())) {
    suggest->set_count(2);
  } else if (auto* acquire = dynamic_cast<v1::AcquireTrialRequest*>(request.get())) {
    acquire->set_worker("worker");
    acquire->add_experiments(experiment);
  } else if (auto* report = dynamic_cast<v1::ReportMeasurementRequest*>(request.get())) {
    report->mutable_measurement()->set_step(1);
    (*report->mutable_measurement()->mutable_metrics())["auc"] = 0.5;
  } else if (auto* complete = dynamic_cast<v1::CompleteTrialRequest*>(request.get())) {
    (*complete->mutable_metrics())["auc"].set_value(0.5);
  } else if (auto* fail = dynamic_cast<v1::FailTrialRequest*>(request.get())) {
    fail->set_cause(v1::FailTrialRequest::CAUSE_POINT);
  } else if (auto* amend = dynamic_cast<v1::AmendTrialRequest*>(request.get())) {
    (*amend->mutable_metrics())["auc"].set_value(0.5);
  }
  return request;
}

absl::StatusOr<std::string> RequestWorld::CallForReply(const Message& request) {
  SDA_RETURN_IF_ERROR(optimizer::CheckWellFormed(request));
  if (const auto* acquire = dynamic_cast<const v1::AcquireTrialRequest*>(&request))
    return Bytes(engine_->AcquireTrial(*acquire, Stopped()));
  if (const auto* suggest = dynamic_cast<const v1::SuggestTrialsRequest*>(&request))
    return Bytes(engine_->SuggestTrials(*suggest));
  if (const auto* watch = dynamic_cast<const v1::WatchExperimentRequest*>(&request))
    return Bytes(engine_->WatchExperiment(
        *watch, [](const auto&) { return false; }, Stopped()));
  if (const auto* get = dynamic_cast<const v1::ExportExperimentRequest*>(&request))
    return Bytes(engine_->ExportExperiment(*get, [](const auto&) { return true; }));
  if (const auto* import = dynamic_cast<const v1::ImportExperimentRequest*>(&request)) {
    // The record between a header and a footer.
    std::vector<v1::ImportExperimentRequest> stream(3);
    stream[0].set_request_id(import->request_id());
    stream[0].set_experiment_id(import->experiment_id());
    *stream[0].mutable_record() = optimizer::HeaderRecord(clock_.Now());
    *stream[1].mutable_record() = import->record();
    stream[2].mutable_record()->mutable_footer();
    return Bytes(engine_->ImportExperiment(stream));
  }
  absl::StatusOr<std::string> reply = absl::UnimplementedError(request.GetTypeName());
  const auto any = [&](auto... methods) { return (CallIf(request, *engine_, methods, reply) || ...); };
  any(&Engine::CreateExperiment, &Engine::GetExperiment, &Engine::ListExperiments, &Engine::UpdateExperiment,
      &Engine::PauseExperiment, &Engine::ResumeExperiment, &Engine::StopExperiment,
      &Engine::ArchiveExperiment, &Engine::DeleteExperiment, &Engine::CloneExperiment, &Engine::CreateTrial,
      &Engine::BatchCreateTrials, &Engine::AmendTrial, &Engine::VoidTrial, &Engine::GetTrial,
      &Engine::ListTrials, &Engine::ListMeasurements, &Engine::RenewLease, &Engine::ReportMeasurement,
      &Engine::CompleteTrial, &Engine::FailTrial, &Engine::ReleaseTrial, &Engine::CancelTrial,
      &Engine::ListBestTrials, &Engine::GetInsights);
  return reply;
}

std::string RequestWorld::Snapshot() {
  std::string bytes;
  v1::ListExperimentsRequest list;
  list.set_show_archived(true);
  list.set_page_size(1000);
  const v1::ListExperimentsResponse all = Must(engine_->ListExperiments(list));
  for (const v1::Experiment& experiment : all.experiments()) {
    v1::ExportExperimentRequest request;
    request.set_name(experiment.name());
    EXPECT_TRUE(engine_
                    ->ExportExperiment(request,
                                       [&](const v1::ExportExperimentResponse& response) {
                                         bytes += optimizer::DeterministicBytes(response);
                                         return true;
                                       })
                    .ok());
  }
  return bytes;
}

bool IsOrderly(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return true;
    case absl::StatusCode::kInvalidArgument: {
      const auto detail = GetErrorDetail(status);
      return detail && !detail->violations.empty() && !detail->violations[0].field.empty();
    }
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return !GetErrorReason(status).empty();
    case absl::StatusCode::kCancelled:  // a watch that nobody reads
      return true;
    default:
      return false;
  }
}

}  // namespace sda::fuzz
