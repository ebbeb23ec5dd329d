#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_INITIAL_MODEL_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_INITIAL_MODEL_H_

#include <cstdint>
#include <string>

#include <absl/status/status.h>

#include "common/storage/dataset_manifest.h"
#include "services/trainer_worker/core/model/dlrm.h"

namespace sda::trainer {

// Continued training: a model that begins where another one ended, on data whose vocabularies have grown or
// whose values stand in another order.

// A trained model to begin with.
struct InitialModel {
  std::string folder;  // as exported; empty: none
  std::string sha256;  // of its weights.bin; empty: not checked
};

// Writes the initial model's weights over those of `weights`, which are initialised: the dense parameters,
// and of each table the rows of the reserved ids and of the values that both vocabularies have, by value.
// Rows of values that are new keep what they have. `manifest` and `folder` are those of the dataset to train
// on; its dense columns enter as it transforms them itself.
//
// A model of another shape, or of other columns, is refused: INVALID_ARGUMENT names the field of the training
// spec that differs. So is a compressed table (hash_rows, quotient_collisions) whose vocabulary is another
// one, as its rows do not belong to values. NOT_FOUND for no model; FAILED_PRECONDITION INITIAL_MODEL_CHANGED
// for one with another checksum, and for a damaged one.
absl::Status StartFromModel(const InitialModel& from, const DatasetManifest& manifest,
                            const std::string& folder, const DlrmLayout& layout, DlrmWeights& weights);

// Memory that StartFromModel needs for the weights of the model: those that are on the disk.
int64_t InitialModelBytes(const InitialModel& from);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_INITIAL_MODEL_H_
