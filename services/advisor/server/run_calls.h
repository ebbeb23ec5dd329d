#ifndef SDA_SERVICES_ADVISOR_SERVER_RUN_CALLS_H_
#define SDA_SERVICES_ADVISOR_SERVER_RUN_CALLS_H_

#include <functional>
#include <stop_token>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/storage/sql/database.h"
#include "sda/advisor/v1/advisor_service.pb.h"
#include "services/advisor/server/peers.h"
#include "services/advisor/server/run_engine.h"
#include "services/advisor/server/run_feed.h"
#include "services/advisor/server/run_table.h"

namespace sda::advisor {

// The calls about runs. Thread-safe.
class RunCalls {
 public:
  RunCalls(sql::Database& database, RunFeed& feed, RunEngine& engine, Peers& peers, Clock& clock)
      : database_(database), feed_(feed), engine_(engine), peers_(peers), clock_(clock) {}

  absl::StatusOr<v1::CreateRunResponse> Create(const v1::CreateRunRequest& request);
  absl::StatusOr<v1::GetRunResponse> Get(const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRunsResponse> List(const v1::ListRunsRequest& request);
  absl::StatusOr<v1::CancelRunResponse> Cancel(const v1::CancelRunRequest& request);
  absl::StatusOr<v1::ResumeRunResponse> Resume(const v1::ResumeRunRequest& request);
  absl::StatusOr<v1::DeleteRunResponse> Delete(const v1::DeleteRunRequest& request);
  absl::StatusOr<v1::ListRunTrialsResponse> ListTrials(const v1::ListRunTrialsRequest& request,
                                                       std::stop_token stop);

  // Hands every state to `write` until the run has ended, `write` returns false or `stop` fires.
  absl::Status Watch(const v1::WatchRunRequest& request,
                     const std::function<bool(v1::WatchRunResponse)>& write, std::stop_token stop);

 private:
  absl::StatusOr<RunEntry> Load(const std::string& id);
  v1::Run Shown(const RunEntry& entry) const;
  absl::StatusOr<RunEntry> NewEntry(sql::Transaction& transaction, const v1::CreateRunRequest& request,
                                    const std::string& id);

  sql::Database& database_;
  RunFeed& feed_;
  RunEngine& engine_;
  Peers& peers_;
  Clock& clock_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RUN_CALLS_H_
