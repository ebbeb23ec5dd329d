#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATASET_OUTPUT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATASET_OUTPUT_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace sda::preprocessing {

// The folder a dataset is written to. Thread-safe.
class DatasetOutput {
 public:
  virtual ~DatasetOutput() = default;

  // Publishes a file whole or not at all: nobody ever sees a part of it, and after OK it survives a crash.
  // `path` is relative to the folder, e.g. "train/shard-00000.arrow"; what was there before is replaced.
  virtual absl::Status Write(const std::string& path, std::string_view bytes) = 0;

  // Removes what Write published; OK if there is nothing.
  virtual absl::Status Remove(const std::string& path) = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATASET_OUTPUT_H_
