#ifndef SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/base/clock.h"
#include "common/storage/sql/database.h"
#include "common/storage/sql/idempotency.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/optimizer/core/suggester.h"
#include "services/optimizer/server/change_hub.h"
#include "services/optimizer/server/store.h"
#include "services/optimizer/server/studies.h"

namespace sda::optimizer {

// The semantics of OptimizerService over a database: what each call changes, in one transaction, with its
// reply kept under the request id. Free of gRPC. Thread-safe.
class Engine {
 public:
  // Both must outlive the engine. Live leases get a full term: while no server ran, nobody could renew them.
  // A model may take `suggestion_time` for a suggestion; then it is the best found until then.
  Engine(sql::Database& database, Clock& clock, absl::Duration suggestion_time = absl::InfiniteDuration());
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
  // `answer_by`, here and below: when nobody waits for the answer any more, so that models have to be done
  // some time before.
  absl::StatusOr<v1::SuggestTrialsResponse> SuggestTrials(const v1::SuggestTrialsRequest& request,
                                                          absl::Time answer_by = absl::InfiniteFuture());
  absl::StatusOr<v1::GetTrialResponse> GetTrial(const v1::GetTrialRequest& request);
  absl::StatusOr<v1::ListTrialsResponse> ListTrials(const v1::ListTrialsRequest& request);
  absl::StatusOr<v1::ListMeasurementsResponse> ListMeasurements(const v1::ListMeasurementsRequest& request);

  // Waits up to request.wait(), in [0, 60 s]; `stop` ends the wait early.
  absl::StatusOr<v1::AcquireTrialResponse> AcquireTrial(const v1::AcquireTrialRequest& request,
                                                        std::stop_token stop,
                                                        absl::Time answer_by = absl::InfiniteFuture());
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
  void WakeAll() { hub_.ChangedAll(); }

 private:
  using Transaction = sql::Transaction;

  template <class Response, class Request>
  absl::StatusOr<Response> Once(const char* method, const Request& request, const std::string& scope,
                                const std::function<absl::StatusOr<Response>(Transaction&)>& act,
                                ChangeHub::Kind kind = ChangeHub::Kind::kWork,
                                const std::function<absl::Status(Transaction&)>& read_ahead = nullptr);
  // What calls under a lease look at.
  static absl::Status ReadHeldAhead(Transaction& tx, const TrialId& id);

  // Leases are judged by this process's monotonic clock with SQLite, by the database's with PostgreSQL: a
  // jump of the wall clock of a server changes none. Microseconds since a moment of no meaning.
  absl::StatusOr<int64_t> LeaseMicros(Transaction& tx);
  // The same to compare a lease's end with; before everything until live leases have got their full term.
  absl::StatusOr<int64_t> ExpiryMicros(Transaction& tx);
  // The lease of the trial ends a full term from now. Sets the row only.
  absl::Status Renew(Transaction& tx, store::TrialRow& trial, const v1::Experiment& experiment);
  bool IsOutOfTime(const v1::Experiment& experiment) const;
  // A lease that ran out is otherwise left alone: its holder may still come back.
  static bool IsHopeless(const store::TrialRow& trial, const v1::Experiment& experiment);
  absl::Status SettleTime(Transaction& tx, const std::string& id);
  // Gives all live leases a full term, once.
  absl::Status ExtendLiveLeases();
  // Tells waiters of changes made through other servers, until `stop`.
  void FollowOtherServers(std::stop_token stop);

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

