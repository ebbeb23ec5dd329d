#include <algorithm>
#include <cmath>
#include <numbers>

#include "services/trainer_worker/core/optimizers/optimizer_options.h"

namespace sda::trainer {
namespace {

constexpr double kMlperfFloor = 1e-7;

RateOfStep MlperfRate(const ScheduleOptions& schedule, int64_t step) {
  const int64_t warmup = schedule.warmup_steps;
  const int64_t start = schedule.decay_start_step, length = schedule.decay_steps;
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(warmup);
  if (length > 0 && step >= start) {
    const int64_t done = std::min(step - start, length - 1);
    const double left = static_cast<double>(length - done) / static_cast<double>(length);
    return {left * left, kMlperfFloor};
  }
  if (warmup < 2) return 1;
  return static_cast<double>(warmup - 1) / static_cast<double>(warmup);
}

}  // namespace

RateOfStep ScheduleRate(const ScheduleOptions& schedule, int64_t step, int64_t total) {
  if (schedule.decay == Decay::kMlperf) return MlperfRate(schedule, step);
  const double warmup_steps = schedule.warmup_fraction * static_cast<double>(total);
  if (static_cast<double>(step) < warmup_steps) return static_cast<double>(step) / warmup_steps;
  const double constant_steps = warmup_steps + schedule.hold_fraction * static_cast<double>(total);
  const double left = static_cast<double>(total) - constant_steps;
  const double done =
      left > 0 ? std::clamp((static_cast<double>(step) - constant_steps) / left, 0.0, 1.0) : 1.0;
  const double final = schedule.final_factor;
  switch (schedule.decay) {
    case Decay::kLinear:
      return 1 + (final - 1) * done;
    case Decay::kCosine:
      return final + (1 - final) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    case Decay::kPolynomial:
      return final + (1 - final) * std::pow(1 - done, schedule.power);
    case Decay::kNone:
    case Decay::kMlperf:
      break;
  }
  return 1;
}

}  // namespace sda::trainer
