#ifndef SDA_COMMON_STORAGE_SQL_MIGRATIONS_H_
#define SDA_COMMON_STORAGE_SQL_MIGRATIONS_H_

#include <absl/status/status.h>

#include "common/storage/sql/connection.h"
#include "common/storage/sql/database.h"

namespace sda::sql {

// Brings the database behind `connection` to the newest version of `schema`, each step in one transaction
// with its version, so that an interrupted start leaves a whole version. Errors as Database::Open.
absl::Status Migrate(Connection& connection, const Schema& schema);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_MIGRATIONS_H_
