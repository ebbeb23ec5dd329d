#include "services/trainer_worker/core/training/checkpoint.h"

#include <filesystem>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "services/trainer_worker/core/training/buffer_file.h"

namespace sda::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

}  // namespace

std::vector<std::span<float>> BuffersOf(const TrainingState& state) {
  std::vector<std::span<float>> buffers = {state.weights.dense.span(), state.weights.embeddings.span(),
                                           state.optimizer.dense.span(), state.optimizer.sparse.span()};
  if (state.best != nullptr) {
    buffers.push_back(state.best->dense.span());
    buffers.push_back(state.best->embeddings.span());
  }
  return buffers;
}

absl::Status WriteCheckpoint(const std::string& path, const std::string& job_key,
                             const TrainingState& state) {
  const TrainingPosition& position = state.position;
  const Json header = {{"version", kVersion},
                       {"job", job_key},
                       {"step", position.step},
                       {"train_seconds", position.train_seconds},
                       {"evaluations", position.evaluations},
                       {"evaluations_since_best", position.evaluations_since_best},
                       {"best_auc", position.best_auc},
                       {"best_step", position.best_step},
                       {"stuck_evaluations", position.stuck_evaluations},
                       {"stuck_since", position.stuck_since},
                       {"best_metrics", position.best_metrics}};
  std::vector<std::span<const float>> buffers;
  for (const auto& buffer : BuffersOf(state)) buffers.emplace_back(buffer);
  return WriteBufferFile(path, header.dump(), buffers);
}

absl::Status ReadCheckpoint(const std::string& path, const std::string& job_key, const TrainingState& state) {
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadBufferFileHeader(path));
  const Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object() || header.value("version", 0) != kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is of another version"));
  }
  if (header.value("job", "") != job_key) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is the checkpoint of another training"));
  }
  SDA_RETURN_IF_ERROR(ReadBufferFile(path, BuffersOf(state)));
  try {
    TrainingPosition& position = state.position;
    header.at("step").get_to(position.step);
    header.at("train_seconds").get_to(position.train_seconds);
    header.at("evaluations").get_to(position.evaluations);
    header.at("evaluations_since_best").get_to(position.evaluations_since_best);
    header.at("best_auc").get_to(position.best_auc);
    header.at("best_step").get_to(position.best_step);
    header.at("stuck_evaluations").get_to(position.stuck_evaluations);
    header.at("stuck_since").get_to(position.stuck_since);
    header.at("best_metrics").get_to(position.best_metrics);
  } catch (const Json::exception& e) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": damaged header: ", e.what()));
  }
  return absl::OkStatus();
}

void RemoveCheckpoints(const std::string& trial_folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (const auto& attempt : fs::directory_iterator(trial_folder, error)) {
    if (!attempt.path().filename().string().starts_with("attempt-")) continue;
    for (const auto& file : fs::directory_iterator(attempt.path(), error)) {
      const std::string name = file.path().filename();
      // A worker that was killed while it wrote leaves "checkpoint-8.ckpt.tmp.4711" or a folder
      // "model.tmp.4711".
      if (!name.starts_with("checkpoint-") && !name.starts_with("model.tmp.")) continue;
      std::error_code ignored;
      fs::remove_all(file.path(), ignored);
    }
  }
}

}  // namespace sda::trainer
