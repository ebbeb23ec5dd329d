#include "services/trainer_worker/core/training/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/numerics/rng.h"
#include "services/trainer_worker/core/data/batch_loader.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/row_order.h"
#include "services/trainer_worker/core/model/architectures.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/model/spec_json.h"
#include "services/trainer_worker/core/serving/exported_model.h"
#include "services/trainer_worker/core/training/checkpoint.h"
#include "services/trainer_worker/core/training/evaluation.h"
#include "services/trainer_worker/core/training/timetable.h"

namespace sda::trainer {
namespace {

// Random streams of the seed beside the model's own.
enum Stream : uint64_t { kShuffleSeedStream = 21, kDropoutSeedStream = 22 };

constexpr int64_t kEvaluationBatch = 4096;
// A mean loss beyond this is no loss of a model any more, though the number is still finite: predictions that
// are wrong by thousands of logits. ReLU turns NaN into 0, so a training may go to pieces without ever
// showing one.
constexpr double kLargestLoss = 1e4;
// An AUC this near to one half says that all predictions are the same: the units of a network have died. So
// many evaluations in a row, or the end of training without a better one, and the point has diverged.
constexpr double kStuckMargin = 1e-4;
constexpr int64_t kStuckEvaluations = 3;
// Steps between two looks at the progress.
constexpr int64_t kProgressSteps = 16;

absl::Status CheckSplit(const DatasetManifest& manifest, const std::string& name) {
  const auto split = manifest.splits.find(name);
  const int64_t rows = split == manifest.splits.end() ? 0 : split->second.rows;
  const int64_t positives = rows == 0 ? 0 : split->second.positive_rows;
  if (positives > 0 && positives < rows) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(manifest.name, ": the ", name, " split has ", rows, " rows, ", positives,
                                " of them positive; it needs rows of both classes"),
                   {.reason = "SPLIT_UNUSABLE", .metadata = {{"split", name}}, .violations = {}});
}

double Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string UpdateKey(const UpdateOptions& update) {
  return absl::StrCat(static_cast<int>(update.algorithm), "/", update.learning_rate, "/", update.epsilon, "/",
                      update.beta1, "/", update.beta2, "/", update.initial_accumulator, "/", update.momentum,
                      "/", update.weight_decay);
}

// Everything that decides the weights, hashed; a checkpoint belongs to one of these.
std::string JobKey(const TrainingJob& job) {
  const TrainingOptions& options = job.options;
  const ScheduleOptions& schedule = job.optimizer.schedule;
  return Sha256Hex(
      absl::StrCat(job.manifest.digest, "|", job.seed, "|", SpecToJson(job.model).dump()) +
      absl::StrCat("|", options.batch_size, "|", options.epochs, "|", options.evaluations_per_epoch, "|",
                   static_cast<int>(options.keep), "|", options.shuffle, "|", options.gradients.l2_dense, "|",
                   options.gradients.l2_sparse, "|", options.gradients.gradient_clip, "|",
                   options.gradients.positive_weight, "|", UpdateKey(job.optimizer.dense), "|",
                   UpdateKey(job.optimizer.sparse), "|", schedule.warmup_fraction, "|",
                   static_cast<int>(schedule.decay), "|", schedule.final_factor, "|", schedule.hold_fraction,
                   "|", schedule.power, "|", schedule.warmup_steps, "|", schedule.decay_start_step, "|",
                   schedule.decay_steps, "|", ToAbsl(Name(UsablePrecision(options.precision)))) +
      absl::StrCat("|", options.evaluate_every_samples, "|", options.evaluate_every_seconds, "|",
                   static_cast<int>(options.auc_method), "|", job.initial_model.folder.empty() ? 0 : 1, "|",
                   job.initial_model.sha256));
}

// One training from its first or resumed step to its end.
class Training {
 public:
  Training(const TrainingJob& job, TrainingObserver& observer, std::stop_token stop, const SplitReader& train,
           const SplitReader& validation, std::optional<int64_t> group_by)
      : job_(job),
        observer_(observer),
        stop_(std::move(stop)),
        layout_(job.model, train.shape()),
        timetable_(train.rows(), job.options),
        team_(job.threads),
        weights_(layout_),
        optimizer_state_(layout_, job.optimizer),
        best_(job.options.keep == Keep::kBest ? std::make_unique<DlrmWeights>(layout_) : nullptr),
        step_(layout_, weights_, optimizer_state_, job.optimizer, job.options.gradients, timetable_.batch(),
              team_, job.options.precision),
        loader_(train, {train.rows(), job.options.shuffle, HashOf(job.seed, {kShuffleSeedStream})},
                timetable_.batch(), timetable_.steps_per_epoch(), timetable_.total_steps()),
        evaluator_(layout_, validation, kEvaluationBatch, team_, group_by, job.options.auc_method),
        job_key_(JobKey(job)) {}

