#include "services/trainer_worker/server/core_runner.h"

#include <filesystem>
#include <utility>

#include "common/base/status_macros.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/training/checkpoint.h"
#include "services/trainer_worker/core/training/disk_estimate.h"
#include "services/trainer_worker/core/training/training.h"
#include "services/trainer_worker/server/spec_converter.h"

namespace sda::trainer {
namespace {

// From the core's words to the attempt's: paths become relative to the artefact root.
class Observer final : public TrainingObserver {
 public:
  Observer(const ArtefactFolders& folders, AttemptListener& listener)
      : folders_(folders), listener_(listener) {}

  void OnStart(int64_t step, const absl::Status& resumed) override { listener_.OnStart(step, resumed); }

  bool OnMeasurement(const Measurement& measurement) override {
    return listener_.OnReading({.step = measurement.step,
                                .samples = measurement.samples,
                                .train_seconds = measurement.train_seconds,
                                .metrics = measurement.metrics,
                                .checkpoint = folders_.Relative(measurement.checkpoint_path)});
  }

  void OnProgress(int64_t samples, int64_t total) override { listener_.OnProgress(samples, total); }

  std::string AcceptedCheckpoint() override {
    const std::string accepted = listener_.AcceptedCheckpoint();
    return accepted.empty() ? "" : folders_.root() + "/" + accepted;
  }

 private:
  const ArtefactFolders& folders_;
  AttemptListener& listener_;
};

absl::StatusOr<TrainingJob> MakeJob(const ArtefactFolders& folders, const AttemptOrder& order, int threads) {
  TrainingJob job = ToTrainingJob(order.spec);
  SDA_ASSIGN_OR_RETURN(LocalDataset dataset,
                       OpenDataset(folders, "dataset_manifest_uri", order.spec.dataset_manifest_uri(),
                                   order.spec.dataset_manifest_sha256()));
  job.manifest = std::move(dataset.manifest);
  SDA_RETURN_IF_ERROR(CheckSpec(job.model, ShapeOf(job.manifest)));
  job.dataset_folder = std::move(dataset.folder);
  if (const auto& training = order.spec.training(); !training.initial_model_uri().empty()) {
    SDA_ASSIGN_OR_RETURN(job.initial_model.folder,
                         folders.Resolve("training.initial_model_uri", training.initial_model_uri()));
    job.initial_model.sha256 = training.initial_model_sha256();
  }
  job.threads = threads;
  SDA_ASSIGN_OR_RETURN(job.output_folder, folders.Resolve("trial", order.folder));
  if (!order.resume_checkpoint.empty()) {
    SDA_ASSIGN_OR_RETURN(job.resume_checkpoint, folders.Resolve("resume_from", order.resume_checkpoint));
  }
  return job;
}

AttemptOutcome ToOutcome(const ArtefactFolders& folders, const TrainingResult& result) {
  AttemptOutcome outcome;
  outcome.reason = result.reason;
  outcome.message = result.message;
  outcome.metrics = result.metrics;
  if (!result.model_folder.empty()) outcome.artifacts["model"] = folders.Relative(result.model_folder);
  switch (result.end) {
    case TrainingResult::End::kFinished:
    case TrainingResult::End::kTargetReached:
      outcome.end = AttemptOutcome::End::kFinished;
      break;
    case TrainingResult::End::kStopped:
      outcome.end = AttemptOutcome::End::kStopped;
      break;
    case TrainingResult::End::kDiverged:
      outcome.end = AttemptOutcome::End::kDiverged;
      break;
    case TrainingResult::End::kCancelled:
      outcome.end = AttemptOutcome::End::kCancelled;
      break;
  }
  return outcome;
}

}  // namespace

absl::StatusOr<AttemptNeeds> CoreRunner::Needs(const AttemptOrder& order) {
  SDA_ASSIGN_OR_RETURN(const TrainingJob job, MakeJob(folders_, order, threads_));
  return AttemptNeeds{.memory_bytes = EstimateMemoryBytes(job), .disk_bytes = EstimateDiskBytes(job)};
}

absl::StatusOr<AttemptOutcome> CoreRunner::Run(const AttemptOrder& order, AttemptListener& listener,
                                               std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const TrainingJob job, MakeJob(folders_, order, threads_));
  Observer observer(folders_, listener);
  SDA_ASSIGN_OR_RETURN(const TrainingResult result, Train(job, observer, std::move(stop)));
  return ToOutcome(folders_, result);
}

void CoreRunner::DiscardCheckpoints(const AttemptOrder& order) {
  const auto folder = folders_.Resolve("trial", order.folder);
  if (folder.ok()) RemoveCheckpoints(std::filesystem::path(*folder).parent_path());
  if (on_trial_ended_) on_trial_ended_(order.folder.substr(0, order.folder.find("/trials/")));
}

}  // namespace sda::trainer
