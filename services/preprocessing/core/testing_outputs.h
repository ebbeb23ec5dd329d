#ifndef SDA_SERVICES_PREPROCESSING_CORE_TESTING_OUTPUTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TESTING_OUTPUTS_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/testing.h"
#include "services/preprocessing/core/testing_dataset.h"

// Folders of datasets for tests of what is bounded and what is interrupted.
namespace sda::preprocessing::testing {

// Copies of what a call wrote, as a kill after `writes` files would leave them; counts later writes by path.
class KilledOutput final : public DatasetOutput {
 public:
  KilledOutput(std::string folder, int writes) : files_(std::move(folder)), writes_left_(writes) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    if (const std::lock_guard lock(mutex_); writes_left_-- <= 0) return absl::AbortedError("killed");
    return files_.Write(path, bytes);
  }
  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) override {
    if (const std::lock_guard lock(mutex_); writes_left_-- <= 0) return absl::AbortedError("killed");
    return files_.Create(path);
  }
  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    return files_.Open(path);
  }
  absl::Status Remove(const std::string&) override { return absl::OkStatus(); }  // the dead remove nothing
  absl::Status Clear() override { return files_.Clear(); }

  std::vector<std::string> Files() const { return files_.Files(); }

 private:
  FolderOutput files_;
  std::mutex mutex_;
  int writes_left_;
};

class CountingOutput final : public DatasetOutput {
 public:
  explicit CountingOutput(std::string folder) : files_(std::move(folder)) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    ++writes_[path];
    return files_.Write(path, bytes);
  }
  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    ++writes_[path];
    return files_.Create(path);
  }
  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    return files_.Open(path);
  }
  absl::Status Remove(const std::string& path) override { return files_.Remove(path); }
  absl::Status Clear() override { return files_.Clear(); }

  const std::map<std::string, int>& writes() const { return writes_; }

 private:
  FolderOutput files_;
  std::mutex mutex_;
  std::map<std::string, int> writes_;
};

// The least memory with which a job is taken on: its tables of values do not fit.
inline int64_t LeastMemory(const DatasetSpec& spec, int threads) {
  const TempFolder folder;
  FolderOutput output(folder.path());
  const auto refused = CreateDataset(spec, "datasets/d", {.threads = threads, .memory_bytes = 1}, output);
  const auto detail = GetErrorDetail(refused.status());
  EXPECT_TRUE(detail && detail->metadata.contains("needed_bytes")) << refused.status();
  return detail ? std::stoll(detail->metadata.at("needed_bytes")) : 0;
}

}  // namespace sda::preprocessing::testing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TESTING_OUTPUTS_H_
