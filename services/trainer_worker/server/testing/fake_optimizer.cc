#include "services/trainer_worker/server/testing/fake_optimizer.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/rpc/unary.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"

namespace sda::trainer::testing {
namespace {

using namespace optimizer::v1;  // NOLINT(google-build-using-namespace): every message of one small package
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

class FakeOptimizer::Impl final : public OptimizerService::CallbackService {
 public:
  explicit Impl(rpc::CallEnvironment& calls) : calls_(calls) {}

  ServerUnaryReactor* AcquireTrial(CallbackServerContext* context, const AcquireTrialRequest* request,
                                   AcquireTrialResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "AcquireTrial",
        [this](const AcquireTrialRequest& in, AcquireTrialResponse* out, rpc::RequestContext& call) {
          std::unique_lock lock(mutex_);
          const auto wake = [this, &in] {
            return away_ || FirstQueued() != nullptr || replies_.contains(in.request_id());
          };
          changed_.wait_for(lock, call.stop_token(), std::chrono::seconds(in.wait().seconds()), wake);
          if (call.IsCancelled()) return absl::CancelledError("nobody waits");
          if (!away_ && FirstQueued() == nullptr && !replies_.contains(in.request_id())) {
            out->set_outcome(AcquireTrialResponse::OUTCOME_WAIT);
            return absl::OkStatus();
          }
          return Once(in, out, [&] { return Lend(*FirstQueued(), out); });
        });
  }

  ServerUnaryReactor* RenewLease(CallbackServerContext* context, const RenewLeaseRequest* request,
                                 RenewLeaseResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "RenewLease",
        [this](const RenewLeaseRequest& in, RenewLeaseResponse* out, rpc::RequestContext&) {
          std::lock_guard lock(mutex_);
          if (away_) return Away();
          FakeTrial* trial = Held(in.lease());
          if (trial == nullptr) return Lost();
          if (in.memory_required_bytes() > 0) {
            trial->memory_required_bytes = in.memory_required_bytes();
            changed_.notify_all();
          }
          *out->mutable_lease() = in.lease();
          out->set_stop(trial->told_to_stop);
          return absl::OkStatus();
        });
  }

  ServerUnaryReactor* ReportMeasurement(CallbackServerContext* context,
                                        const ReportMeasurementRequest* request,
                                        ReportMeasurementResponse* response) override {
    return Change(context, request, response, "ReportMeasurement",
                  [](const ReportMeasurementRequest& in, ReportMeasurementResponse* out, FakeTrial& trial) {
                    trial.measurements.push_back(in.measurement());
                    *out->mutable_lease() = in.lease();
                    out->set_stop(trial.told_to_stop);
                    return absl::OkStatus();
                  });
  }

  ServerUnaryReactor* CompleteTrial(CallbackServerContext* context, const CompleteTrialRequest* request,
                                    CompleteTrialResponse* response) override {
    return Change(context, request, response, "CompleteTrial",
                  [](const CompleteTrialRequest& in, CompleteTrialResponse*, FakeTrial& trial) {
                    if (!in.metrics().contains("auc")) return InvalidField("metrics", "has no \"auc\"");
                    trial.completed = in;
                    trial.token.clear();
                    return absl::OkStatus();
                  });
  }

  ServerUnaryReactor* FailTrial(CallbackServerContext* context, const FailTrialRequest* request,
                                FailTrialResponse* response) override {
    return Change(context, request, response, "FailTrial",
                  [](const FailTrialRequest& in, FailTrialResponse*, FakeTrial& trial) {
                    trial.failed = in;
                    trial.token.clear();
                    return absl::OkStatus();
                  });
  }

  ServerUnaryReactor* ReleaseTrial(CallbackServerContext* context, const ReleaseTrialRequest* request,
                                   ReleaseTrialResponse* response) override {
    return Change(context, request, response, "ReleaseTrial",
                  [](const ReleaseTrialRequest&, ReleaseTrialResponse*, FakeTrial& trial) {
                    ++trial.releases;
                    trial.token.clear();
                    return absl::OkStatus();
                  });
  }

