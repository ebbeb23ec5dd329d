#ifndef SDA_COMMON_STORAGE_SQL_SQLITE_DATABASE_H_
#define SDA_COMMON_STORAGE_SQL_SQLITE_DATABASE_H_

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "common/storage/sql/database.h"

namespace sda::sql {

// Database::Open for a SQLite file.
absl::StatusOr<std::unique_ptr<Database>> OpenSqliteDatabase(const std::string& path, const Schema& schema,
                                                             const DatabaseOptions& options);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_SQLITE_DATABASE_H_
