#include <algorithm>
#include <utility>

#include <absl/time/clock.h>

#include "services/optimizer/core/formula.h"
#include "services/optimizer/core/suggester.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"
#include "services/optimizer/server/store_curves.h"

// Suggestions. Those that need no model are made in the transaction that stores them. The Bayesian ones take
// milliseconds and would hold up every other write: they are computed on a snapshot beforehand, and stored if
// the snapshot's place in the sequence is still free and the point still new.
namespace sda::optimizer {
namespace {

using v1::Trial;

constexpr int32_t kMaxSuggestions = 1'000;
// Of each trial; a study holds the curves of all.
constexpr int64_t kMaxReadings = 64;
// A suggestion is of use only once it is stored and on its way.
const absl::Duration kLeastTimeToStore = absl::Milliseconds(50);

Algorithm ToAlgorithm(v1::Experiment::Algorithm algorithm) {
  if (algorithm == v1::Experiment::ALGORITHM_BAYESIAN) return Algorithm::kBayesian;
  if (algorithm == v1::Experiment::ALGORITHM_RANDOM) return Algorithm::kRandom;
  if (algorithm == v1::Experiment::ALGORITHM_GRID) return Algorithm::kGrid;
  if (algorithm == v1::Experiment::ALGORITHM_PARZEN) return Algorithm::kParzen;
  return Algorithm::kSobol;
}

Trial NewTrial(const Assignments& assignments) {
  Trial trial;
  trial.set_state(Trial::STATE_QUEUED);
  FromAssignments(assignments, *trial.mutable_assignments());
  return trial;
}

Trial DefaultTrial(const Assignments& defaults) {
  Trial trial = NewTrial(defaults);
  trial.mutable_explanation()->set_source(v1::Explanation::SOURCE_DEFAULT);
  trial.mutable_explanation()->set_text("every parameter at its default");
  return trial;
}

Trial SuggestedTrial(const Suggestion& suggestion) {
  Trial trial = NewTrial(suggestion.assignments);
  *trial.mutable_explanation() = ToExplanation(suggestion);
  return trial;
}

// What a model learns of readings: where a trial stands that runs or was stopped, from those that went on.
bool HasCurve(const ObservedTrial& trial) {
  using State = ObservedTrial::State;
  return trial.state == State::kPending || trial.state == State::kStopped || trial.state == State::kSucceeded;
}

// Formulas were checked when the experiment was made; one that an older file brings along counts for nothing.
std::vector<PriorMean> PriorMeansOf(const v1::Experiment& experiment) {
  std::vector<PriorMean> means;
  for (const v1::Metric& metric : experiment.metrics()) {
    if (metric.expected().empty()) continue;
    auto formula = Formula::Parse(metric.expected());
    if (!formula.ok()) continue;
    means.push_back({metric.name(), [formula = *std::move(formula)](const Assignments& assignments) {
                       return formula.Evaluate(assignments);
                     }});
  }
  return means;
}

}  // namespace

bool Engine::UsesModel(const v1::Experiment& experiment) {
  const Algorithm algorithm = ToAlgorithm(experiment.algorithm());
  return algorithm == Algorithm::kBayesian || algorithm == Algorithm::kParzen;
}

// The default point opens the search, unless the experiment has it already.
absl::StatusOr<std::optional<Assignments>> Engine::WantedDefault(Transaction& tx,
                                                                 const store::ExperimentRow& experiment,
                                                                 const Space& space) {
  if (!experiment.message.default_first() || experiment.suggestions > 0) return std::nullopt;
  Assignments defaults = Defaults(space);
  SDA_ASSIGN_OR_RETURN(const bool has_it, store::HasPoint(tx, experiment.id, defaults));
  if (has_it) return std::nullopt;
  return defaults;
}

absl::StatusOr<std::optional<store::TrialRow>> Engine::SuggestTrial(Transaction& tx,
                                                                    store::ExperimentRow& experiment) {
  const Space space = ToSpace(experiment.message);
  const std::vector<Metric> metrics = ToMetrics(experiment.message);
  SDA_ASSIGN_OR_RETURN(const auto wanted_default, WantedDefault(tx, experiment, space));
  if (wanted_default) return InsertSuggested(tx, experiment, DefaultTrial(*wanted_default), 0);

  absl::Status looked;
  const SearchState state{.space = space,
                          .metrics = metrics,
                          .trials = {},
                          .seed = static_cast<uint64_t>(experiment.message.seed()),
                          .suggestions = experiment.suggestions,
                          .is_taken = [&](const Assignments& point) {
                            const auto taken = store::HasPoint(tx, experiment.id, point);
                            if (!taken.ok()) looked = taken.status();
                            return taken.ok() && *taken;
                          }};
  const auto suggestion = MakeSuggester(ToAlgorithm(experiment.message.algorithm()))->Suggest(state);
  SDA_RETURN_IF_ERROR(looked);
  if (!suggestion) return std::nullopt;
  return InsertSuggested(tx, experiment, SuggestedTrial(*suggestion), suggestion->suggestions_used);
}

absl::StatusOr<store::TrialRow> Engine::InsertSuggested(Transaction& tx, store::ExperimentRow& experiment,
                                                        v1::Trial message, int64_t suggestions_used) {
  store::TrialRow trial;
  trial.id.experiment_id = experiment.id;
  trial.message = std::move(message);
  FromTime(clock_.Now(), *trial.message.mutable_create_time());
  SDA_RETURN_IF_ERROR(store::InsertTrial(tx, trial));
  experiment.suggestions += suggestions_used;
  SDA_RETURN_IF_ERROR(store::UpdateSuggestions(tx, experiment));
  return trial;
}

absl::Status Engine::Refresh(Transaction& tx, const store::ExperimentRow& experiment, Study& study) {
  const std::string creation = experiment.message.create_time().SerializeAsString();
  if (study.creation != creation) {
    study.creation = creation;
    study.seen_event = 0;
    study.trials.clear();
  }
  SDA_ASSIGN_OR_RETURN(const int64_t newest, store::LastChange(tx, experiment.id));
  if (newest == study.seen_event) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(const auto changed, store::ChangedTrials(tx, experiment.id, study.seen_event));
  for (const store::NumberedTrial& trial : changed) {
    if (static_cast<size_t>(trial.number) > study.trials.size()) study.trials.resize(trial.number);
    ObservedTrial& observed = study.trials[trial.number - 1] = ToObserved(trial.message);
    if (HasCurve(observed) && trial.message.has_last_measurement()) {
      SDA_ASSIGN_OR_RETURN(observed.curves,
                           store::CurvesByMetric(tx, {experiment.id, trial.number}, kMaxReadings));
    }
  }
  study.seen_event = newest;
  return absl::OkStatus();
}

// Work counts in iterations, so that a deadline changes suggestions only where it cuts; what is at hand then
// is suggested, which the explanation says.
absl::Time Engine::SuggestBy(absl::Time answer_by, int32_t count) const {
  const absl::Time now = absl::Now();
  const absl::Duration left = answer_by - now;
  const absl::Duration models = left - std::max(kLeastTimeToStore, left / 4);
  return now + std::min(suggestion_time_, models / count);
}

absl::StatusOr<Engine::Plan> Engine::PlanSuggestions(const std::string& id, Study& study, int32_t count,
                                                     absl::Time answer_by) {
  Plan plan;
  store::ExperimentRow experiment;
  std::optional<Assignments> wanted_default;
  std::vector<Knowledge> knowledge;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(experiment, store::GetExperiment(tx, id));
    SDA_RETURN_IF_ERROR(Refresh(tx, experiment, study));
    SDA_ASSIGN_OR_RETURN(wanted_default, WantedDefault(tx, experiment, ToSpace(experiment.message)));
    SDA_ASSIGN_OR_RETURN(knowledge, KnowledgeOf(tx, experiment.message));
    return absl::OkStatus();
  }));
  plan.suggestions_before = experiment.suggestions;

  const Space space = ToSpace(experiment.message);
  const std::vector<Metric> metrics = ToMetrics(experiment.message);
  const size_t known = study.trials.size();
  SearchState state{.space = space,
                    .metrics = metrics,
                    .trials = std::move(study.trials),
                    .seed = static_cast<uint64_t>(experiment.message.seed()),
                    .suggestions = experiment.suggestions,
                    .knowledge = std::move(knowledge),
                    .prior_means = PriorMeansOf(experiment.message)};
  const Suggester& suggester =
      ToAlgorithm(experiment.message.algorithm()) == Algorithm::kParzen ? *parzen_ : *bayesian_;
  const auto add = [&](Trial trial, const Assignments& point, int64_t used) {
    const bool is_new = std::none_of(state.trials.begin(), state.trials.end(),
                                     [&](const ObservedTrial& other) { return other.assignments == point; });
    plan.proposals.push_back({std::move(trial), used, is_new});
    state.trials.push_back({.state = ObservedTrial::State::kPending, .assignments = point});
    state.suggestions += used;
  };
  if (wanted_default) add(DefaultTrial(*wanted_default), *wanted_default, 0);
  while (static_cast<int32_t>(plan.proposals.size()) < count) {
    state.deadline = SuggestBy(answer_by, count - static_cast<int32_t>(plan.proposals.size()));
    const auto suggestion = suggester.Suggest(state);
    if (!suggestion) break;
    add(SuggestedTrial(*suggestion), suggestion->assignments, suggestion->suggestions_used);
  }
  state.trials.resize(known);
  study.trials = std::move(state.trials);
  return plan;
}

