#ifndef SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/storage/sql/database.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/optimizer/core/suggester.h"
#include "services/optimizer/server/change_signal.h"
#include "services/optimizer/server/lease_table.h"
#include "services/optimizer/server/store.h"

namespace sda::optimizer {

// The semantics of OptimizerService over a database: what each call changes, in one transaction, with its
// reply kept under the request id. Free of gRPC. Thread-safe.
class Engine {
 public:
  // Both must outlive the engine. Live leases of an earlier process get a full term.
  Engine(sql::Database& database, Clock& clock);
  ~Engine();

  absl::StatusOr<v1::CreateExperimentResponse> CreateExperiment(const v1::CreateExperimentRequest& request);
  absl::StatusOr<v1::GetExperimentResponse> GetExperiment(const v1::GetExperimentRequest& request);
  absl::StatusOr<v1::ListExperimentsResponse> ListExperiments(const v1::ListExperimentsRequest& request);
  absl::StatusOr<v1::UpdateExperimentResponse> UpdateExperiment(const v1::UpdateExperimentRequest& request);
  absl::StatusOr<v1::PauseExperimentResponse> PauseExperiment(const v1::PauseExperimentRequest& request);
  absl::StatusOr<v1::ResumeExperimentResponse> ResumeExperiment(const v1::ResumeExperimentRequest& request);
  absl::StatusOr<v1::StopExperimentResponse> StopExperiment(const v1::StopExperimentRequest& request);
  absl::StatusOr<v1::ArchiveExperimentResponse> ArchiveExperiment(
      const v1::ArchiveExperimentRequest& request);
  absl::StatusOr<v1::DeleteExperimentResponse> DeleteExperiment(const v1::DeleteExperimentRequest& request);

  absl::StatusOr<v1::CloneExperimentResponse> CloneExperiment(const v1::CloneExperimentRequest& request);
  // Calls `send` with every record of one consistent state; false ends it (CANCELLED).
  absl::Status ExportExperiment(const v1::ExportExperimentRequest& request,
                                const std::function<bool(v1::ExportExperimentResponse)>& send);
  absl::StatusOr<v1::ImportExperimentResponse> ImportExperiment(
      const std::vector<v1::ImportExperimentRequest>& requests);

  absl::StatusOr<v1::CreateTrialResponse> CreateTrial(const v1::CreateTrialRequest& request);
  absl::StatusOr<v1::BatchCreateTrialsResponse> BatchCreateTrials(
      const v1::BatchCreateTrialsRequest& request);
  absl::StatusOr<v1::AmendTrialResponse> AmendTrial(const v1::AmendTrialRequest& request);
  absl::StatusOr<v1::VoidTrialResponse> VoidTrial(const v1::VoidTrialRequest& request);
  absl::StatusOr<v1::SuggestTrialsResponse> SuggestTrials(const v1::SuggestTrialsRequest& request);
  absl::StatusOr<v1::GetTrialResponse> GetTrial(const v1::GetTrialRequest& request);
  absl::StatusOr<v1::ListTrialsResponse> ListTrials(const v1::ListTrialsRequest& request);
  absl::StatusOr<v1::ListMeasurementsResponse> ListMeasurements(const v1::ListMeasurementsRequest& request);

  // Waits up to request.wait(), in [0, 60 s]; `stop` ends the wait early.
  absl::StatusOr<v1::AcquireTrialResponse> AcquireTrial(const v1::AcquireTrialRequest& request,
                                                        std::stop_token stop);
  absl::StatusOr<v1::RenewLeaseResponse> RenewLease(const v1::RenewLeaseRequest& request);
  absl::StatusOr<v1::ReportMeasurementResponse> ReportMeasurement(
      const v1::ReportMeasurementRequest& request);
  absl::StatusOr<v1::CompleteTrialResponse> CompleteTrial(const v1::CompleteTrialRequest& request);
  absl::StatusOr<v1::FailTrialResponse> FailTrial(const v1::FailTrialRequest& request);
  absl::StatusOr<v1::ReleaseTrialResponse> ReleaseTrial(const v1::ReleaseTrialRequest& request);
  absl::StatusOr<v1::CancelTrialResponse> CancelTrial(const v1::CancelTrialRequest& request);

