#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_MODEL_CACHE_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_MODEL_CACHE_H_

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <absl/status/statusor.h>

#include "services/trainer_worker/core/serving/predictor.h"

namespace sda::trainer {

// The models that were asked for last, up to a number of bytes (the newest is always kept). Thread-safe.
class ModelCache {
 public:
  explicit ModelCache(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // The model in this folder, loaded where it is not at hand. Errors as Predictor::Load.
  absl::StatusOr<std::shared_ptr<const Predictor>> Get(const std::string& folder);

 private:
  const int64_t max_bytes_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<const Predictor>>>
      models_;  // guarded by mutex_; newest first
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_MODEL_CACHE_H_
