#include <algorithm>
#include <cmath>
#include <numbers>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

namespace sda::trainer {

double ScheduleFactor(const ScheduleOptions& schedule, int64_t step, int64_t total) {
  const double warmup_steps = schedule.warmup_fraction * static_cast<double>(total);
  if (static_cast<double>(step) < warmup_steps) return static_cast<double>(step) / warmup_steps;
  const double left = static_cast<double>(total) - warmup_steps;
  const double done =
      left > 0 ? std::clamp((static_cast<double>(step) - warmup_steps) / left, 0.0, 1.0) : 1.0;
  switch (schedule.decay) {
    case Decay::kNone:
      return 1;
    case Decay::kLinear:
      return 1 + (schedule.final_factor - 1) * done;
    case Decay::kCosine:
      return schedule.final_factor +
             (1 - schedule.final_factor) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
  return 1;
}

}  // namespace sda::trainer