  // A point computed beforehand, on a snapshot.
  struct Proposal {
    v1::Trial trial;
    int64_t suggestions_used = 1;
    bool is_new = true;  // no trial of the snapshot had it
  };
  struct Plan {
    int64_t suggestions_before = 0;
    std::vector<Proposal> proposals;  // fewer than asked for where the space has no more points
  };
  static bool UsesModel(const v1::Experiment& experiment);
  absl::StatusOr<std::optional<Assignments>> WantedDefault(Transaction& tx,
                                                           const store::ExperimentRow& experiment,
                                                           const Space& space);
  // Of an algorithm without a model: makes and stores the next trial; nothing where there is no further
  // point.
  absl::StatusOr<std::optional<store::TrialRow>> SuggestTrial(Transaction& tx,
                                                              store::ExperimentRow& experiment);
  absl::StatusOr<store::TrialRow> InsertSuggested(Transaction& tx, store::ExperimentRow& experiment,
                                                  v1::Trial message, int64_t suggestions_used);
  // Of an algorithm with a model, outside any transaction of the caller's; who calls holds the study's lane.
  absl::StatusOr<Plan> PlanSuggestions(const std::string& id, Study& study, int32_t count,
                                       absl::Time answer_by);
  // When the next of `count` suggestions has to be at hand.
  absl::Time SuggestBy(absl::Time answer_by, int32_t count) const;
  absl::Status Refresh(Transaction& tx, const store::ExperimentRow& experiment, Study& study);
  // Stores a proposal as a trial; nothing where it was overtaken: its place is taken or the point no longer
  // new.
  absl::StatusOr<std::optional<store::TrialRow>> TakeProposal(Transaction& tx,
                                                              store::ExperimentRow& experiment,
                                                              const Plan& plan, size_t index);
  absl::StatusOr<v1::SuggestTrialsResponse> StoreSuggestions(const v1::SuggestTrialsRequest& request,
                                                             const std::string& id, const Plan* plan);

  // What an experiment has for a worker.
  struct Next {
    std::optional<store::TrialRow> trial = {};
    bool needs_plan = false;  // a suggestion has to be computed first
  };
  absl::StatusOr<Next> NextTrial(Transaction& tx, store::ExperimentRow& experiment, const Plan* plan);
  struct WorkOutlook {
    std::vector<std::string> candidates = {};  // experiments that may have a trial to hand out
    int64_t ended = 0;                         // of those named
  };
  absl::StatusOr<WorkOutlook> LookForWork(Transaction& tx, const v1::AcquireTrialRequest& request,
                                          const std::vector<std::string>& ids);
  struct Taking {
    v1::AcquireTrialResponse response = {};  // OUTCOME_TRIAL, or nothing
    bool repeated = false;                   // the kept reply of an earlier call
    bool needs_plan = false;
    bool ended = false;  // the experiment has
  };
  absl::StatusOr<Taking> TakeTrial(const v1::AcquireTrialRequest& request, const sql::RequestKey& key,
                                   const std::string& id, const Plan* plan);
  absl::StatusOr<Taking> TakeOrPlan(const v1::AcquireTrialRequest& request, const sql::RequestKey& key,
                                    const std::string& id, absl::Time answer_by);
  absl::Status Lease(Transaction& tx, store::TrialRow& trial, const store::ExperimentRow& experiment,
                     const std::string& worker, v1::AcquireTrialResponse& response);
  // Trials made by hand, in order; paths of violations begin with `path` of the trial's index.
  absl::StatusOr<std::vector<store::TrialRow>> AddTrials(Transaction& tx, store::ExperimentRow& experiment,
                                                         const std::vector<const v1::Trial*>& trials,
                                                         const std::function<std::string(size_t)>& path);
  // A COMPLETED experiment with room in its budget goes on.
  absl::Status ReopenExperiment(Transaction& tx, store::ExperimentRow& experiment);
  absl::Status CheckPriorExperiments(Transaction& tx, const v1::Experiment& experiment);
  // Trials of the experiments it names as knowledge.
  absl::StatusOr<std::vector<Knowledge>> KnowledgeOf(Transaction& tx, const v1::Experiment& experiment);
  absl::Status CopyTrials(Transaction& tx, const std::string& source_id, store::ExperimentRow& clone);
  // Sets the reason to stop where the threshold rule says so.
  absl::Status ApplyThresholdRule(Transaction& tx, store::TrialRow& trial, const v1::Experiment& experiment);
  absl::StatusOr<bool> StopsEarly(Transaction& tx, const store::TrialRow& trial,
                                  const v1::Experiment& experiment);

  sql::Database& database_;
  Clock& clock_;
  const absl::Duration suggestion_time_;
  // Kept for its cache of fits.
  const std::unique_ptr<Suggester> bayesian_ = MakeSuggester(Algorithm::kBayesian);
  const std::unique_ptr<Suggester> parzen_ = MakeSuggester(Algorithm::kParzen);
  Studies studies_;
  ChangeHub hub_;
  std::atomic<bool> leases_extended_ = false;
  std::stop_source stop_;
  std::thread sweeper_;
  std::thread follower_;  // with PostgreSQL only
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_H_
