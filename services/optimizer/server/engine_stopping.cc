#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_format.h>

#include "common/base/status_macros.h"
#include "services/optimizer/core/stopping_step.h"
#include "services/optimizer/core/threshold_rule.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine.h"
#include "services/optimizer/server/store_curves.h"

// Early stopping: against the other trials, and by extrapolation of a trial's own curves.
namespace sda::optimizer {
namespace {

// A curve of more readings is thinned: the fit gains nothing from every single one.
constexpr int64_t kMaxReadings = 2'000;
// Trials that one is compared with, the newest: what a report reads is bounded, and the median of so many
// says what that of all would.
constexpr int64_t kMaxOthers = 1'000;

ThresholdRule ToThresholdRule(const v1::ThresholdRule& message) {
  ThresholdRule rule{.max_steps = message.max_steps(), .min_steps = message.min_steps()};
  if (message.min_readings() > 0) rule.min_readings = message.min_readings();
  if (message.probability() > 0) rule.probability = message.probability();
  return rule;
}

}  // namespace

absl::StatusOr<bool> Engine::StopsEarly(Transaction& tx, const store::TrialRow& trial,
                                        const v1::Experiment& experiment) {
  const std::optional<Metric> metric = store::ComparedMetric(experiment);
  if (!metric || !trial.message.last_measurement().metrics().contains(metric->name)) return false;
  const StoppingRule rule = ToStoppingRule(experiment.early_stopping());
  SDA_ASSIGN_OR_RETURN(const auto own, store::LastPoints(tx, trial.id));
  if (own.empty()) return false;
  const auto step = StepToCompare(rule, own.size() > 1 ? own[1].step : 0, own[0].step);
  if (!step) return false;
  SDA_ASSIGN_OR_RETURN(const auto points, store::OthersAt(tx, trial.id, *step, kMaxOthers));
  // Curves of a point or two that the rule cannot tell from the whole ones.
  Curve current;
  if (own.size() > 1) current = {{own[1].step}, {own[1].best}};
  current.steps.push_back(own[0].step);
  current.values.push_back(trial.message.last_measurement().metrics().at(metric->name));
  std::vector<Curve> others;
  const bool by_mean = std::holds_alternative<MedianRule>(rule);
  for (const store::CurvePoint& point : points) {
    if (by_mean && point.step > *step) continue;  // no reading up to there to take the mean of
    others.push_back({{*step}, {by_mean ? point.mean : point.best}});
  }
  return ShouldStop(rule, metric->maximize, current, others);
}

absl::Status Engine::ApplyThresholdRule(Transaction& tx, store::TrialRow& trial,
                                        const v1::Experiment& experiment) {
  if (!experiment.early_stopping().has_threshold() || !trial.stop_reason.empty()) return absl::OkStatus();
  const ThresholdRule rule = ToThresholdRule(experiment.early_stopping().threshold());
  if (trial.message.last_measurement().step() < rule.min_steps) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const auto curves, store::CurvesByMetric(tx, trial.id, kMaxReadings));
  SDA_ASSIGN_OR_RETURN(const auto front, store::FrontValues(tx, trial.id.experiment_id, experiment));
  const Outlook outlook = LookAhead(rule, ToMetrics(experiment), curves, front);
  if (!outlook.stop) return absl::OkStatus();
  trial.stop_reason = outlook.thresholds ? "THRESHOLD_OUT_OF_REACH" : "FRONT_OUT_OF_REACH";
  trial.message.set_stop_message(
      absl::StrFormat("at step %d, extrapolated to step %d: probability to meet the thresholds %.3f, to "
                      "improve the front too "
                      "%.3f; stops below %.3f",
                      trial.message.last_measurement().step(), rule.max_steps, outlook.meets,
                      outlook.improves, rule.probability));
  return absl::OkStatus();
}

}  // namespace sda::optimizer
