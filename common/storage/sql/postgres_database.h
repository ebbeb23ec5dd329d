#ifndef SDA_COMMON_STORAGE_SQL_POSTGRES_DATABASE_H_
#define SDA_COMMON_STORAGE_SQL_POSTGRES_DATABASE_H_

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "common/storage/sql/database.h"

namespace sda::sql {

// Database::Open for a PostgreSQL URL. The database must be reachable now; later it may come and go.
absl::StatusOr<std::unique_ptr<Database>> OpenPostgresDatabase(const std::string& url, const Schema& schema,
                                                               const DatabaseOptions& options);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_POSTGRES_DATABASE_H_
