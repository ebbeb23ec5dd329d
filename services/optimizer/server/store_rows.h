#ifndef SDA_SERVICES_OPTIMIZER_SERVER_STORE_ROWS_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_STORE_ROWS_H_

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/storage/sql/database.h"
#include "services/optimizer/core/space.h"

// What the files of the store share; nobody else needs it.
namespace sda::optimizer::store {

inline absl::Status NotFound(const std::string& name) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat(name, " does not exist"),
                   {.reason = "NOT_FOUND", .metadata = {{"name", name}}, .violations = {}});
}

template <class Message>
absl::Status Parse(const sql::Bytes& bytes, Message& message) {
  if (message.ParseFromString(bytes.data)) return absl::OkStatus();
  return absl::DataLossError("database: a stored message cannot be read");
}

// Leaves word for watchers that the trial, or with 0 the experiment, has changed.
absl::Status AddChange(sql::Transaction& tx, const std::string& experiment_id, int64_t trial);

// A number that equal points share and others almost never; it stays the same from version to version.
int64_t PointHash(const Assignments& assignments);

}  // namespace sda::optimizer::store

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_STORE_ROWS_H_