  ServerUnaryReactor* GetExperiment(CallbackServerContext* context, const GetExperimentRequest* request,
                                    GetExperimentResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "GetExperiment",
        [this](const GetExperimentRequest& in, GetExperimentResponse* out, rpc::RequestContext&) {
          std::lock_guard lock(mutex_);
          if (away_) return Away();
          if (in.name() != kExperiment) return absl::NotFoundError(in.name());
          out->mutable_experiment()->add_metrics()->set_name("auc");
          out->mutable_experiment()->add_metrics()->set_name("logloss");
          return absl::OkStatus();
        });
  }

  ServerUnaryReactor* ListTrials(CallbackServerContext* context, const ListTrialsRequest* request,
                                 ListTrialsResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "ListTrials",
                            [this](const ListTrialsRequest&, ListTrialsResponse* out, rpc::RequestContext&) {
                              std::lock_guard lock(mutex_);
                              if (away_) return Away();
                              for (const auto& [name, trial] : trials_) *out->add_trials() = AsListed(trial);
                              return absl::OkStatus();
                            });
  }

  ServerUnaryReactor* ListBestTrials(CallbackServerContext* context, const ListBestTrialsRequest* request,
                                     ListBestTrialsResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "ListBestTrials",
        [this](const ListBestTrialsRequest&, ListBestTrialsResponse* out, rpc::RequestContext&) {
          std::lock_guard lock(mutex_);
          if (away_) return Away();
          const FakeTrial* best = nullptr;
          const auto auc = [](const FakeTrial& trial) {
            return trial.completed->metrics().at("auc").value();
          };
          for (const auto& [name, trial] : trials_) {
            if (!trial.completed || trial.completed->truncated()) continue;
            if (best == nullptr || auc(trial) > auc(*best)) best = &trial;
          }
          if (best != nullptr) *out->mutable_recommended() = *out->add_pareto() = AsListed(*best);
          return absl::OkStatus();
        });
  }

  ServerUnaryReactor* CreateExperiment(CallbackServerContext* context, const CreateExperimentRequest* request,
                                       CreateExperimentResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "CreateExperiment",
        [this](const CreateExperimentRequest& in, CreateExperimentResponse* out, rpc::RequestContext&) {
          std::lock_guard lock(mutex_);
          return Once(in, out, [&] {
            created_ = in;
            out->mutable_experiment()->set_name(kExperiment);
            return absl::OkStatus();
          });
        });
  }

 private:
  friend class FakeOptimizer;

  static absl::Status Away() { return absl::UnavailableError("the optimizer is away"); }
  static absl::Status Lost() {
    return MakeError(absl::StatusCode::kFailedPrecondition, "the lease is lost",
                     {.reason = "LEASE_LOST", .metadata = {}, .violations = {}});
  }

  static Trial AsListed(const FakeTrial& trial) {
    Trial listed = trial.trial;
    listed.clear_work();
    if (trial.completed) {
      listed.set_state(trial.completed->truncated() ? Trial::STATE_STOPPED : Trial::STATE_SUCCEEDED);
      *listed.mutable_metrics() = trial.completed->metrics();
      *listed.mutable_artifacts() = trial.completed->artifacts();
    } else if (trial.failed) {
      listed.set_state(trial.failed->cause() == FailTrialRequest::CAUSE_POINT ? Trial::STATE_INFEASIBLE
                                                                              : Trial::STATE_FAILED);
    } else {
      listed.set_state(trial.token.empty() ? Trial::STATE_QUEUED : Trial::STATE_ACTIVE);
    }
    return listed;
  }

  FakeTrial* FirstQueued() {
    for (auto& [name, trial] : trials_) {
      if (trial.queued) return &trial;
    }
    return nullptr;
  }

  FakeTrial* Held(const Lease& lease) {
    const auto found = trials_.find(lease.trial());
    if (found == trials_.end() || found->second.token.empty() || found->second.token != lease.token())
      return nullptr;
    return &found->second;
  }

  absl::Status Lend(FakeTrial& trial, AcquireTrialResponse* out) {
    trial.queued = false;
    ++trial.attempt;
    trial.token = absl::StrCat("token-", ++tokens_);
    out->set_outcome(AcquireTrialResponse::OUTCOME_TRIAL);
    *out->mutable_trial() = trial.trial;
    if (trial.resume_from) *out->mutable_resume_from() = *trial.resume_from;
    Lease& lease = *out->mutable_lease();
    lease.set_trial(trial.trial.name());
    lease.set_attempt(trial.attempt);
    lease.set_token(trial.token);
    lease.mutable_duration()->set_seconds(60);
    lease.mutable_renew_interval()->set_nanos(50'000'000);
    return absl::OkStatus();
  }

  // mutex_ is held. The first reply again for a request id that was seen.
  template <class Request, class Response, class Act>
  absl::Status Once(const Request& request, Response* response, Act act) {
    if (away_) return Away();
    if (request.request_id().empty()) return InvalidField("request_id", "is empty");
    const auto seen = replies_.find(request.request_id());
    if (seen != replies_.end()) {
      if (seen->second.first != request.SerializeAsString())
        return absl::AlreadyExistsError("request_id was used before");
      response->ParseFromString(seen->second.second);
      return absl::OkStatus();
    }
    if (absl::Status done = act(); !done.ok()) return done;
    replies_[request.request_id()] = {request.SerializeAsString(), response->SerializeAsString()};
    changed_.notify_all();
    if (replies_to_lose_ == 0) return absl::OkStatus();
    --replies_to_lose_;
    return absl::UnavailableError("the reply got lost");
  }

  template <class Request, class Response, class Act>
  ServerUnaryReactor* Change(CallbackServerContext* context, const Request* request, Response* response,
                             rpc::Method method, Act act) {
    return rpc::HandleUnary(calls_, context, request, response, method,
                            [this, act](const Request& in, Response* out, rpc::RequestContext&) {
                              std::lock_guard lock(mutex_);
                              return Once(in, out, [&]() -> absl::Status {
                                FakeTrial* trial = Held(in.lease());
                                return trial == nullptr ? Lost() : act(in, out, *trial);
                              });
                            });
  }

  rpc::CallEnvironment& calls_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  // All guarded by mutex_.
  std::map<std::string, FakeTrial> trials_;
  std::map<std::string, std::pair<std::string, std::string>> replies_;  // request and reply by request id
  CreateExperimentRequest created_;
  int tokens_ = 0;
  int replies_to_lose_ = 0;
  bool away_ = false;
};

