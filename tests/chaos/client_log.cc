#include "tests/chaos/client_log.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/str_cat.h>
#include <grpcpp/client_context.h>

namespace sda::chaos {
namespace {

namespace v1 = optimizer::v1;
using Kind = ClientLog::Accepted::Kind;

// All that the server holds.
struct Truth {
  std::map<std::string, v1::Trial> trials;
  std::map<std::string, std::vector<v1::Measurement>> measurements;
  std::vector<std::string> complaints;
};

template <class Request, class Response>
bool Ask(grpc::Status (v1::OptimizerService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
         v1::OptimizerService::Stub& stub, const Request& request, Response& response, Truth& truth) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok())
    truth.complaints.push_back(absl::StrCat("the server cannot be read: ", status.error_message()));
  return status.ok();
}

void Read(v1::OptimizerService::Stub& stub, const std::string& experiment, Truth& truth) {
  v1::GetExperimentRequest get;
  get.set_name(experiment);
  v1::GetExperimentResponse got;
  if (!Ask(&v1::OptimizerService::Stub::GetExperiment, stub, get, got, truth)) return;
  const auto& counts = got.experiment().trial_counts();
  const int64_t counted = counts.succeeded_count() + counts.stopped_count() + counts.infeasible_count();
  if (counted != got.experiment().observation_budget() ||
      got.experiment().state() != v1::Experiment::STATE_COMPLETED) {
    truth.complaints.push_back(absl::StrCat(experiment, ": ", counted,
                                            " trials are counted with a budget of ",
                                            got.experiment().observation_budget(), ", state ",
                                            v1::Experiment::State_Name(got.experiment().state())));
  }
  v1::ListTrialsRequest list;
  list.set_parent(experiment);
  list.set_page_size(1000);
  do {
    v1::ListTrialsResponse page;
    if (!Ask(&v1::OptimizerService::Stub::ListTrials, stub, list, page, truth)) return;
    for (const v1::Trial& trial : page.trials()) truth.trials[trial.name()] = trial;
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  for (const auto& [name, trial] : truth.trials) {
    if (name.compare(0, experiment.size() + 1, experiment + "/") != 0) continue;
    v1::ListMeasurementsRequest readings;
    readings.set_parent(name);
    readings.set_page_size(1000);
    v1::ListMeasurementsResponse page;
    if (!Ask(&v1::OptimizerService::Stub::ListMeasurements, stub, readings, page, truth)) return;
    auto& measurements = truth.measurements[name];
    measurements.assign(page.measurements().begin(), page.measurements().end());
    for (size_t i = 1; i < measurements.size(); ++i) {
      if (measurements[i].attempt() < measurements[i - 1].attempt())
        truth.complaints.push_back(absl::StrCat(name, ": a reading of attempt ", measurements[i].attempt(),
                                                " came after one of attempt ",
                                                measurements[i - 1].attempt()));
    }
  }
}

void CheckAccepted(const ClientLog& log, Truth& truth) {
  std::map<std::string, int> ends;
  for (const ClientLog::Accepted& call : log.accepted()) {
    const auto trial = truth.trials.find(call.trial);
    if (trial == truth.trials.end()) {
      truth.complaints.push_back(absl::StrCat(call.trial, " does not exist any more"));
      continue;
    }
    if (call.kind == Kind::kReport) {
      const auto& readings = truth.measurements[call.trial];
      const auto count = std::count_if(readings.begin(), readings.end(), [&](const v1::Measurement& reading) {
        return reading.attempt() == call.attempt && reading.step() == call.step &&
               reading.metrics().at("auc") == call.value;
      });
      if (count != 1)
        truth.complaints.push_back(absl::StrCat(call.trial, " attempt ", call.attempt,
                                                ": the acknowledged report of step ", call.step, " is there ",
                                                count, " times"));
    }
    if (call.kind == Kind::kComplete && (trial->second.state() != v1::Trial::STATE_SUCCEEDED ||
                                         trial->second.metrics().at("auc").value() != call.value)) {
      truth.complaints.push_back(absl::StrCat(call.trial, ": its acknowledged completion is gone"));
    }
    if (call.kind == Kind::kFail && trial->second.state() != v1::Trial::STATE_INFEASIBLE)
      truth.complaints.push_back(absl::StrCat(call.trial, ": its acknowledged failure is gone"));
    if (call.kind == Kind::kComplete || call.kind == Kind::kFail) ++ends[call.trial];
  }
  for (const auto& [trial, count] : ends) {
    if (count != 1) truth.complaints.push_back(absl::StrCat(trial, ": ended ", count, " times"));
  }
}

// Nobody's call is accepted under a token once its client could know a newer one.
void CheckTokens(const ClientLog& log, Truth& truth) {
  std::map<std::pair<std::string, int32_t>, std::string> tokens;
  std::map<std::string, std::map<int32_t, int64_t>> seen;  // by trial and attempt
  for (const ClientLog::Grant& grant : log.grants()) {
    const auto [entry, added] = tokens.try_emplace({grant.trial, grant.attempt}, grant.token);
    if (!added)
      truth.complaints.push_back(absl::StrCat(grant.trial, " attempt ", grant.attempt, " was granted twice"));
    seen[grant.trial][grant.attempt] = grant.seen;
  }
  for (const ClientLog::Accepted& call : log.accepted()) {
    for (const auto& [attempt, when] : seen[call.trial]) {
      if (attempt > call.attempt && when < call.first_sent)
        truth.complaints.push_back(absl::StrCat(call.trial, ": a call of attempt ", call.attempt,
                                                " was accepted although attempt ", attempt, " had begun"));
    }
  }
}

}  // namespace

int64_t ClientLog::Count(Accepted::Kind kind) const {
  return std::count_if(accepted_.begin(), accepted_.end(),
                       [kind](const Accepted& accepted) { return accepted.kind == kind; });
}

std::vector<std::string> CheckLog(const ClientLog& log, v1::OptimizerService::Stub& stub,
                                  const std::vector<std::string>& experiments) {
  Truth truth;
  for (const std::string& experiment : experiments) Read(stub, experiment, truth);
  CheckAccepted(log, truth);
  CheckTokens(log, truth);
  truth.complaints.insert(truth.complaints.end(), log.complaints().begin(), log.complaints().end());
  return truth.complaints;
}

}  // namespace sda::chaos