absl::StatusOr<std::optional<store::TrialRow>> Engine::TakeProposal(Transaction& tx,
                                                                    store::ExperimentRow& experiment,
                                                                    const Plan& plan, size_t index) {
  const Proposal& proposal = plan.proposals[index];
  int64_t before = plan.suggestions_before;
  for (size_t i = 0; i < index; ++i) before += plan.proposals[i].suggestions_used;
  if (experiment.suggestions != before) return std::nullopt;
  if (proposal.is_new) {
    SDA_ASSIGN_OR_RETURN(const bool taken,
                         store::HasPoint(tx, experiment.id, ToAssignments(proposal.trial.assignments())));
    if (taken) return std::nullopt;
  }
  return InsertSuggested(tx, experiment, proposal.trial, proposal.suggestions_used);
}

absl::StatusOr<v1::SuggestTrialsResponse> Engine::SuggestTrials(const v1::SuggestTrialsRequest& request,
                                                                absl::Time answer_by) {
  SDA_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("parent", request.parent()));
  if (request.count() < 1 || request.count() > kMaxSuggestions) {
    return InvalidField("count",
                        absl::StrCat("is ", request.count(), "; must be in [1, ", kMaxSuggestions, "]"));
  }
  // How many there is room for, and whether a model is asked.
  int32_t room = 0;
  bool uses_model = false;
  bool repeated = false;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(const auto kept, sql::FindReply(tx, KeyOf("SuggestTrials", request)));
    repeated = kept.has_value();
    if (repeated) return absl::OkStatus();
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
    SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
    const ExperimentLimits limits = ToLimits(experiment.message);
    room = static_cast<int32_t>(
        std::clamp<int64_t>(std::min(limits.observation_budget - counts.counted() - counts.open(),
                                     limits.parallel_bandwidth - counts.open()),
                            0, request.count()));
    uses_model = UsesModel(experiment.message);
    return absl::OkStatus();
  }));
  if (!uses_model || repeated) return StoreSuggestions(request, id, nullptr);
  const std::shared_ptr<Study> study = studies_.Of(id);
  const std::lock_guard lane(study->lane);
  SDA_ASSIGN_OR_RETURN(const Plan plan, PlanSuggestions(id, *study, room, answer_by));
  return StoreSuggestions(request, id, &plan);
}

