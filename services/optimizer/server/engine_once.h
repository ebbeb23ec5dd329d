#ifndef SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ONCE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ONCE_H_

#include <string>

#include "common/base/status_macros.h"
#include "common/storage/sql/idempotency.h"
#include "services/optimizer/server/deterministic.h"
#include "services/optimizer/server/engine.h"
#include "services/optimizer/server/experiment_rules.h"

namespace sda::optimizer {

// A changing call: `act` in one transaction with its reply kept under the request id, or the first reply
// again.
template <class Response, class Request>
absl::StatusOr<Response> Engine::Once(const char* method, const Request& request, const std::string& scope,
                                      const std::function<absl::StatusOr<Response>(Transaction&)>& act) {
  SDA_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  const sql::RequestKey key{request.request_id(), method, DeterministicBytes(request)};
  Response response;
  SDA_RETURN_IF_ERROR(database_.Write([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(
        const std::string reply,
        sql::OncePerRequest(tx, key, scope, clock_.Now(), [&]() -> absl::StatusOr<std::string> {
          SDA_ASSIGN_OR_RETURN(const Response acted, act(tx));
          return acted.SerializeAsString();
        }));
    return response.ParseFromString(reply) ? absl::OkStatus()
                                           : absl::DataLossError("database: a kept reply cannot be read");
  }));
  changed_.Raise();
  return response;
}

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_ENGINE_ONCE_H_
