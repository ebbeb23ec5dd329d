#ifndef SDA_SERVICES_PREPROCESSING_SERVER_DATASET_CATALOG_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_DATASET_CATALOG_H_

#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/storage/artefact_store.h"
#include "sda/preprocessing/v1/dataset.pb.h"

namespace sda::preprocessing {

// The finished datasets of an artefact store, read from their manifests. Thread-safe; holds nothing in
// memory.
class DatasetCatalog {
 public:
  // `store` must outlive this.
  explicit DatasetCatalog(const ArtefactStore& store) : store_(store) {}

  absl::StatusOr<bool> Exists(const std::string& dataset) const;

  // NOT_FOUND (DATASET_NOT_FOUND); DATA_LOSS where the manifest cannot be read.
  absl::StatusOr<v1::Dataset> Get(const std::string& dataset) const;

  struct Page {
    std::vector<v1::Dataset> datasets;
    bool more = false;
  };
  // At most `limit` datasets by id, from the first behind `after`.
  absl::StatusOr<Page> List(const std::string& after, int limit) const;

  // Removes what a job writes, the manifest first: a dataset that is half removed is none. Job records stay.
  absl::Status RemoveFiles(const std::string& dataset) const;

 private:
  const ArtefactStore& store_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_DATASET_CATALOG_H_