absl::StatusOr<v1::SuggestTrialsResponse> Engine::StoreSuggestions(const v1::SuggestTrialsRequest& request,
                                                                   const std::string& id, const Plan* plan) {
  return Once<v1::SuggestTrialsResponse>(
      "SuggestTrials", request, request.parent(),
      [&](Transaction& tx) -> absl::StatusOr<v1::SuggestTrialsResponse> {
        SDA_ASSIGN_OR_RETURN(store::ExperimentRow experiment, store::GetExperiment(tx, id));
        if (experiment.message.state() != v1::Experiment::STATE_ACTIVE)
          return error::WrongState(request.parent(), "is not active");
        const auto count = plan == nullptr ? static_cast<size_t>(request.count()) : plan->proposals.size();
        v1::SuggestTrialsResponse response;
        for (size_t i = 0; i < count; ++i) {
          SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
          const ExperimentLimits limits = ToLimits(experiment.message);
          if (!MayCreateTrial(counts, limits) || counts.open() >= limits.parallel_bandwidth) break;
          std::optional<store::TrialRow> trial;
          if (plan == nullptr) {
            SDA_ASSIGN_OR_RETURN(trial, SuggestTrial(tx, experiment));
          } else {
            SDA_ASSIGN_OR_RETURN(trial, TakeProposal(tx, experiment, *plan, i));
          }
          if (!trial) break;
          *response.add_trials() = trial->message;
        }
        return response;
      });
}

}  // namespace sda::optimizer
