#ifndef SDA_SERVICES_PREPROCESSING_CORE_JOINS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_JOINS_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/pipeline/join.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/join_table.h"
#include "services/preprocessing/core/missing_test.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

// A join that was made ready: its rows, and where it stands in the table. Columns are numbered as a
// pipeline's program does: those of the log, then those of the joins in their order.
struct ReadyJoin {
  int key_column = 0;              // whose values are looked up
  int first_column = 0;            // of those it adds
  std::vector<std::string> names;  // of those it adds
  std::vector<InputFile> files;
  std::shared_ptr<const JoinTable> table;
};

// Reads the tables of `joins` into memory. `log_columns` are those of the log, the one at position `label`
// among them.
//
// Errors: what reading finds, with file, line and column; COLUMN_NOT_FOUND; INVALID_ARGUMENT for a join whose
// key is the label or whose columns have names that there are already, all of them named; DUPLICATE_KEY with
// both lines; MEMORY_LIMIT where the tables take more than settings.memory_bytes leaves for them.
absl::StatusOr<std::vector<ReadyJoin>> MakeJoins(const std::vector<pipeline::Join>& joins,
                                                 const std::vector<std::string>& log_columns, int label,
                                                 const std::vector<std::string>& null_values,
                                                 const RunSettings& settings);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_JOINS_H_
