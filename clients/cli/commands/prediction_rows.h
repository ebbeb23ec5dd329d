#ifndef SDA_CLIENTS_CLI_COMMANDS_PREDICTION_ROWS_H_
#define SDA_CLIENTS_CLI_COMMANDS_PREDICTION_ROWS_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "sda/trainer/v1/trainer_service.pb.h"

namespace sda::cli {

// Raw rows to predict for, and how to read them.
struct PredictionInput {
  std::vector<std::string> data;     // files, globs, folders
  std::string delimiter;             // empty: guessed
  std::string header;                // "", "yes", "no" or "auto"
  std::vector<std::string> columns;  // names for files without a header; empty: as guessed
  std::set<std::string> wanted;      // only these columns are sent; empty: all
};

// Reads them piece by piece, as requests of at most kRowsPerRequest rows and about 8 MiB. Columns hold their
// values as they stand in the log. Not thread-safe.
class PredictionRows {
 public:
  static constexpr int kRowsPerRequest = 10000;

  // Opens the files and finds out how they are laid out. INVALID_ARGUMENT names file and reason, also for
  // files without any wanted column.
  static absl::StatusOr<std::unique_ptr<PredictionRows>> Open(const PredictionInput& input);

  virtual ~PredictionRows() = default;

  // Wanted columns that the files do not have; the model takes them for missing in every row.
  virtual std::vector<std::string> MissingColumns() const = 0;

  // Appends the columns of the next rows to `request`; false at the end. INVALID_ARGUMENT names file, line
  // and column.
  virtual absl::StatusOr<bool> Next(trainer::v1::PredictRequest& request) = 0;
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_COMMANDS_PREDICTION_ROWS_H_
