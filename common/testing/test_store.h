#ifndef SDA_COMMON_TESTING_TEST_STORE_H_
#define SDA_COMMON_TESTING_TEST_STORE_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"

namespace sda::testing {

// Which kind of database the tests of this process run on: the same tests are run once for each, with
// SDA_TEST_STORE=postgresql in the environment or without.
inline bool OnPostgres() {
  const char* store = std::getenv("SDA_TEST_STORE");  // NOLINT(concurrency-mt-unsafe): before any thread
  return store != nullptr && std::string_view(store) == "postgresql";
}

// The PostgreSQL of this process, started when it is first asked for.
inline PostgresServer& SharedPostgres() {
  static PostgresServer server;
  return server;
}

// A new, empty database of that kind: its URL. A SQLite file lies in `folder`.
inline std::string NewTestDatabase(const TempDir& folder) {
  return OnPostgres() ? SharedPostgres().NewDatabase() : folder / "test.db";
}

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_TEST_STORE_H_