  absl::StatusOr<TrainingResult> Run() {
    SDA_RETURN_IF_ERROR(Begin());
    loader_.Start(position_.step + 1);
    evaluated_at_seconds_ = position_.train_seconds;  // checkpoints are made at evaluations
    for (int64_t step = position_.step + 1; step <= timetable_.total_steps(); ++step) {
      if (stop_.stop_requested()) return End(TrainingResult::End::kCancelled);
      SDA_ASSIGN_OR_RETURN(const double loss, Step(step));
      if (!(loss <= kLargestLoss)) {
        return Diverged("LOSS_NOT_FINITE", absl::StrCat("the loss became ", loss, " at step ", step));
      }
      if (step % kProgressSteps == 0) observer_.OnProgress(samples(), total_samples());
      if (!timetable_.EvaluateAfter(step) && !EvaluationIsDue()) continue;
      SDA_ASSIGN_OR_RETURN(const std::optional<TrainingResult::End> end, Evaluate());
      if (end == TrainingResult::End::kDiverged) return *divergence_;
      if (end) return Deliver(*end);
    }
    return Deliver(TrainingResult::End::kFinished);
  }

 private:
  TrainingState State() { return {weights_, optimizer_state_, best_.get(), position_}; }

  absl::Status Begin() {
    absl::Status resumed;
    if (!job_.resume_checkpoint.empty()) {
      resumed = ReadCheckpoint(job_.resume_checkpoint, job_key_, State());
      if (resumed.ok()) {
        observer_.OnStart(position_.step, resumed);
        return absl::OkStatus();
      }
      // One that is gone or damaged costs time, not the trial; what was read of it so far goes.
      for (const auto& buffer : BuffersOf(State())) std::fill(buffer.begin(), buffer.end(), 0.0f);
    }
    weights_.Initialize(layout_, job_.seed);
    if (!job_.initial_model.folder.empty()) {
      SDA_RETURN_IF_ERROR(
          StartFromModel(job_.initial_model, job_.manifest, job_.dataset_folder, layout_, weights_));
    }
    observer_.OnStart(0, resumed);
    return absl::OkStatus();
  }

  absl::StatusOr<double> Step(int64_t step) {
    const auto data_begin = std::chrono::steady_clock::now();
    SDA_ASSIGN_OR_RETURN(const Batch batch, loader_.Next());
    const DropoutStep dropout{.rate = job_.model.dropout,
                              .seed = HashOf(job_.seed, {kDropoutSeedStream}),
                              .step = static_cast<uint64_t>(step)};
    const RateOfStep rate = ScheduleRate(job_.optimizer.schedule, step, timetable_.total_steps());
    seconds_.data += Since(data_begin);
    const auto begin = std::chrono::steady_clock::now();
    const double loss = step_.Run(batch, step, rate, dropout);
    position_.train_seconds += Since(begin);
    position_.step = step;
    return loss;
  }

  bool EvaluationIsDue() const {
    const double every = job_.options.evaluate_every_seconds;
    return every > 0 && position_.train_seconds - evaluated_at_seconds_ >= every;
  }

  bool TargetReached(const SplitMetrics& metrics) const {
    const TrainingOptions& options = job_.options;
    if (options.target_auc && metrics.auc >= *options.target_auc) return true;
    if (!options.target_value) return false;
    const auto measured = MetricMap(metrics);
    const auto found = measured.find(options.target_metric);
    if (found == measured.end()) return false;
    const bool loss = options.target_metric == "logloss" || options.target_metric == "normalized_entropy";
    return loss ? found->second <= *options.target_value : found->second >= *options.target_value;
  }

