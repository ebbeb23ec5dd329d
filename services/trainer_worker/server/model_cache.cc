#include "services/trainer_worker/server/model_cache.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace sda::trainer {

absl::StatusOr<std::shared_ptr<const Predictor>> ModelCache::Get(const std::string& folder) {
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find_if(models_.begin(), models_.end(),
                                    [&](const auto& entry) { return entry.first == folder; });
    if (found != models_.end()) {
      models_.splice(models_.begin(), models_, found);
      return models_.front().second;
    }
  }
  // Loaded outside the lock: two callers may load the same model, neither waits for another's.
  SDA_ASSIGN_OR_RETURN(std::shared_ptr<const Predictor> model, Predictor::Load(folder));
  std::lock_guard lock(mutex_);
  models_.emplace_front(folder, model);
  int64_t bytes = 0;
  for (auto entry = models_.begin(); entry != models_.end();) {
    bytes += entry->second->bytes();
    entry = bytes > max_bytes_ && entry != models_.begin() ? models_.erase(entry) : std::next(entry);
  }
  return model;
}

}  // namespace sda::trainer
