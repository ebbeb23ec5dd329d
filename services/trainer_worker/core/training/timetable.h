#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TIMETABLE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TIMETABLE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "services/trainer_worker/core/training/training.h"

namespace sda::trainer {

// When steps, evaluations and epochs fall.
class Timetable {
 public:
  Timetable(int64_t rows, const TrainingOptions& options)
      : batch_(std::min(options.batch_size, rows)),
        evaluations_per_epoch_(options.evaluations_per_epoch),
        every_samples_(options.evaluate_every_samples),
        by_seconds_(options.evaluate_every_seconds > 0) {
    // The last rows of an epoch that do not fill a batch wait for the next shuffle.
    steps_per_epoch_ = std::max<int64_t>(1, rows / batch_);
    total_steps_ = std::max<int64_t>(1, std::llround(options.epochs * static_cast<double>(steps_per_epoch_)));
  }

  int64_t batch() const { return batch_; }
  int64_t total_steps() const { return total_steps_; }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }

  // True after the last step, and where a part of an epoch or the next so many samples end.
  bool EvaluateAfter(int64_t step) const {
    if (step == total_steps_) return true;
    if (every_samples_ == 0 && by_seconds_) return false;
    const auto parts = [&](int64_t s) {
      return every_samples_ > 0 ? s * batch_ / every_samples_ : s * evaluations_per_epoch_ / steps_per_epoch_;
    };
    return parts(step) != parts(step - 1);
  }

 private:
  int64_t batch_, evaluations_per_epoch_, every_samples_, steps_per_epoch_ = 0, total_steps_ = 0;
  bool by_seconds_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TIMETABLE_H_