  // Measures, keeps the best, reports; an end, or nothing to go on.
  absl::StatusOr<std::optional<TrainingResult::End>> Evaluate() {
    const auto begin = std::chrono::steady_clock::now();
    const auto measured = evaluator_.Run(weights_, stop_);
    seconds_.evaluation += Since(begin);
    if (absl::IsCancelled(measured.status())) return TrainingResult::End::kCancelled;
    SDA_RETURN_IF_ERROR(measured.status());
    const SplitMetrics& metrics = *measured;
    if (!std::isfinite(metrics.logloss)) {
      divergence_ =
          Diverged("LOSS_NOT_FINITE", absl::StrCat("predictions are not finite at step ", position_.step));
      return TrainingResult::End::kDiverged;
    }
    ++position_.evaluations;
    evaluated_at_seconds_ = position_.train_seconds;
    const bool stuck = std::abs(metrics.auc - 0.5) < kStuckMargin;
    if (stuck && position_.stuck_evaluations == 0) position_.stuck_since = position_.step;
    position_.stuck_evaluations = stuck ? position_.stuck_evaluations + 1 : 0;
    const bool last = position_.step == timetable_.total_steps();
    if (position_.stuck_evaluations >= kStuckEvaluations ||
        (last && position_.stuck_evaluations == position_.evaluations)) {
      divergence_ =
          Diverged("AUC_STUCK", absl::StrCat("the AUC was 0.5 at ", position_.stuck_evaluations,
                                             " evaluations from step ", position_.stuck_since, " to ",
                                             position_.step, ": every row gets the same prediction"));
      divergence_->step = position_.stuck_since;
      return TrainingResult::End::kDiverged;
    }
    Keep(metrics);
    SDA_ASSIGN_OR_RETURN(const std::string checkpoint, WriteCheckpointIfDue());
    const bool go_on = Report(metrics, checkpoint);
    if (TargetReached(metrics)) return TrainingResult::End::kTargetReached;
    if (!go_on) return TrainingResult::End::kStopped;
    if (job_.options.patience > 0 && position_.evaluations_since_best >= job_.options.patience) {
      return TrainingResult::End::kFinished;
    }
    return std::nullopt;
  }

  void Keep(const SplitMetrics& metrics) {
    if (metrics.auc > position_.best_auc) {
      position_.best_auc = metrics.auc;
      position_.evaluations_since_best = 0;
    } else {
      ++position_.evaluations_since_best;
      if (best_) return;
    }
    position_.best_step = position_.step;
    position_.best_metrics = MetricMap(metrics);
    if (!best_) return;
    best_->dense.CopyFrom(weights_.dense);
    best_->embeddings.CopyFrom(weights_.embeddings);
  }

  absl::StatusOr<std::string> WriteCheckpointIfDue() {
    const int interval = job_.options.checkpoint_interval;
    const bool last = position_.step == timetable_.total_steps();
    if (interval == 0 || last || position_.evaluations % interval != 0) return std::string();
    std::string path = absl::StrCat(job_.output_folder, "/checkpoint-", position_.step, ".ckpt");
    const auto begin = std::chrono::steady_clock::now();
    SDA_RETURN_IF_ERROR(WriteCheckpoint(path, job_key_, State()));
    seconds_.checkpoint += Since(begin);
    checkpoints_.push_back(path);
    return path;
  }

  bool Report(const SplitMetrics& metrics, const std::string& checkpoint) {
    Measurement measurement{.step = position_.step,
                            .samples = samples(),
                            .train_seconds = position_.train_seconds,
                            .metrics = MetricMap(metrics),
                            .checkpoint_path = checkpoint};
    AddTimes(measurement.metrics);
    observer_.OnProgress(samples(), total_samples());
    const bool go_on = observer_.OnMeasurement(measurement);
    RemoveSupersededCheckpoints();
    return go_on;
  }

  // Whoever resumes takes the newest accepted checkpoint: that one stays, and a few newer ones that may
  // become it.
  void RemoveSupersededCheckpoints() {
    const auto remove = [this](size_t index) {
      std::error_code ignored;
      std::filesystem::remove(checkpoints_[index], ignored);
      checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(index));
    };
    const std::string accepted = observer_.AcceptedCheckpoint();
    const bool ours = std::find(checkpoints_.begin(), checkpoints_.end(), accepted) != checkpoints_.end();
    while (ours && checkpoints_.front() != accepted) remove(0);
    const size_t first_pending = ours ? 1 : 0;
    while (checkpoints_.size() > first_pending + kPendingCheckpoints) remove(first_pending);
  }

  void AddTimes(std::map<std::string, double>& metrics) const {
    metrics["train_seconds"] = position_.train_seconds;
    if (position_.train_seconds > 0) {
      metrics["samples_per_second"] = static_cast<double>(samples()) / position_.train_seconds;
    }
  }

  absl::StatusOr<TrainingResult> Deliver(TrainingResult::End end) {
    if (end == TrainingResult::End::kCancelled) return End(end);
    TrainingResult result = End(end);
    result.metrics = position_.best_metrics;
    AddTimes(result.metrics);
    result.stage_seconds = StageSecondsByName();
    result.model_folder = job_.output_folder + "/model";
    SDA_RETURN_IF_ERROR(WriteModel(result.model_folder,
                                   {.spec = job_.model,
                                    .manifest = job_.manifest,
                                    .dataset_folder = job_.dataset_folder,
                                    .spec_json = job_.spec_json,
                                    .metrics = result.metrics,
                                    .stage_seconds = result.stage_seconds,
                                    .precision = std::string(Name(UsablePrecision(job_.options.precision)))},
                                   best_ ? *best_ : weights_));
    return result;
  }

