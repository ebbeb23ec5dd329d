#ifndef SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ONCE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ONCE_H_

#include <string>

#include "common/base/status_macros.h"
#include "common/storage/sql/idempotency.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine.h"
#include "services/optimizer/server/experiment_rules.h"

namespace sda::optimizer {

template <class Request>
sql::RequestKey KeyOf(const char* method, const Request& request) {
  return {request.request_id(), method, DeterministicBytes(request)};
}

// A changing call: `act` in one transaction with its reply kept under the request id, or the first reply
// again. `scope` is the name of the experiment it is about, "" for none: that one is locked meanwhile and
// those who wait for it are woken; workers only where `kind` says that there may be a trial for them. What
// `act` is sure to read may be read ahead.
template <class Response, class Request>
absl::StatusOr<Response> Engine::Once(const char* method, const Request& request, const std::string& scope,
                                      const std::function<absl::StatusOr<Response>(Transaction&)>& act,
                                      ChangeHub::Kind kind,
                                      const std::function<absl::Status(Transaction&)>& read_ahead) {
  SDA_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  const sql::RequestKey key = KeyOf(method, request);
  const std::string experiment_id = ExperimentIdOf(scope);
  Response response;
  SDA_RETURN_IF_ERROR(database_.Write([&](Transaction& tx) -> absl::Status {
    // Before the reply is looked for: the same call may be under way in another process.
    if (!experiment_id.empty()) SDA_RETURN_IF_ERROR(store::LockExperiment(tx, experiment_id));
    if (read_ahead != nullptr) SDA_RETURN_IF_ERROR(read_ahead(tx));
    SDA_ASSIGN_OR_RETURN(
        const std::string reply,
        sql::OncePerRequest(tx, key, scope, clock_.Now(), [&]() -> absl::StatusOr<std::string> {
          SDA_ASSIGN_OR_RETURN(const Response acted, act(tx));
          return acted.SerializeAsString();
        }));
    return response.ParseFromString(reply) ? absl::OkStatus()
                                           : absl::DataLossError("database: a kept reply cannot be read");
  }));
  if (experiment_id.empty()) {
    hub_.ChangedAll();
  } else {
    hub_.Changed(experiment_id, kind);
  }
  return response;
}

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ONCE_H_
