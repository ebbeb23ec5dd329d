#ifndef SDA_SERVICES_PREPROCESSING_CORE_RECORDING_OUTPUT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_RECORDING_OUTPUT_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "services/preprocessing/core/dataset_output.h"

namespace sda::preprocessing {

// Remembers what was written to another output, which must outlive this, to take it back. Thread-safe.
class RecordingOutput final : public DatasetOutput {
 public:
  explicit RecordingOutput(DatasetOutput& output) : output_(output) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    Remember(path);
    return output_.Write(path, bytes);
  }

  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) override {
    Remember(path);
    return output_.Create(path);
  }

  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    return output_.Open(path);
  }

  absl::Status Remove(const std::string& path) override { return output_.Remove(path); }

  absl::Status Clear() override { return output_.Clear(); }

  // A file that is there already and goes with the others.
  void Remember(const std::string& path) {
    const std::lock_guard lock(mutex_);
    written_.push_back(path);
  }

  // What cannot be removed stays, without a manifest: it is no dataset, and the first error is the one to
  // report.
  void RemoveAll() {
    const std::lock_guard lock(mutex_);
    for (const std::string& path : written_) output_.Remove(path).IgnoreError();
    written_.clear();
  }

 private:
  DatasetOutput& output_;
  std::mutex mutex_;
  std::vector<std::string> written_;  // guarded by mutex_
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_RECORDING_OUTPUT_H_
