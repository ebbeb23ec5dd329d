#include <map>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_format.h>

#include "common/base/status_macros.h"
#include "services/optimizer/core/threshold_rule.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine.h"

// Early stopping by extrapolation of a trial's own curves.
namespace sda::optimizer {
namespace {

constexpr int64_t kPage = 10'000;
// A curve of more readings is thinned: the fit gains nothing from every single one.
constexpr size_t kMaxReadings = 2'000;

// Keeps the last reading and, before it, every so-and-so-many-th.
void Thin(Curve& curve) {
  const size_t stride = (curve.steps.size() + kMaxReadings - 1) / kMaxReadings;
  if (stride < 2) return;
  Curve thinned;
  for (size_t i = (curve.steps.size() - 1) % stride; i < curve.steps.size(); i += stride) {
    thinned.steps.push_back(curve.steps[i]);
    thinned.values.push_back(curve.values[i]);
  }
  curve = std::move(thinned);
}

ThresholdRule ToThresholdRule(const v1::ThresholdRule& message) {
  ThresholdRule rule{.max_steps = message.max_steps(), .min_steps = message.min_steps()};
  if (message.min_readings() > 0) rule.min_readings = message.min_readings();
  if (message.probability() > 0) rule.probability = message.probability();
  return rule;
}

}  // namespace

absl::Status Engine::ApplyThresholdRule(Transaction& tx, store::TrialRow& trial,
                                        const v1::Experiment& experiment) {
  if (!experiment.early_stopping().has_threshold() || !trial.stop_reason.empty()) return absl::OkStatus();
  const ThresholdRule rule = ToThresholdRule(experiment.early_stopping().threshold());
  if (trial.message.last_measurement().step() < rule.min_steps) return absl::OkStatus();
  std::map<std::string, Curve> curves;
  for (int64_t after = 0;; after += kPage) {
    SDA_ASSIGN_OR_RETURN(const auto measurements, store::ListMeasurements(tx, trial.id, after, kPage));
    for (const v1::Measurement& measurement : measurements) {
      if (measurement.superseded()) continue;
      for (const auto& [name, value] : measurement.metrics()) {
        curves[name].steps.push_back(measurement.step());
        curves[name].values.push_back(value);
      }
    }
    if (static_cast<int64_t>(measurements.size()) < kPage) break;
  }
  for (auto& [name, curve] : curves) Thin(curve);
  SDA_ASSIGN_OR_RETURN(const auto rows,
                       store::ListTrials(tx, trial.id.experiment_id, {.states = {TrialState::kSucceeded}}));
  std::vector<MetricValues> succeeded;
  for (const store::TrialRow& row : rows) succeeded.push_back(ToMetricValues(row.message.metrics()));
  const Outlook outlook = LookAhead(rule, ToMetrics(experiment), curves, succeeded);
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
