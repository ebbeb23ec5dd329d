#ifndef SDA_SERVICES_ADVISOR_SERVER_RUN_STORE_H_
#define SDA_SERVICES_ADVISOR_SERVER_RUN_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/storage/sql/database.h"
#include "services/advisor/server/run_feed.h"
#include "services/advisor/server/run_table.h"

namespace sda::advisor {

// Opens the advisor's database and brings its schema up to date.
absl::StatusOr<std::unique_ptr<sql::Database>> OpenDatabase(const std::string& url);

// Runs as the engine moves them on. Thread-safe; every call that changes something returns after the commit
// and rings the run's watchers.
class RunStore {
 public:
  RunStore(sql::Database& database, RunFeed& feed, Clock& clock)
      : database_(database), feed_(feed), clock_(clock) {}

  absl::StatusOr<RunEntry> Get(const std::string& id);  // NOT_FOUND

  // Changes a run that is RUNNING; RUN_ENDED for others. `change` may also write to other tables; it may be
  // called more than once.
  using Change = std::function<absl::Status(sql::Transaction&, RunEntry&)>;
  absl::Status Advance(const std::string& id, const Change& change);

  // Ends a RUNNING run with an error, in the stage it is in. RUN_ENDED for others.
  absl::Status Fail(const std::string& id, const absl::Status& status, bool is_spent);

  // What a cancelled run had begun is stopped.
  absl::Status CleanedUp(const std::string& id);

  absl::StatusOr<std::vector<std::string>> Unfinished();

 private:
  sql::Database& database_;
  RunFeed& feed_;
  Clock& clock_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RUN_STORE_H_
