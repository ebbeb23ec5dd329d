#ifndef SDA_COMMON_STORAGE_SQL_POSTGRES_CONNECTION_H_
#define SDA_COMMON_STORAGE_SQL_POSTGRES_CONNECTION_H_

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "common/storage/sql/connection.h"

namespace sda::sql {

// Connects to PostgreSQL; `url` is what libpq takes: postgresql://user:password@host:port/database?options.
// Commits are synchronous; a statement that runs or waits for a lock for longer than half a minute is given
// up, and a transaction whose client went silent is ended by the server, so that its locks go.
// INVALID_ARGUMENT for a URL that cannot be read, UNAVAILABLE DATABASE_UNREACHABLE, or as Connection.
absl::StatusOr<std::unique_ptr<Connection>> OpenPostgres(const std::string& url);

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_POSTGRES_CONNECTION_H_
