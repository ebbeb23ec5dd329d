#include "services/trainer_worker/server/model_cache.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <absl/strings/str_cat.h>
#include <sys/stat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::trainer {
namespace {

constexpr int kLoadAttempts = 3;

// Says whether a folder is still the one it was. A model is published by renaming a folder, whose files are
// new ones then.
absl::StatusOr<std::string> IdentityOf(const std::string& folder) {
  const std::string path = folder + "/model.json";
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) {
    return MakeError(absl::StatusCode::kNotFound,
                     absl::StrCat(folder, ": holds no model; there is no model.json"),
                     {.reason = "MODEL_NOT_FOUND", .metadata = {{"model", folder}}, .violations = {}});
  }
  return absl::StrCat(file.st_dev, "/", file.st_ino, "/", file.st_size, "/", file.st_mtim.tv_sec, ".",
                      file.st_mtim.tv_nsec);
}

}  // namespace

int64_t ModelCache::bytes() const {
  std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const Entry& entry : models_) bytes += entry.model->bytes();
  return bytes;
}

std::shared_ptr<const Predictor> ModelCache::Find(const std::string& folder, const std::string& identity) {
  const auto found = std::find_if(models_.begin(), models_.end(),
                                  [&](const Entry& entry) { return entry.folder == folder; });
  if (found == models_.end()) return nullptr;
  if (found->identity != identity) {
    models_.erase(found);
    return nullptr;
  }
  models_.splice(models_.begin(), models_, found);
  return models_.front().model;
}

void ModelCache::Insert(Entry entry) {
  models_.push_front(std::move(entry));
  int64_t bytes = 0;
  for (auto model = models_.begin(); model != models_.end();) {
    bytes += model->model->bytes();
    model = bytes > max_bytes_ && model != models_.begin() ? models_.erase(model) : std::next(model);
  }
}

absl::StatusOr<std::shared_ptr<const Predictor>> ModelCache::Get(const std::string& folder) {
  SDA_ASSIGN_OR_RETURN(std::string identity, IdentityOf(folder));
  {
    std::unique_lock lock(mutex_);
    while (true) {
      if (auto model = Find(folder, identity)) return model;
      if (!loading_.contains(folder)) break;
      loaded_.wait(lock);
    }
    loading_.insert(folder);
  }
  // Loaded outside the lock: nobody waits for a model that is not theirs.
  absl::StatusOr<std::shared_ptr<const Predictor>> model = MakeError(
      absl::StatusCode::kAborted, absl::StrCat(folder, ": was replaced while it was read; try again"),
      {.reason = "MODEL_REPLACED", .metadata = {{"model", folder}}, .violations = {}});
  for (int attempt = 0; attempt < kLoadAttempts; ++attempt) {
    absl::StatusOr<std::unique_ptr<Predictor>> loaded = Predictor::Load(folder);
    auto after = IdentityOf(folder);
    // Files of two models may have been read.
    if (after.ok() && *after != identity) {
      identity = *std::move(after);
      continue;
    }
    if (loaded.ok()) {
      model = std::shared_ptr<const Predictor>(*std::move(loaded));
    } else {
      model = loaded.status();
    }
    break;
  }
  std::lock_guard lock(mutex_);
  loading_.erase(folder);
  if (model.ok()) Insert({folder, identity, *model});
  loaded_.notify_all();
  return model;
}

}  // namespace sda::trainer
