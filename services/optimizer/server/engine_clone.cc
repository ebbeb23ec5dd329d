#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <google/protobuf/descriptor.h>

#include "common/base/ids.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"
#include "services/optimizer/server/trial_rules.h"

// Experiments out of other experiments: clones, and what earlier ones know.
namespace sda::optimizer {
namespace {

using v1::Experiment;

constexpr std::array<std::string_view, 9> kOutputOnly = {"name",        "state",         "state_reason",
                                                         "archived",    "trial_counts",  "create_time",
                                                         "update_time", "complete_time", "etag"};
constexpr int kMaxPriorExperiments = 10;
// Trials of each earlier experiment among which a suggestion chooses: the first.
constexpr int64_t kMaxKnowledgeRead = 2'000;

// Replaces the masked fields, whole ones.
absl::Status ReplaceFields(const v1::CloneExperimentRequest& request, Experiment& clone) {
  const auto& descriptor = *Experiment::descriptor();
  for (const std::string& path : request.update_mask().paths()) {
    const auto* field = descriptor.FindFieldByName(path);
    const bool given = field != nullptr && std::none_of(kOutputOnly.begin(), kOutputOnly.end(),
                                                        [&](std::string_view name) { return name == path; });
    if (!given) {
      return InvalidField("update_mask",
                          absl::StrCat("names \"", path.substr(0, 100),
                                       "\"; may name fields of Experiment that are not output only"));
    }
    // Through a message that holds this field alone: what is unset there becomes unset here.
    clone.GetReflection()->ClearField(&clone, field);
    Experiment only = request.experiment();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      if (descriptor.field(i) != field) only.GetReflection()->ClearField(&only, descriptor.field(i));
    }
    clone.MergeFrom(only);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::CloneExperimentResponse> Engine::CloneExperiment(
    const v1::CloneExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string source_id, ParseExperimentName("name", request.name()));
  if (!request.experiment_id().empty() && !IsResourceId(request.experiment_id())) {
    return InvalidField("experiment_id",
                        absl::StrCat("is \"", request.experiment_id().substr(0, 100),
                                     "\"; must be 1 to 63 characters of [a-z0-9-], beginning with a letter"));
  }
  const std::string id =
      request.experiment_id().empty() ? "e" + NewUlid(clock_.Now()) : request.experiment_id();
  return Once<v1::CloneExperimentResponse>(
      "CloneExperiment", request, ExperimentName(id),
      [&](Transaction& tx) -> absl::StatusOr<v1::CloneExperimentResponse> {
        SDA_ASSIGN_OR_RETURN(const store::ExperimentRow source, store::GetExperiment(tx, source_id));
        store::ExperimentRow row;
        row.id = id;
        row.message = source.message;
        if (row.message.display_name() == source_id) row.message.clear_display_name();
        SDA_RETURN_IF_ERROR(ReplaceFields(request, row.message));
        PrepareNewExperiment(row.message);
        SDA_RETURN_IF_ERROR(CheckNewExperiment(row.message));
        SDA_RETURN_IF_ERROR(CheckPriorExperiments(tx, row.message));
        row.message.set_name(ExperimentName(id));
        if (row.message.display_name().empty()) row.message.set_display_name(id);
        FromTime(clock_.Now(), *row.message.mutable_create_time());
        *row.message.mutable_update_time() = row.message.create_time();
        row.message.set_etag("1");
        SDA_RETURN_IF_ERROR(store::InsertExperiment(tx, row));
        if (request.copy_trials()) SDA_RETURN_IF_ERROR(CopyTrials(tx, source_id, row));
        v1::CloneExperimentResponse response;
        *response.mutable_experiment() = row.message;
        SDA_RETURN_IF_ERROR(FillCounts(tx, id, *response.mutable_experiment()));
        return response;
      });
}

absl::Status Engine::CopyTrials(Transaction& tx, const std::string& source_id, store::ExperimentRow& clone) {
  const Space space = ToSpace(clone.message);
  const std::vector<Metric> metrics = ToMetrics(clone.message);
  SDA_ASSIGN_OR_RETURN(
      const auto trials,
      store::ListTrials(tx, source_id,
                        {.states = {TrialState::kSucceeded, TrialState::kStopped, TrialState::kInfeasible}}));
  if (static_cast<int64_t>(trials.size()) > clone.message.observation_budget()) {
    return InvalidField("experiment.observation_budget",
                        absl::StrCat("is ", clone.message.observation_budget(), "; must be at least the ",
                                     trials.size(), " trials that are copied"));
  }
  std::vector<FieldViolation> violations;
  for (const store::TrialRow& trial : trials) {
    const std::string path = absl::StrCat("trials[", trial.id.number, "]");
    const auto found =
        CheckAssignments(space, ToAssignments(trial.message.assignments()), path + ".assignments");
    violations.insert(violations.end(), found.begin(), found.end());
    CheckGivenMetrics(metrics, trial.message.metrics(), path + ".metrics", violations);
    if (trial.state() != TrialState::kSucceeded) continue;
    if (const auto missing = MissingMetric(metrics, ToMetricValues(trial.message.metrics())))
      violations.push_back({absl::StrCat(path, ".metrics[", *missing, "]"), "is missing in the source"});
  }
  if (!violations.empty()) return InvalidFields(violations);
  for (const store::TrialRow& trial : trials) {
    store::TrialRow copy;
    copy.id.experiment_id = clone.id;
    copy.message = trial.message;
    copy.stop_reason = trial.stop_reason;
    copy.message.clear_last_measurement();
    SDA_RETURN_IF_ERROR(store::InsertTrial(tx, copy));
  }
  return SettleExperiment(tx, clone);
}

absl::Status Engine::CheckPriorExperiments(Transaction& tx, const Experiment& experiment) {
  if (experiment.prior_experiments_size() > kMaxPriorExperiments) {
    return InvalidField("experiment.prior_experiments",
                        absl::StrCat("has ", experiment.prior_experiments_size(),
                                     " entries; must have at most ", kMaxPriorExperiments));
  }
  for (int i = 0; i < experiment.prior_experiments_size(); ++i) {
    const std::string path = absl::StrCat("experiment.prior_experiments[", i, "]");
    const std::string& name = experiment.prior_experiments(i);
    SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName(path, name));
    const auto& all = experiment.prior_experiments();
    if (std::find(all.begin(), all.begin() + i, name) != all.begin() + i)
      return InvalidField(path, absl::StrCat("is \"", name, "\"; must be distinct"));
    const auto found = store::GetExperiment(tx, id);
    if (absl::IsNotFound(found.status()))
      return InvalidField(path, absl::StrCat("is \"", name, "\", which does not exist"));
    SDA_RETURN_IF_ERROR(found.status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Knowledge>> Engine::KnowledgeOf(Transaction& tx, const Experiment& experiment) {
  std::vector<Knowledge> knowledge;
  for (const std::string& name : experiment.prior_experiments()) {
    SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("prior_experiments", name));
    const auto found = store::GetExperiment(tx, id);
    if (absl::IsNotFound(found.status())) continue;  // deleted since
    SDA_RETURN_IF_ERROR(found.status());
    SDA_ASSIGN_OR_RETURN(
        const auto rows,
        store::ListTrials(tx, id, {.states = {TrialState::kSucceeded}, .limit = kMaxKnowledgeRead}));
    Knowledge& earlier = knowledge.emplace_back();
    earlier.experiment = name;
    for (const store::TrialRow& row : rows) earlier.trials.push_back(ToObserved(row.message));
  }
  return knowledge;
}

}  // namespace sda::optimizer