FakeOptimizer::FakeOptimizer(rpc::CallEnvironment& calls) : impl_(std::make_unique<Impl>(calls)) {}
FakeOptimizer::~FakeOptimizer() = default;

grpc::Service& FakeOptimizer::grpc_service() {
  return *impl_;
}

std::string FakeOptimizer::AddTrial(const google::protobuf::Any& work,
                                    const std::map<std::string, ParameterValue>& assignments,
                                    std::optional<Measurement> resume_from, int earlier_attempts) {
  std::lock_guard lock(impl_->mutex_);
  FakeTrial trial;
  const std::string name = absl::StrCat(kExperiment, "/trials/", impl_->trials_.size() + 1);
  trial.trial.set_name(name);
  *trial.trial.mutable_work() = work;
  trial.trial.mutable_assignments()->insert(assignments.begin(), assignments.end());
  trial.resume_from = std::move(resume_from);
  trial.attempt = earlier_attempts;
  impl_->trials_[name] = std::move(trial);
  impl_->changed_.notify_all();
  return name;
}

void FakeOptimizer::SetAway(bool away) {
  std::lock_guard lock(impl_->mutex_);
  impl_->away_ = away;
  impl_->changed_.notify_all();
}

void FakeOptimizer::LoseReplies(int count) {
  std::lock_guard lock(impl_->mutex_);
  impl_->replies_to_lose_ = count;
}

void FakeOptimizer::Revoke(const std::string& name) {
  std::lock_guard lock(impl_->mutex_);
  impl_->trials_.at(name).token.clear();
}

void FakeOptimizer::TellToStop(const std::string& name) {
  std::lock_guard lock(impl_->mutex_);
  impl_->trials_.at(name).told_to_stop = true;
}

FakeTrial FakeOptimizer::Get(const std::string& name) const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->trials_.at(name);
}

bool FakeOptimizer::Await(const std::string& name,
                          const std::function<bool(const FakeTrial&)>& condition) const {
  std::unique_lock lock(impl_->mutex_);
  return impl_->changed_.wait_for(lock, kPatience, [&] { return condition(impl_->trials_.at(name)); });
}

bool FakeOptimizer::AwaitEnd(const std::string& name) const {
  return Await(name, [](const FakeTrial& trial) { return trial.ended(); });
}

CreateExperimentRequest FakeOptimizer::created_experiment() const {
  std::lock_guard lock(impl_->mutex_);
  return impl_->created_;
}

}  // namespace sda::trainer::testing
