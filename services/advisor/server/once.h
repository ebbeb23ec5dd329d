#ifndef SDA_SERVICES_ADVISOR_SERVER_ONCE_H_
#define SDA_SERVICES_ADVISOR_SERVER_ONCE_H_

#include <functional>
#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/storage/sql/database.h"
#include "common/storage/sql/idempotency.h"
#include "services/advisor/server/limits.h"

// Changing calls that may be repeated: the first reply is stored with the change.
namespace sda::advisor {

// Equal messages give equal bytes, also where they hold maps.
inline std::string SerializeStably(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

template <class Request>
sql::RequestKey KeyOf(const char* method, const Request& request) {
  return {request.request_id(), method, SerializeStably(request)};
}

// The reply of an earlier call with this request's id, or nothing. ALREADY_EXISTS REQUEST_ID_REUSED.
template <class Response, class Request>
absl::StatusOr<std::optional<Response>> EarlierReply(sql::Database& database, const char* method,
                                                     const Request& request) {
  std::optional<std::string> bytes;
  SDA_RETURN_IF_ERROR(database.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(bytes, sql::FindReply(transaction, KeyOf(method, request)));
    return absl::OkStatus();
  }));
  if (!bytes) return std::nullopt;
  Response response;
  if (!response.ParseFromString(*bytes))
    return absl::DataLossError("database: a stored reply cannot be read");
  return response;
}

// Runs `act` in one transaction with the record of its reply, or gives the reply of the first call with this
// id. `act` may run more than once.
template <class Response, class Request>
absl::StatusOr<Response> Once(sql::Database& database, Clock& clock, const char* method,
                              const Request& request,
                              const std::function<absl::StatusOr<Response>(sql::Transaction&)>& act) {
  std::string bytes;
  SDA_RETURN_IF_ERROR(database.Write([&](sql::Transaction& transaction) -> absl::Status {
    const absl::Time now = clock.Now();
    SDA_RETURN_IF_ERROR(sql::ForgetReplies(transaction, now - kReplyLifetime).status());
    SDA_ASSIGN_OR_RETURN(bytes, sql::OncePerRequest(transaction, KeyOf(method, request), "", now,
                                                    [&]() -> absl::StatusOr<std::string> {
                                                      SDA_ASSIGN_OR_RETURN(const Response response,
                                                                           act(transaction));
                                                      return response.SerializeAsString();
                                                    }));
    return absl::OkStatus();
  }));
  Response response;
  if (!response.ParseFromString(bytes)) return absl::DataLossError("database: a stored reply cannot be read");
  return response;
}

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_ONCE_H_