  std::map<std::string, double> StageSecondsByName() const {
    const StageSeconds step = step_.seconds();
    return {{"data", seconds_.data},
            {"embedding", step.embedding},
            {"bottom", step.bottom},
            {"interaction", step.interaction},
            {"top", step.top},
            {"backward", step.backward},
            {"update", step.update},
            {"evaluation", seconds_.evaluation},
            {"checkpoint", seconds_.checkpoint}};
  }

  TrainingResult End(TrainingResult::End end) const {
    TrainingResult result;
    result.end = end;
    result.step = position_.step;
    return result;
  }

  TrainingResult Diverged(std::string reason, std::string message) const {
    TrainingResult result = End(TrainingResult::End::kDiverged);
    result.reason = std::move(reason);
    result.message = std::move(message);
    return result;
  }

  int64_t samples() const { return position_.step * timetable_.batch(); }
  int64_t total_samples() const { return timetable_.total_steps() * timetable_.batch(); }

  const TrainingJob& job_;
  TrainingObserver& observer_;
  const std::stop_token stop_;
  const DlrmLayout layout_;
  const Timetable timetable_;
  ThreadTeam team_;
  DlrmWeights weights_;
  OptimizerState optimizer_state_;
  const std::unique_ptr<DlrmWeights> best_;
  TrainStep step_;
  BatchLoader loader_;
  Evaluator evaluator_;
  const std::string job_key_;
  TrainingPosition position_;
  double evaluated_at_seconds_ = 0;  // of training, at the last evaluation
  std::optional<TrainingResult> divergence_;
  std::deque<std::string> checkpoints_;  // written by this attempt and still there, oldest first
  struct {
    double data = 0, evaluation = 0, checkpoint = 0;
  } seconds_;
};

}  // namespace

absl::StatusOr<TrainingResult> Train(const TrainingJob& job, TrainingObserver& observer,
                                     std::stop_token stop) {
  SDA_RETURN_IF_ERROR(CheckSpec(job.model, ShapeOf(job.manifest)));
  SDA_ASSIGN_OR_RETURN(const auto group_by,
                       TableToGroupBy(ShapeOf(job.manifest), job.options.group_by, "training.group_by"));
  SDA_RETURN_IF_ERROR(CheckAucMethod(job.options.auc_method, job.options.group_by, "training.group_by"));
  SDA_RETURN_IF_ERROR(CheckSplit(job.manifest, "train"));
  SDA_RETURN_IF_ERROR(CheckSplit(job.manifest, "validation"));
  std::error_code error;
  std::filesystem::create_directories(job.output_folder, error);
  if (error)
    return absl::InternalError(absl::StrCat(job.output_folder, ": cannot be made: ", error.message()));
  SDA_ASSIGN_OR_RETURN(const auto train, SplitReader::Open(job.manifest, job.dataset_folder, "train"));
  SDA_ASSIGN_OR_RETURN(const auto validation,
                       SplitReader::Open(job.manifest, job.dataset_folder, "validation"));
  return std::make_unique<Training>(job, observer, std::move(stop), *train, *validation, group_by)->Run();
}

int64_t EstimateMemoryBytes(const TrainingJob& job) {
  const DlrmLayout layout(job.model, ShapeOf(job.manifest));
  const auto rows_of = [&](const char* split) {
    const auto found = job.manifest.splits.find(split);
    return found == job.manifest.splits.end() ? 0 : found->second.rows;
  };
  const int64_t weights = (layout.dense_parameters() + layout.embedding_floats()) * 4;
  const int64_t batch = std::min(job.options.batch_size, std::max<int64_t>(1, rows_of("train")));
  return weights * (job.options.keep == Keep::kBest ? 2 : 1) + OptimizerState::Bytes(layout, job.optimizer) +
         TrainStep::Bytes(layout, batch, job.threads, job.options.precision) +
         BatchLoader::Bytes(layout.inputs(), batch) + RowOrder::Bytes(rows_of("train")) +
         InitialModelBytes(job.initial_model) +
         Evaluator::Bytes(layout, rows_of("validation"), kEvaluationBatch, job.threads,
                          job.options.auc_method);
}

}  // namespace sda::trainer
