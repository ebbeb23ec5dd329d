#ifndef SDA_SERVICES_ADVISOR_SERVER_RUN_TABLE_H_
#define SDA_SERVICES_ADVISOR_SERVER_RUN_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/sql/database.h"
#include "sda/advisor/v1/advisor.pb.h"
#include "services/advisor/core/run_plan.h"

namespace sda::advisor {

// A run as the database keeps it: what clients see, and what the engine needs beside it.
struct RunEntry {
  v1::Run run;            // `result` is filled step by step and shown once SUCCEEDED
  v1::Recipe recipe;      // as it was when the run took it
  std::string job;        // of preprocessing, once it is known
  int attempt = 1;        // of the stage; goes up when a resumed run begins anew what had ended
  bool is_spent = false;  // the job or experiment of the failed stage has ended: a resume begins a new one
  bool is_evaluated = false;   // the test split has been measured
  bool needs_cleanup = false;  // cancelled, and what it had begun may still run
  int64_t position = 0;        // in order of creation

  RunRecord Record() const;
  std::string id() const;
};

v1::Run::Stage ToProto(Stage stage);

// Rows of runs. The calls run inside a transaction of their caller.
namespace run_table {

std::vector<std::string> Schema();

absl::StatusOr<std::optional<RunEntry>> Get(sql::Transaction& transaction, const std::string& id);
absl::Status Insert(sql::Transaction& transaction, const RunEntry& entry);  // the id must be free
absl::Status Update(sql::Transaction& transaction, const RunEntry& entry);
absl::Status Delete(sql::Transaction& transaction, const std::string& id);

// Ids of runs that are RUNNING or need cleaning up, oldest first.
absl::StatusOr<std::vector<std::string>> Unfinished(sql::Transaction& transaction);

// Up to `size` runs in one of `states` (empty: any), newest first, older than position `before` where that is
// not 0.
absl::StatusOr<std::vector<RunEntry>> List(sql::Transaction& transaction,
                                           const std::vector<v1::Run::State>& states, int64_t before,
                                           int64_t size);

}  // namespace run_table
}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RUN_TABLE_H_
