#include "common/storage/sql/idempotency.h"

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/strings.h"

namespace sda::sql {
namespace {

std::string PayloadHash(const RequestKey& key) {
  Sha256 hash;
  hash.Update(key.method);
  hash.Update(std::string_view("\0", 1));
  hash.Update(key.payload);
  return hash.HexDigest();
}

}  // namespace

std::vector<std::string> IdempotencySchema() {
  return {
      "CREATE TABLE sda_replies (request_id TEXT PRIMARY KEY, method TEXT NOT NULL, payload_sha256 TEXT NOT "
      "NULL, "
      "reply TEXT NOT NULL, scope TEXT NOT NULL, created_at BIGINT NOT NULL)",
      "CREATE INDEX sda_replies_by_scope ON sda_replies (scope, created_at)",
  };
}

absl::StatusOr<std::optional<std::string>> FindReply(Transaction& transaction, const RequestKey& key) {
  SDA_ASSIGN_OR_RETURN(
      const auto found,
      (transaction.QueryOne<std::string, Bytes>(
          "SELECT payload_sha256, reply FROM sda_replies WHERE request_id = :id", {key.request_id})));
  if (!found) return std::nullopt;
  if (std::get<0>(*found) != PayloadHash(key)) {
    return MakeError(
        absl::StatusCode::kAlreadyExists,
        absl::StrCat("request_id: \"", key.request_id, "\" was used for a different call"),
        {.reason = "REQUEST_ID_REUSED", .metadata = {{"request_id", key.request_id}}, .violations = {}});
  }
  return std::get<1>(*found).data;
}

absl::Status SaveReply(Transaction& transaction, const RequestKey& key, std::string_view reply,
                       std::string_view scope, absl::Time now) {
  // Where another process was faster with the same id, the transaction runs again and finds its reply.
  return transaction.Defer(
      "INSERT INTO sda_replies (request_id, method, payload_sha256, reply, scope, created_at) "
      "VALUES (:id, :method, :hash, :reply, :scope, :now)",
      {key.request_id, key.method, PayloadHash(key), Bytes{std::string(reply)}, scope, now});
}

absl::StatusOr<std::string> OncePerRequest(Transaction& transaction, const RequestKey& key,
                                           std::string_view scope, absl::Time now,
                                           const std::function<absl::StatusOr<std::string>()>& act) {
  SDA_ASSIGN_OR_RETURN(std::optional<std::string> first, FindReply(transaction, key));
  if (first) return *std::move(first);
  absl::StatusOr<std::string> acted = act();
  if (!acted.ok() && transaction.dialect() == Dialect::kPostgres && !IsTransactionConflict(acted.status()) &&
      !absl::IsUnavailable(acted.status())) {
    // Perhaps refused because the same call, made through another process, was done while this one waited.
    auto again = FindReply(transaction, key);
    if (again.ok() && again->has_value()) return **std::move(again);
  }
  SDA_ASSIGN_OR_RETURN(std::string reply, std::move(acted));
  SDA_RETURN_IF_ERROR(SaveReply(transaction, key, reply, scope, now));
  return reply;
}

absl::Status ReleaseReplies(Transaction& transaction, std::string_view scope) {
  return transaction.Execute("UPDATE sda_replies SET scope = '' WHERE scope = :scope", {scope}).status();
}

absl::StatusOr<int64_t> ForgetReplies(Transaction& transaction, absl::Time before) {
  return transaction.Execute("DELETE FROM sda_replies WHERE scope = '' AND created_at < :before", {before});
}

}  // namespace sda::sql
