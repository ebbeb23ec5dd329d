#ifndef SDA_SERVICES_ADVISOR_SERVER_RESOURCE_TABLE_H_
#define SDA_SERVICES_ADVISOR_SERVER_RESOURCE_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/sql/database.h"

namespace sda::advisor {

// Rows of one kind of resource: an id and a serialized message, in order of creation. The calls run inside a
// transaction of their caller.
class ResourceTable {
 public:
  // `table` is a name from our own schema, never a user's text.
  explicit constexpr ResourceTable(const char* table) : table_(table) {}

  // The statements that make the table.
  std::vector<std::string> Schema() const;

  absl::StatusOr<bool> Exists(sql::Transaction& transaction, const std::string& id) const;
  absl::StatusOr<std::optional<std::string>> Get(sql::Transaction& transaction, const std::string& id) const;

  // The id must be free.
  absl::Status Insert(sql::Transaction& transaction, const std::string& id, const std::string& body) const;

  // Whether there was one.
  absl::StatusOr<bool> Delete(sql::Transaction& transaction, const std::string& id) const;

  // Up to `size` bodies, newest first, each with its position; older than position `before` where that is not
  // 0.
  absl::StatusOr<std::vector<std::pair<int64_t, std::string>>> List(sql::Transaction& transaction,
                                                                    int64_t before, int64_t size) const;

 private:
  const char* table_;
};

inline constexpr ResourceTable kRecipes("recipes");
inline constexpr ResourceTable kModels("models");

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RESOURCE_TABLE_H_
