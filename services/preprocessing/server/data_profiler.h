#ifndef SDA_SERVICES_PREPROCESSING_SERVER_DATA_PROFILER_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_DATA_PROFILER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include <absl/status/status.h>

#include "common/base/clock.h"
#include "sda/preprocessing/v1/profile.pb.h"
#include "services/preprocessing/server/dataset_catalog.h"

namespace sda::preprocessing {

// Answers ProfileData. Thread-safe.
class DataProfiler {
 public:
  struct Options {
    int threads = 1;  // of each profile
    int running = 1;  // profiles at a time; others wait
  };

  // `catalog` and `clock` must outlive this.
  DataProfiler(const DatasetCatalog& catalog, Clock& clock, const Options& options)
      : catalog_(catalog), clock_(clock), options_(options) {}

  // Where replies go. `write` waits for room and is false when nobody will read it; `try_write` never waits.
  struct Replies {
    std::function<bool(v1::ProfileDataResponse)> write;
    std::function<void(v1::ProfileDataResponse)> try_write;
  };

  // CANCELLED once `stop` fires or nobody reads.
  absl::Status Profile(const v1::ProfileDataRequest& request, const Replies& replies, std::stop_token stop);

 private:
  // Holds one of the places for running profiles.
  class Turn;

  const DatasetCatalog& catalog_;
  Clock& clock_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable_any free_;
  int running_ = 0;  // guarded by mutex_
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_DATA_PROFILER_H_