  absl::StatusOr<v1::ListBestTrialsResponse> ListBestTrials(const v1::ListBestTrialsRequest& request);
  absl::StatusOr<v1::GetInsightsResponse> GetInsights(const v1::GetInsightsRequest& request);

  // Calls `send` with every change until the experiment and its trials have ended (OK), `send` returns false
  // or `stop` fires (CANCELLED).
  absl::Status WatchExperiment(const v1::WatchExperimentRequest& request,
                               const std::function<bool(v1::WatchExperimentResponse)>& send,
                               std::stop_token stop);

  // Settles leases that ran out and wall-clock budgets; the engine's own thread calls it every second.
  absl::Status Sweep();

  // Wakes everybody who waits, for the end of the server.
  void WakeAll() { changed_.Raise(); }

 private:
  using Transaction = sql::Transaction;

  template <class Response, class Request>
  absl::StatusOr<Response> Once(const char* method, const Request& request, const std::string& scope,
                                const std::function<absl::StatusOr<Response>(Transaction&)>& act);

  absl::StatusOr<v1::Experiment> ChangeExperiment(
      Transaction& tx, const std::string& id,
      const std::function<absl::Status(store::ExperimentRow&)>& change);
  absl::Status FillCounts(Transaction& tx, const std::string& id, v1::Experiment& experiment);

  // What changes of trials mean for their experiment: completed, too many failures.
  absl::Status SettleExperiment(Transaction& tx, store::ExperimentRow& experiment);
  absl::Status EndExperiment(Transaction& tx, store::ExperimentRow& experiment, v1::Experiment::State state,
                             const std::string& reason);

  // The trial of a lease whose token is current, else LEASE_LOST.
  absl::StatusOr<store::TrialRow> HeldTrial(Transaction& tx, const v1::Lease& lease);
  absl::Status FinishTrial(Transaction& tx, store::TrialRow& trial, TrialState state);
  absl::Status LoseAttempt(Transaction& tx, store::TrialRow& trial, const v1::Experiment& experiment);
  v1::Lease LeaseOf(const store::TrialRow& trial, const v1::Experiment& experiment) const;

  absl::StatusOr<std::optional<store::TrialRow>> NextTrial(Transaction& tx, store::ExperimentRow& experiment);
  absl::StatusOr<std::optional<store::TrialRow>> SuggestTrial(Transaction& tx,
                                                              store::ExperimentRow& experiment);
  absl::StatusOr<v1::AcquireTrialResponse> TryAcquire(Transaction& tx, const v1::AcquireTrialRequest& request,
                                                      const std::vector<std::string>& experiment_ids);
  absl::Status Lease(Transaction& tx, store::TrialRow& trial, const store::ExperimentRow& experiment,
                     const std::string& worker, v1::AcquireTrialResponse& response);
  // Trials made by hand, in order; paths of violations begin with `path` of the trial's index.
  absl::StatusOr<std::vector<store::TrialRow>> AddTrials(Transaction& tx, store::ExperimentRow& experiment,
                                                         const std::vector<const v1::Trial*>& trials,
                                                         const std::function<std::string(size_t)>& path);
  // A COMPLETED experiment with room in its budget goes on.
  absl::Status ReopenExperiment(Transaction& tx, store::ExperimentRow& experiment);
  absl::Status CheckPriorExperiments(Transaction& tx, const v1::Experiment& experiment);
  // Trials of the experiments it names as knowledge, in its own space.
  absl::StatusOr<std::vector<std::vector<ObservedTrial>>> KnowledgeOf(Transaction& tx,
                                                                      const v1::Experiment& experiment);
  absl::Status CopyTrials(Transaction& tx, const std::string& source_id, store::ExperimentRow& clone);
  // Sets the reason to stop where the threshold rule says so.
  absl::Status ApplyThresholdRule(Transaction& tx, store::TrialRow& trial, const v1::Experiment& experiment);
  absl::StatusOr<bool> StopsEarly(Transaction& tx, const store::TrialRow& trial,
                                  const v1::Experiment& experiment);

  sql::Database& database_;
  Clock& clock_;
  // Kept for its cache of fits.
  const std::unique_ptr<Suggester> bayesian_ = MakeSuggester(Algorithm::kBayesian);
  LeaseTable leases_;
  ChangeSignal changed_;
  std::stop_source stop_;
  std::thread sweeper_;
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_H_
