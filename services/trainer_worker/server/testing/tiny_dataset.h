#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_TINY_DATASET_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_TINY_DATASET_H_

#include <string>

#include "sda/trainer/v1/training_spec.pb.h"

namespace sda::trainer::testing {

// A dataset written to `root`/datasets/`name`: columns "age" (dense) and "site" (categorical, of "a.example"
// … "f.example"), whose clicks depend on both; 3000 rows to train, 1000 to validate, 1000 to test.
struct TinyDataset {
  std::string manifest_uri;  // "datasets/<name>/manifest.json"
  std::string manifest_sha256;
};

// `sites` is the size of the vocabulary, in [1, 6]. Aborts the test program where it cannot write.
TinyDataset WriteTinyDataset(const std::string& root, const std::string& name, int sites = 6);

// A small model, trained in well under a second.
trainer::v1::TrainingSpec TinySpec(const TinyDataset& dataset);

}  // namespace sda::trainer::testing

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_TINY_DATASET_H_
