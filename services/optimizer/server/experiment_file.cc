#include "services/optimizer/server/experiment_file.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "services/optimizer/core/metric.h"
#include "services/optimizer/core/space.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/experiment_rules.h"
#include "services/optimizer/server/trial_rules.h"

namespace sda::optimizer {
namespace {

using v1::Experiment;
using v1::ExperimentRecord;
using v1::Trial;

// Positions of a sequence; each trial uses a few.
constexpr int64_t kMaxSuggestions = int64_t{1} << 31;
constexpr int kMaxPriorExperiments = 10;
// A trial holds bounded texts; nothing the server wrote comes near this.
constexpr size_t kMaxTrialBytes = 4 << 20;

// Takes records in one by one.
class Reader {
 public:
  explicit Reader(std::string experiment_id) : id_(std::move(experiment_id)) {}

  absl::Status Take(size_t index, const ExperimentRecord& record) {
    path_ = absl::StrCat("records[", index, "]");
    if (index == 0 && !record.has_header())
      return InvalidField(path_, "is no header; the first record of an export is");
    if (index == 1 && !record.has_experiment())
      return InvalidField(path_, "is no experiment; the second record of an export is");
    if (whole_) return InvalidField(path_, "comes after the footer");
    switch (record.record_case()) {
      case ExperimentRecord::kHeader:
        return TakeHeader(index, record.header());
      case ExperimentRecord::kExperiment:
        return TakeExperiment(index, record.experiment());
      case ExperimentRecord::kTrial:
        return TakeTrial(record.trial());
      case ExperimentRecord::kMeasurement:
        return TakeMeasurement(record.measurement());
      case ExperimentRecord::kFooter:
        return TakeFooter(record.footer());
      case ExperimentRecord::RECORD_NOT_SET:
        return InvalidField(path_,
                            "is empty; must hold one of header, experiment, trial, measurement, footer");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ExperimentFile> Finish() && {
    if (!whole_) return InvalidField("records", "end without a footer; the file is not whole");
    const TrialCounts counts = Count();
    if (counts.counted() + counts.open() > file_.experiment.message.observation_budget()) {
      return InvalidField(
          "records[1].experiment.experiment.observation_budget",
          absl::StrCat("is ", file_.experiment.message.observation_budget(), "; must be at least the ",
                       counts.counted() + counts.open(), " trials that count or may count against it"));
    }
    return std::move(file_);
  }

 private:
  absl::Status TakeHeader(size_t index, const v1::ExportHeader& header) {
    if (index != 0) return InvalidField(path_, "is a second header");
    if (header.format_version() < 1 || header.format_version() > kExperimentFileVersion) {
      return InvalidField(
          path_ + ".header.format_version",
          absl::StrCat("is ", header.format_version(), "; this server reads 1 to ", kExperimentFileVersion));
    }
    return absl::OkStatus();
  }

  absl::Status TakeExperiment(size_t index, const v1::ExperimentDefinition& definition) {
    if (index != 1) return InvalidField(path_, "is a second experiment");
    path_ += ".experiment";
    Experiment experiment = definition.experiment();
    const Experiment given = experiment;
    if (definition.suggestions_count() < 0 || definition.suggestions_count() > kMaxSuggestions)
      return InvalidField(
          path_ + ".suggestions_count",
          absl::StrCat("is ", definition.suggestions_count(), "; must be in [0, ", kMaxSuggestions, "]"));
    if (given.prior_experiments_size() > kMaxPriorExperiments)
      return InvalidField(path_ + ".experiment.prior_experiments",
                          absl::StrCat("has ", given.prior_experiments_size(), " entries; must have at most ",
                                       kMaxPriorExperiments));
    for (int i = 0; i < given.prior_experiments_size(); ++i) {
      SDA_RETURN_IF_ERROR(ParseExperimentName(absl::StrCat(path_, ".experiment.prior_experiments[", i, "]"),
                                              given.prior_experiments(i))
                              .status());
    }
    if (!definition.work_type_url().empty()) {
      experiment.mutable_work()->set_type_url(definition.work_type_url());
      experiment.mutable_work()->set_value(definition.work());
    } else {
      experiment.clear_work();
    }
    if (id_.empty()) {
      SDA_ASSIGN_OR_RETURN(id_, ParseExperimentName(path_ + ".experiment.name", given.name()));
    }
    PrepareNewExperiment(experiment);
    SDA_RETURN_IF_ERROR(Within(CheckNewExperiment(experiment)));
    experiment.set_name(ExperimentName(id_));
    experiment.set_state(given.state());
    if (given.state() < Experiment::STATE_ACTIVE || given.state() > Experiment::STATE_STOPPED)
      return InvalidField(path_ + ".experiment.state", "is none of ACTIVE, PAUSED, COMPLETED, STOPPED");
    if (HasEnded(given)) {
      experiment.set_state_reason(given.state_reason().substr(0, 63));
      experiment.set_archived(given.archived());
      *experiment.mutable_complete_time() = given.complete_time();
    } else {
      // Nobody is to begin work only because a file was read.
      experiment.set_state(Experiment::STATE_PAUSED);
    }
    *experiment.mutable_create_time() = given.create_time();
    *experiment.mutable_update_time() = given.update_time();
    if (experiment.display_name().empty()) experiment.set_display_name(id_);
    experiment.set_etag("1");
    file_.experiment = {.id = id_, .message = experiment, .suggestions = definition.suggestions_count()};
    space_ = ToSpace(experiment);
    metrics_ = ToMetrics(experiment);
    return absl::OkStatus();
  }

  absl::Status TakeTrial(const v1::TrialRecord& record) {
    path_ += ".trial";
    if (record.ByteSizeLong() > kMaxTrialBytes)
      return InvalidField(
          path_, absl::StrCat("has ", record.ByteSizeLong(), " bytes; must have at most ", kMaxTrialBytes));
    ExperimentFile::Entry entry;
    Trial& trial = entry.row.message;
    trial = record.trial();
    const auto number = static_cast<int64_t>(file_.trials.size()) + 1;
    const size_t slash = trial.name().rfind('/');
    if (slash == std::string::npos || trial.name().substr(slash + 1) != absl::StrCat(number))
      return InvalidField(path_ + ".trial.name",
                          absl::StrCat("is \"", trial.name().substr(0, 200), "\"; must end with /", number,
                                       ": trials come in the order of their numbers"));
    if (trial.state() < Trial::STATE_QUEUED || trial.state() > Trial::STATE_CANCELLED)
      return InvalidField(path_ + ".trial.state", "is no state of a trial");
    if (record.counted_attempts() < 0 || trial.attempt() < record.counted_attempts())
      return InvalidField(path_ + ".counted_attempts",
                          absl::StrCat("is ", record.counted_attempts(), "; must be in [0, attempt]"));
    std::vector<FieldViolation> violations;
    CheckTrialMetadata(trial.metadata(), path_ + ".trial.metadata", violations);
    CheckAssignmentValues(trial.assignments(), path_ + ".trial.assignments", violations);
    if (!violations.empty()) return InvalidFields(violations);
    violations = CheckAssignments(space_, ToAssignments(trial.assignments()), path_ + ".trial.assignments");
    CheckGivenMetrics(metrics_, trial.metrics(), path_ + ".trial.metrics", violations);
    if (trial.state() == Trial::STATE_SUCCEEDED) {
      if (const auto missing = MissingMetric(metrics_, ToMetricValues(trial.metrics())))
        violations.push_back({absl::StrCat(path_, ".trial.metrics[", *missing, "]"), "is missing"});
    }
    if (!violations.empty()) return InvalidFields(violations);
    trial.clear_work();
    trial.clear_worker();
    Settle(trial);
    entry.row.id = {file_.experiment.id, number};
    entry.row.counted_attempts = record.counted_attempts();
    entry.row.stop_reason = trial.stop_reason().substr(0, 63);
    trial.set_name(TrialName(file_.experiment.id, number));
    file_.trials.push_back(std::move(entry));
    return absl::OkStatus();
  }

  // A lease does not travel; and an experiment that has ended has no open trials.
  void Settle(Trial& trial) const {
    if (trial.state() == Trial::STATE_ACTIVE) trial.set_state(Trial::STATE_QUEUED);
    if (trial.state() != Trial::STATE_QUEUED || !HasEnded(file_.experiment.message)) return;
    trial.set_state(Trial::STATE_CANCELLED);
    auto& why = *trial.mutable_error();
    why.set_code(static_cast<int>(absl::StatusCode::kCancelled));
    why.set_reason("EXPERIMENT_STOPPED");
    why.set_message("the experiment had ended when it was exported");
  }

  absl::Status TakeMeasurement(const v1::Measurement& measurement) {
    path_ += ".measurement";
    if (file_.trials.empty()) return InvalidField(path_, "comes before any trial");
    if (measurement.step() < 0)
      return InvalidField(path_ + ".step", absl::StrCat("is ", measurement.step(), "; must be at least 0"));
    const std::vector<std::pair<std::string, double>> values(measurement.metrics().begin(),
                                                             measurement.metrics().end());
    SDA_RETURN_IF_ERROR(CheckMetricNames(file_.experiment.message, values, path_ + ".metrics"));
    file_.trials.back().measurements.push_back(measurement);
    ++measurements_;
    return absl::OkStatus();
  }

  absl::Status TakeFooter(const v1::ExportFooter& footer) {
    whole_ = true;
    if (footer.trial_count() == static_cast<int64_t>(file_.trials.size()) &&
        footer.measurement_count() == measurements_)
      return absl::OkStatus();
    return InvalidField(
        path_ + ".footer",
        absl::StrCat("counts ", footer.trial_count(), " trials and ", footer.measurement_count(),
                     " measurements; the file has ", file_.trials.size(), " and ", measurements_));
  }

  TrialCounts Count() const {
    TrialCounts counts;
    for (const auto& entry : file_.trials) {
      const TrialState state = entry.row.state();
      if (state == TrialState::kQueued) ++counts.queued;
      if (UsesBudget(state)) ++counts.succeeded;
    }
    return counts;
  }

  // Paths of the definition's rules begin with "experiment."; here they are those of the record.
  absl::Status Within(const absl::Status& status) const {
    const auto detail = GetErrorDetail(status);
    if (!detail) return status;
    std::vector<FieldViolation> violations = detail->violations;
    for (FieldViolation& violation : violations) violation.field = absl::StrCat(path_, ".", violation.field);
    return InvalidFields(violations);
  }

  std::string id_, path_;
  ExperimentFile file_;
  Space space_;
  std::vector<Metric> metrics_;
  int64_t measurements_ = 0;
  bool whole_ = false;
};

}  // namespace

ExperimentRecord HeaderRecord(absl::Time now) {
  ExperimentRecord record;
  record.mutable_header()->set_format_version(kExperimentFileVersion);
  record.mutable_header()->set_server_version(std::string(Version()));
  FromTime(now, *record.mutable_header()->mutable_export_time());
  return record;
}

ExperimentRecord DefinitionRecord(const store::ExperimentRow& row) {
  ExperimentRecord record;
  auto& definition = *record.mutable_experiment();
  *definition.mutable_experiment() = row.message;
  definition.set_work_type_url(row.message.work().type_url());
  definition.set_work(row.message.work().value());
  definition.set_suggestions_count(row.suggestions);
  definition.mutable_experiment()->clear_work();
  definition.mutable_experiment()->clear_trial_counts();
  definition.mutable_experiment()->clear_etag();
  return record;
}

ExperimentRecord TrialRecordOf(const store::TrialRow& row) {
  ExperimentRecord record;
  *record.mutable_trial()->mutable_trial() = row.message;
  record.mutable_trial()->set_counted_attempts(row.counted_attempts);
  return record;
}

absl::StatusOr<ExperimentFile> ReadRecords(const std::vector<v1::ImportExperimentRequest>& requests,
                                           const std::string& experiment_id) {
  Reader reader(experiment_id);
  for (size_t i = 0; i < requests.size(); ++i) SDA_RETURN_IF_ERROR(reader.Take(i, requests[i].record()));
  return std::move(reader).Finish();
}

}  // namespace sda::optimizer
