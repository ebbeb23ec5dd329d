#ifndef SDA_SERVICES_OPTIMIZER_SERVER_EXPERIMENT_FILE_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_EXPERIMENT_FILE_H_

#include <string>
#include <utility>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "sda/optimizer/v1/optimizer_service.pb.h"
#include "services/optimizer/server/store.h"

// Experiments as records: what a file of one holds, and the rules it must keep to be taken in.
namespace sda::optimizer {

// The form that this program writes, and the newest that it reads.
inline constexpr int kExperimentFileVersion = 1;

// A whole experiment with what hangs on it.
struct ExperimentFile {
  store::ExperimentRow experiment;
  struct Entry {
    store::TrialRow row;
    std::vector<v1::Measurement> measurements;
  };
  std::vector<Entry> trials;
};

v1::ExperimentRecord HeaderRecord(absl::Time now);
v1::ExperimentRecord DefinitionRecord(const store::ExperimentRow& row);
v1::ExperimentRecord TrialRecordOf(const store::TrialRow& row);

// What the records say, under the name of `experiment_id`, or of the exported one if it is empty.
// INVALID_ARGUMENT with paths such as "records[3].trial.trial.assignments[rate]".
absl::StatusOr<ExperimentFile> ReadRecords(const std::vector<v1::ImportExperimentRequest>& requests,
                                           const std::string& experiment_id);

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_EXPERIMENT_FILE_H_
