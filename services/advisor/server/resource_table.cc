#include "services/advisor/server/resource_table.h"

#include <limits>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"

namespace sda::advisor {

std::vector<std::string> ResourceTable::Schema() const {
  return {absl::StrCat("CREATE TABLE ", table_,
                       " (id TEXT PRIMARY KEY, position BIGINT NOT NULL UNIQUE, body TEXT NOT NULL)")};
}

absl::StatusOr<bool> ResourceTable::Exists(sql::Transaction& transaction, const std::string& id) const {
  SDA_ASSIGN_OR_RETURN(
      const auto row,
      transaction.QueryOne<int64_t>(absl::StrCat("SELECT position FROM ", table_, " WHERE id = :id"), {id}));
  return row.has_value();
}

absl::StatusOr<std::optional<std::string>> ResourceTable::Get(sql::Transaction& transaction,
                                                              const std::string& id) const {
  SDA_ASSIGN_OR_RETURN(auto row, transaction.QueryOne<sql::Bytes>(
                                     absl::StrCat("SELECT body FROM ", table_, " WHERE id = :id"), {id}));
  if (!row) return std::nullopt;
  return std::move(std::get<0>(*row).data);
}

absl::Status ResourceTable::Insert(sql::Transaction& transaction, const std::string& id,
                                   const std::string& body) const {
  return transaction
      .Execute(absl::StrCat("INSERT INTO ", table_,
                            " (id, position, body) SELECT :id, COALESCE(MAX(position), 0) + 1, :body FROM ",
                            table_),
               {id, sql::Bytes{body}})
      .status();
}

absl::StatusOr<bool> ResourceTable::Delete(sql::Transaction& transaction, const std::string& id) const {
  SDA_ASSIGN_OR_RETURN(const int64_t rows,
                       transaction.Execute(absl::StrCat("DELETE FROM ", table_, " WHERE id = :id"), {id}));
  return rows > 0;
}

absl::StatusOr<std::vector<std::pair<int64_t, std::string>>> ResourceTable::List(
    sql::Transaction& transaction, int64_t before, int64_t size) const {
  if (before == 0) before = std::numeric_limits<int64_t>::max();
  SDA_ASSIGN_OR_RETURN(auto rows,
                       (transaction.Query<int64_t, sql::Bytes>(
                           absl::StrCat("SELECT position, body FROM ", table_,
                                        " WHERE position < :before ORDER BY position DESC LIMIT :size"),
                           {before, size})));
  std::vector<std::pair<int64_t, std::string>> listed;
  for (auto& [position, body] : rows) listed.emplace_back(position, std::move(body.data));
  return listed;
}

}  // namespace sda::advisor
