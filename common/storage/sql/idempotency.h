#ifndef SDA_COMMON_STORAGE_SQL_IDEMPOTENCY_H_
#define SDA_COMMON_STORAGE_SQL_IDEMPOTENCY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/storage/sql/database.h"

// First replies of changing calls, kept in the same transaction as the change, so that a repeated call gets
// the first reply again whatever has happened since.
namespace sda::sql {

// The statements that make the table `sda_replies`; put them into a migration of the component's schema.
std::vector<std::string> IdempotencySchema();

struct RequestKey {
  std::string request_id;  // chosen by the client, not empty
  std::string method;      // "/sda.optimizer.v1.OptimizerService/CompleteTrial"
  std::string payload;     // the request's bytes, deterministically serialized; only a hash is stored
};

// The first reply under this id, or nothing. ALREADY_EXISTS REQUEST_ID_REUSED when the id was used for
// another method or payload.
absl::StatusOr<std::optional<std::string>> FindReply(Transaction& transaction, const RequestKey& key);

// Records the reply. `scope` names the resource that keeps the record alive; empty: none does.
absl::Status SaveReply(Transaction& transaction, const RequestKey& key, std::string_view reply,
                       std::string_view scope, absl::Time now);

// The first reply under `key`, or else the reply of `act`, recorded. What `act` refuses is not recorded: a
// refused call has changed nothing and may be tried again.
absl::StatusOr<std::string> OncePerRequest(Transaction& transaction, const RequestKey& key,
                                           std::string_view scope, absl::Time now,
                                           const std::function<absl::StatusOr<std::string>()>& act);

// To be called when the resource `scope` is deleted: its records no longer have a scope.
absl::Status ReleaseReplies(Transaction& transaction, std::string_view scope);

// Forgets the records without a scope that are older than `before`; how many.
absl::StatusOr<int64_t> ForgetReplies(Transaction& transaction, absl::Time before);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_IDEMPOTENCY_H_
