#include "services/advisor/server/testing/fake_suite.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>

#include <absl/strings/str_cat.h>
#include <grpcpp/server_builder.h>

#include "services/advisor/server/experiment_proto.h"

namespace sda::advisor::testing {
namespace {

using optimizer::v1::Experiment;
using optimizer::v1::Trial;
using preprocessing::v1::Job;

constexpr auto kStep = std::chrono::milliseconds(5);  // between looks at whether a caller has gone

grpc::Status NotFound(const std::string& name) {
  return {grpc::StatusCode::NOT_FOUND, name + " does not exist"};
}

}  // namespace

class FakeSuite::FakePreprocessing final : public preprocessing::v1::PreprocessingService::Service {
 public:
  explicit FakePreprocessing(FakeSuite& suite) : suite_(suite) {}

  grpc::Status CreateDataset(grpc::ServerContext* context,
                             const preprocessing::v1::CreateDatasetRequest* request,
                             preprocessing::v1::CreateDatasetResponse* response) override {
    if (auto status = suite_.Pass("CreateDataset", Moment::kArrived, *context); !status.ok()) return status;
    {
      std::lock_guard lock(suite_.mutex_);
      const std::string payload = request->SerializeAsString();
      const auto reply = suite_.replies_.find(request->request_id());
      if (reply != suite_.replies_.end()) {
        if (reply->second.first != payload) return {grpc::StatusCode::ALREADY_EXISTS, "request id reused"};
        response->ParseFromString(reply->second.second);
      } else {
        Job job;
        job.set_name("datasets/" + request->dataset_id() + "/jobs/job-1");
        job.set_dataset("datasets/" + request->dataset_id());
        job.set_state(Job::STATE_RUNNING);
        if (suite_.jobs_.contains(job.name())) return {grpc::StatusCode::ALREADY_EXISTS, "dataset exists"};
        *job.mutable_spec() = request->spec();
        suite_.jobs_[job.name()] = job;
        *response->mutable_job() = std::move(job);
        suite_.replies_[request->request_id()] = {payload, response->SerializeAsString()};
      }
    }
    return suite_.Pass("CreateDataset", Moment::kAnswered, *context);
  }

  grpc::Status WatchJob(grpc::ServerContext* context, const preprocessing::v1::WatchJobRequest* request,
                        grpc::ServerWriter<preprocessing::v1::WatchJobResponse>* writer) override {
    if (auto status = suite_.Pass("WatchJob", Moment::kArrived, *context); !status.ok()) return status;
    preprocessing::v1::WatchJobResponse response;
    {
      std::unique_lock lock(suite_.mutex_);
      const auto found = suite_.jobs_.find(request->name());
      if (found == suite_.jobs_.end()) return NotFound(request->name());
      Job& job = found->second;
      *response.mutable_job() = job;
      response.mutable_job()->mutable_progress()->set_stage("encode");
      lock.unlock();
      writer->Write(response);
      lock.lock();
      while (suite_.hold_jobs_ && job.state() == Job::STATE_RUNNING) {
        if (context->IsCancelled()) return grpc::Status::CANCELLED;
        suite_.changed_.wait_for(lock, kStep);
      }
      if (job.state() == Job::STATE_RUNNING) End(job);
      *response.mutable_job() = job;
    }
    if (auto status = suite_.Pass("WatchJob", Moment::kAnswered, *context); !status.ok()) return status;
    writer->Write(response);
    return grpc::Status::OK;
  }

  grpc::Status ListJobs(grpc::ServerContext* context, const preprocessing::v1::ListJobsRequest* request,
                        preprocessing::v1::ListJobsResponse* response) override {
    if (auto status = suite_.Pass("ListJobs", Moment::kArrived, *context); !status.ok()) return status;
    std::lock_guard lock(suite_.mutex_);
    for (const auto& [name, job] : suite_.jobs_) {
      if (job.dataset() == request->parent()) *response->add_jobs() = job;
    }
    return grpc::Status::OK;
  }

