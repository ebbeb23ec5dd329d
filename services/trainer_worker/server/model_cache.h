#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_MODEL_CACHE_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_MODEL_CACHE_H_

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <absl/status/statusor.h>

#include "services/trainer_worker/core/serving/predictor.h"

namespace sda::trainer {

// The models that were asked for last, up to a number of bytes; one that is larger alone is kept until
// another is asked for. Thread-safe.
//
// A folder that was replaced is another model: its next caller loads it anew, calls under way end with the
// one they have. A folder that is gone is NOT_FOUND, also where its model is at hand.
class ModelCache {
 public:
  explicit ModelCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // The model in this folder, loaded where it is not at hand; callers that ask for the same one at the same
  // time wait for one load. Errors as Predictor::Load; ABORTED "MODEL_REPLACED" for a folder that is replaced
  // again and again while it is read.
  absl::StatusOr<std::shared_ptr<const Predictor>> Get(const std::string& folder);

  // Of the models at hand.
  int64_t bytes() const;

 private:
  struct Entry {
    std::string folder;
    std::string identity;  // of the folder as it was when loaded
    std::shared_ptr<const Predictor> model;
  };

  // Both with mutex_ held.
  std::shared_ptr<const Predictor> Find(const std::string& folder, const std::string& identity);
  void Insert(Entry entry);

  const int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  std::list<Entry> models_;        // guarded by mutex_; the one asked for last first
  std::set<std::string> loading_;  // guarded by mutex_; folders
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_MODEL_CACHE_H_