  grpc::Status CancelJob(grpc::ServerContext* context, const preprocessing::v1::CancelJobRequest* request,
                         preprocessing::v1::CancelJobResponse* response) override {
    if (auto status = suite_.Pass("CancelJob", Moment::kArrived, *context); !status.ok()) return status;
    std::lock_guard lock(suite_.mutex_);
    const auto found = suite_.jobs_.find(request->name());
    if (found == suite_.jobs_.end()) return NotFound(request->name());
    if (found->second.state() == Job::STATE_RUNNING) found->second.set_state(Job::STATE_CANCELLED);
    suite_.cancelled_jobs_.insert(request->name());
    *response->mutable_job() = found->second;
    suite_.changed_.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status GetDataset(grpc::ServerContext* context, const preprocessing::v1::GetDatasetRequest* request,
                          preprocessing::v1::GetDatasetResponse* response) override {
    if (auto status = suite_.Pass("GetDataset", Moment::kArrived, *context); !status.ok()) return status;
    using preprocessing::v1::ColumnSpec;
    preprocessing::v1::Dataset& dataset = *response->mutable_dataset();
    dataset.set_name(request->name());
    dataset.set_manifest_uri(request->name() + "/manifest.json");
    dataset.set_manifest_sha256(std::string(64, 'a'));
    auto& splits = *dataset.mutable_profile()->mutable_splits();
    splits["train"].set_rows_count(20'000);
    splits["train"].set_positive_rows_count(4'000);
    splits["validation"].set_rows_count(2'000);
    {
      std::lock_guard lock(suite_.mutex_);
      splits["test"].set_rows_count(suite_.script_.test_rows);
    }
    auto& dense = *dataset.mutable_profile()->add_columns();
    dense.set_name("I1");
    dense.set_role(ColumnSpec::ROLE_DENSE);
    auto& categorical = *dataset.mutable_profile()->add_columns();
    categorical.set_name("C1");
    categorical.set_role(ColumnSpec::ROLE_CATEGORICAL);
    categorical.set_table_rows_count(1'000);
    return suite_.Pass("GetDataset", Moment::kAnswered, *context);
  }

 private:
  void End(Job& job) {
    if (suite_.script_.job_error.empty()) {
      job.set_state(Job::STATE_SUCCEEDED);
      return;
    }
    job.set_state(Job::STATE_FAILED);
    job.mutable_error()->set_code(3);
    job.mutable_error()->set_reason(suite_.script_.job_error);
    job.mutable_error()->set_message("clicks.tsv: line 17 has 3 columns; must have 4");
    (*job.mutable_error()->mutable_metadata())["line"] = "17";
  }

  FakeSuite& suite_;
};

class FakeSuite::FakeOptimizer final : public optimizer::v1::OptimizerService::Service {
 public:
  explicit FakeOptimizer(FakeSuite& suite) : suite_(suite) {}

  grpc::Status CreateExperiment(grpc::ServerContext* context,
                                const optimizer::v1::CreateExperimentRequest* request,
                                optimizer::v1::CreateExperimentResponse* response) override {
    if (auto status = suite_.Pass("CreateExperiment", Moment::kArrived, *context); !status.ok())
      return status;
    {
      std::lock_guard lock(suite_.mutex_);
      const std::string payload = request->SerializeAsString();
      const auto reply = suite_.replies_.find(request->request_id());
      const std::string name = "experiments/" + request->experiment_id();
      if (reply != suite_.replies_.end()) {
        if (reply->second.first != payload) return {grpc::StatusCode::ALREADY_EXISTS, "request id reused"};
        response->ParseFromString(reply->second.second);
      } else {
        if (suite_.searches_.contains(name)) return {grpc::StatusCode::ALREADY_EXISTS, name + " exists"};
        Search& search = suite_.searches_[name];
        search.experiment = request->experiment();
        search.experiment.set_name(name);
        search.experiment.set_state(Experiment::STATE_ACTIVE);
        *response->mutable_experiment() = search.experiment;
        suite_.replies_[request->request_id()] = {payload, response->SerializeAsString()};
      }
    }
    return suite_.Pass("CreateExperiment", Moment::kAnswered, *context);
  }

  // Ends one trial after the other, each in its own event, and itself with the last.
  grpc::Status WatchExperiment(grpc::ServerContext* context,
                               const optimizer::v1::WatchExperimentRequest* request,
                               grpc::ServerWriter<optimizer::v1::WatchExperimentResponse>* writer) override {
    if (auto status = suite_.Pass("WatchExperiment", Moment::kArrived, *context); !status.ok()) return status;
    size_t sent = request->resume_token().empty() ? 0 : std::stoul(request->resume_token());
    optimizer::v1::WatchExperimentResponse response;
    std::unique_lock lock(suite_.mutex_);
    const auto found = suite_.searches_.find(request->name());
    if (found == suite_.searches_.end()) return NotFound(request->name());
    Search& search = found->second;
    if (request->resume_token().empty()) {
      *response.mutable_experiment() = search.experiment;
      response.set_resume_token("0");
      lock.unlock();
      writer->Write(response);
      lock.lock();
    }
    while (true) {
      while (sent < search.trials.size()) {
        *response.mutable_trial() = search.trials[sent++];
        response.set_resume_token(std::to_string(sent));
        lock.unlock();
        writer->Write(response);
        lock.lock();
      }
      if (IsFinal(search.experiment.state())) break;
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      if (suite_.hold_trials_) {
        suite_.changed_.wait_for(lock, kStep);
      } else {
        suite_.EndNextTrial(search);
      }
    }
    lock.unlock();
    return suite_.Pass("WatchExperiment", Moment::kAnswered, *context);
  }

  grpc::Status GetExperiment(grpc::ServerContext* context, const optimizer::v1::GetExperimentRequest* request,
                             optimizer::v1::GetExperimentResponse* response) override {
    if (auto status = suite_.Pass("GetExperiment", Moment::kArrived, *context); !status.ok()) return status;
    {
      std::lock_guard lock(suite_.mutex_);
      const auto found = suite_.searches_.find(request->name());
      if (found == suite_.searches_.end()) return NotFound(request->name());
      *response->mutable_experiment() = found->second.experiment;
    }
    return suite_.Pass("GetExperiment", Moment::kAnswered, *context);
  }

  grpc::Status StopExperiment(grpc::ServerContext* context,
                              const optimizer::v1::StopExperimentRequest* request,
                              optimizer::v1::StopExperimentResponse* response) override {
    if (auto status = suite_.Pass("StopExperiment", Moment::kArrived, *context); !status.ok()) return status;
    std::lock_guard lock(suite_.mutex_);
    const auto found = suite_.searches_.find(request->name());
    if (found == suite_.searches_.end()) return NotFound(request->name());
    if (!IsFinal(found->second.experiment.state()))
      found->second.experiment.set_state(Experiment::STATE_STOPPED);
    suite_.stopped_experiments_.insert(request->name());
    *response->mutable_experiment() = found->second.experiment;
    suite_.changed_.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status ListTrials(grpc::ServerContext* context, const optimizer::v1::ListTrialsRequest* request,
                          optimizer::v1::ListTrialsResponse* response) override {
    if (auto status = suite_.Pass("ListTrials", Moment::kArrived, *context); !status.ok()) return status;
    {
      std::lock_guard lock(suite_.mutex_);
      const auto found = suite_.searches_.find(request->parent());
      if (found == suite_.searches_.end()) return NotFound(request->parent());
      const size_t begin = request->page_token().empty() ? 0 : std::stoul(request->page_token());
      const size_t size = request->page_size() == 0 ? 100 : static_cast<size_t>(request->page_size());
      const auto& trials = found->second.trials;
      const size_t end = std::min(trials.size(), begin + size);
      for (size_t i = begin; i < end; ++i) *response->add_trials() = trials[i];
      if (end < trials.size()) response->set_next_page_token(std::to_string(end));
    }
    return suite_.Pass("ListTrials", Moment::kAnswered, *context);
  }

  grpc::Status ListBestTrials(grpc::ServerContext* context,
                              const optimizer::v1::ListBestTrialsRequest* request,
                              optimizer::v1::ListBestTrialsResponse* response) override {
    if (auto status = suite_.Pass("ListBestTrials", Moment::kArrived, *context); !status.ok()) return status;
    {
      std::lock_guard lock(suite_.mutex_);
      const auto found = suite_.searches_.find(request->parent());
      if (found == suite_.searches_.end()) return NotFound(request->parent());
      for (const Trial& trial : found->second.trials) {
        if (trial.state() != Trial::STATE_SUCCEEDED) continue;
        const bool better =
            !response->has_recommended() ||
            trial.metrics().at("auc").value() > response->recommended().metrics().at("auc").value();
        if (better) *response->mutable_recommended() = trial;
      }
      response->set_thresholds_met(suite_.script_.thresholds_met && response->has_recommended());
      if (response->thresholds_met()) *response->add_pareto() = response->recommended();
    }
    return suite_.Pass("ListBestTrials", Moment::kAnswered, *context);
  }

 private:
  FakeSuite& suite_;
};

class FakeSuite::FakeTrainer final : public trainer::v1::TrainerService::Service {
 public:
  explicit FakeTrainer(FakeSuite& suite) : suite_(suite) {}

  grpc::Status GetWorker(grpc::ServerContext* context, const trainer::v1::GetWorkerRequest*,
                         trainer::v1::GetWorkerResponse* response) override {
    if (auto status = suite_.Pass("GetWorker", Moment::kArrived, *context); !status.ok()) return status;
    trainer::v1::Worker& worker = *response->mutable_worker();
    worker.set_worker_id("fake");
    worker.set_slot_count(1);
    worker.set_threads_per_slot(1);
    worker.mutable_machine()->set_cpu_model("Example CPU");
    worker.mutable_machine()->set_core_count(2);
    worker.mutable_machine()->set_memory_bytes(int64_t{8} << 30);
    return suite_.Pass("GetWorker", Moment::kAnswered, *context);
  }

  grpc::Status Evaluate(grpc::ServerContext* context, const trainer::v1::EvaluateRequest* request,
                        grpc::ServerWriter<trainer::v1::EvaluateResponse>* writer) override {
    if (auto status = suite_.Pass("Evaluate", Moment::kArrived, *context); !status.ok()) return status;
    if (!std::filesystem::exists(suite_.artefacts() + "/" + request->model_uri()))
      return NotFound(request->model_uri());
    trainer::v1::EvaluateResponse response;
    response.mutable_progress()->set_stage("evaluate");
    writer->Write(response);
    {
      std::lock_guard lock(suite_.mutex_);
      if (std::exchange(suite_.script_.evaluate_stops_early, false)) return grpc::Status::OK;
    }
    (*response.mutable_metrics())["auc"] = 0.75;
    (*response.mutable_metrics())["logloss"] = 0.5;
    response.set_done(true);
    if (auto status = suite_.Pass("Evaluate", Moment::kAnswered, *context); !status.ok()) return status;
    writer->Write(response);
    return grpc::Status::OK;
  }

 private:
  FakeSuite& suite_;
};

FakeSuite::FakeSuite()
    : preprocessing_(std::make_unique<FakePreprocessing>(*this)),
      optimizer_(std::make_unique<FakeOptimizer>(*this)),
      trainer_(std::make_unique<FakeTrainer>(*this)) {
  const auto serve = [this](grpc::Service* service) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(service);
    servers_.push_back(builder.BuildAndStart());
    return absl::StrCat("127.0.0.1:", port);
  };
  addresses_.preprocessing = serve(preprocessing_.get());
  addresses_.optimizer = serve(optimizer_.get());
  addresses_.trainers = {serve(trainer_.get())};
}

FakeSuite::~FakeSuite() {
  for (const auto& server : servers_) server->Shutdown(std::chrono::system_clock::now());
}

std::unique_ptr<Peers> FakeSuite::Connect(const std::vector<std::string>& trainers_before) {
  PeerAddresses addresses = addresses_;
  addresses.trainers.insert(addresses.trainers.begin(), trainers_before.begin(), trainers_before.end());
  auto peers = Peers::Open(addresses, {});
  if (!peers.ok()) {
    std::cerr << peers.status() << "\n";
    std::abort();
  }
  return *std::move(peers);
}

void FakeSuite::SetHook(Hook hook) {
  std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void FakeSuite::SetScript(Script script) {
  std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

void FakeSuite::HoldTrials() {
  std::lock_guard lock(mutex_);
  hold_trials_ = true;
}

void FakeSuite::ReleaseTrials() {
  std::lock_guard lock(mutex_);
  hold_trials_ = false;
  changed_.notify_all();
}

void FakeSuite::HoldJobs() {
  std::lock_guard lock(mutex_);
  hold_jobs_ = true;
}

void FakeSuite::ReleaseJobs() {
  std::lock_guard lock(mutex_);
  hold_jobs_ = false;
  changed_.notify_all();
}

std::vector<std::string> FakeSuite::calls() const {
  std::lock_guard lock(mutex_);
  return calls_;
}

int FakeSuite::count(const std::string& method) const {
  std::lock_guard lock(mutex_);
  return static_cast<int>(std::count(calls_.begin(), calls_.end(), method));
}

std::set<std::string> FakeSuite::datasets() const {
  std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, job] : jobs_) names.insert(job.dataset());
  return names;
}

std::set<std::string> FakeSuite::experiments() const {
  std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, search] : searches_) names.insert(name);
  return names;
}

std::set<std::string> FakeSuite::cancelled_jobs() const {
  std::lock_guard lock(mutex_);
  return cancelled_jobs_;
}

std::set<std::string> FakeSuite::stopped_experiments() const {
  std::lock_guard lock(mutex_);
  return stopped_experiments_;
}

Experiment FakeSuite::experiment(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = searches_.find(name);
  return found == searches_.end() ? Experiment() : found->second.experiment;
}

bool FakeSuite::AwaitCalls(const std::string& method, int count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(30),
                           [&] { return std::count(calls_.begin(), calls_.end(), method) >= count; });
}

grpc::Status FakeSuite::Pass(const std::string& method, Moment moment, grpc::ServerContext& context) {
  Hook hook;
  {
    std::lock_guard lock(mutex_);
    if (moment == Moment::kArrived) calls_.push_back(method);
    hook = hook_;
    changed_.notify_all();
  }
  return hook ? hook(method, moment, context) : grpc::Status::OK;
}

void FakeSuite::EndNextTrial(Search& search) {
  const size_t number = search.trials.size() + 1;
  Trial trial;
  trial.set_name(absl::StrCat(search.experiment.name(), "/trials/", number));
  trial.set_attempt(1);
  const TrialEnd end = number <= script_.trials.size() ? script_.trials[number - 1] : TrialEnd::kSucceeded;
  auto& counts = *search.experiment.mutable_trial_counts();
  switch (end) {
    case TrialEnd::kSucceeded: {
      trial.set_state(Trial::STATE_SUCCEEDED);
      counts.set_succeeded_count(counts.succeeded_count() + 1);
      for (const auto& parameter : search.experiment.parameters()) {
        (*trial.mutable_assignments())[parameter.name()] = parameter.default_value();
      }
      // The third is the best.
      (*trial.mutable_metrics())["auc"].set_value(number == 3 ? 0.8 : 0.7);
      (*trial.mutable_metrics())["train_seconds"].set_value(static_cast<double>(number));
      const std::string folder = absl::StrCat(trial.name(), "/attempt-1/model");
      (*trial.mutable_artifacts())["model"] = folder;
      std::filesystem::create_directories(artefacts() + "/" + folder);
      std::ofstream(artefacts() + "/" + folder + "/model.json") << "{\"trial\": " << number << "}\n";
      break;
    }
    case TrialEnd::kInfeasible:
      trial.set_state(Trial::STATE_INFEASIBLE);
      counts.set_infeasible_count(counts.infeasible_count() + 1);
      trial.mutable_error()->set_reason("DIVERGED");
      trial.mutable_error()->set_message("the loss is not finite");
      break;
    case TrialEnd::kFailed:
      trial.set_state(Trial::STATE_FAILED);
      counts.set_failed_count(counts.failed_count() + 1);
      trial.mutable_error()->set_reason("WORKER_LOST");
      trial.mutable_error()->set_message("the worker was lost");
      break;
  }
  search.trials.push_back(trial);
  const int64_t used = counts.succeeded_count() + counts.stopped_count() + counts.infeasible_count();
  if (used >= search.experiment.observation_budget())
    search.experiment.set_state(Experiment::STATE_COMPLETED);
  if (counts.failed_count() > 5) search.experiment.set_state(Experiment::STATE_STOPPED);
}

}  // namespace sda::advisor::testing
