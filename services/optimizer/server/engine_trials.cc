#include <algorithm>
#include <map>
#include <utility>

#include <absl/strings/numbers.h>

#include "services/optimizer/core/best_trials.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"

// Trials: listed, the best of them; and the watch over all.
namespace sda::optimizer {
namespace {

using v1::Trial;

// A watcher that missed a wake-up looks again after this.
constexpr absl::Duration kWatchInterval = absl::Seconds(5);

absl::StatusOr<int64_t> ParsePageToken(const std::string& token) {
  int64_t value = 0;
  if (!token.empty() && (!absl::SimpleAtoi(token, &value) || value < 0)) {
    return InvalidField("page_token", absl::StrCat("is \"", token.substr(0, 100),
                                                   "\"; must be the next_page_token of the page before"));
  }
  return value;
}

}  // namespace

absl::StatusOr<v1::GetTrialResponse> Engine::GetTrial(const v1::GetTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("name", request.name()));
  v1::GetTrialResponse response;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(const store::TrialRow row, store::GetTrial(tx, id));
    *response.mutable_trial() = row.message;
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListTrialsResponse> Engine::ListTrials(const v1::ListTrialsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("parent", request.parent()));
  SDA_ASSIGN_OR_RETURN(const int32_t size, PageSize(request.page_size()));
  SDA_ASSIGN_OR_RETURN(const bool descending,
                       IsDescending(request.order_by(), "number", /*by_default=*/false));
  SDA_ASSIGN_OR_RETURN(const int64_t token, ParsePageToken(request.page_token()));
  const int64_t after = descending && request.page_token().empty() ? INT64_MAX : token;
  store::TrialFilter filter{.states = {}, .after = after, .limit = size + 1, .descending = descending};
  SDA_RETURN_IF_ERROR(CheckStates(request.states(), Trial::State_IsValid));
  for (int state : request.states()) filter.states.push_back(static_cast<TrialState>(state));
  v1::ListTrialsResponse response;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_RETURN_IF_ERROR(store::GetExperiment(tx, id).status());
    SDA_ASSIGN_OR_RETURN(const auto rows, store::ListTrials(tx, id, filter));
    for (const store::TrialRow& row : rows) {
      if (response.trials_size() == size) {
        const auto last = ParseTrialName("name", response.trials(size - 1).name());
        response.set_next_page_token(absl::StrCat(last->number));
        break;
      }
      *response.add_trials() = row.message;
    }
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListMeasurementsResponse> Engine::ListMeasurements(
    const v1::ListMeasurementsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("parent", request.parent()));
  SDA_ASSIGN_OR_RETURN(const int32_t size, PageSize(request.page_size()));
  SDA_ASSIGN_OR_RETURN(const int64_t after, ParsePageToken(request.page_token()));
  v1::ListMeasurementsResponse response;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_RETURN_IF_ERROR(store::GetTrial(tx, id).status());
    SDA_ASSIGN_OR_RETURN(const auto measurements, store::ListMeasurements(tx, id, after, size + 1));
    for (const v1::Measurement& measurement : measurements) {
      if (response.measurements_size() == size) {
        response.set_next_page_token(absl::StrCat(after + size));  // positions count from 1 without gaps
        break;
      }
      *response.add_measurements() = measurement;
    }
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::CancelTrialResponse> Engine::CancelTrial(const v1::CancelTrialRequest& request) {
  SDA_ASSIGN_OR_RETURN(const TrialId id, ParseTrialName("name", request.name()));
  return Once<v1::CancelTrialResponse>(
      "CancelTrial", request, ExperimentName(id.experiment_id),
      [&](Transaction& tx) -> absl::StatusOr<v1::CancelTrialResponse> {
        SDA_ASSIGN_OR_RETURN(store::TrialRow trial, store::GetTrial(tx, id));
        if (!IsFinal(trial.state())) {
          auto& why = *trial.message.mutable_error();
          why.set_code(static_cast<int>(absl::StatusCode::kCancelled));
          why.set_reason("REQUESTED");
          why.set_message("withdrawn by a user");
          SDA_RETURN_IF_ERROR(FinishTrial(tx, trial, TrialState::kCancelled));
        }
        v1::CancelTrialResponse response;
        *response.mutable_trial() = trial.message;
        return response;
      });
}

absl::StatusOr<v1::ListBestTrialsResponse> Engine::ListBestTrials(const v1::ListBestTrialsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("parent", request.parent()));
  v1::ListBestTrialsResponse response;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
    SDA_ASSIGN_OR_RETURN(const auto rows, store::ListTrials(tx, id, {.states = {TrialState::kSucceeded}}));
    std::vector<MetricValues> values;
    for (const store::TrialRow& row : rows) values.push_back(ToMetricValues(row.message.metrics()));
    const BestTrials best = FindBestTrials(ToMetrics(experiment.message), values);
    for (size_t i : best.pareto) *response.add_pareto() = rows[i].message;
    for (const auto& [metric, i] : best.best_by_metric) {
      auto& out = *response.add_best_by_metric();
      out.set_metric(metric);
      *out.mutable_trial() = rows[i].message;
    }
    if (best.recommended) *response.mutable_recommended() = rows[*best.recommended].message;
    response.set_thresholds_met(best.thresholds_met);
    return absl::OkStatus();
  }));
  return response;
}

absl::Status Engine::WatchExperiment(const v1::WatchExperimentRequest& request,
                                     const std::function<bool(v1::WatchExperimentResponse)>& send,
                                     std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  int64_t seen = 0;
  if (!request.resume_token().empty() && (!absl::SimpleAtoi(request.resume_token(), &seen) || seen < 0)) {
    return InvalidField("resume_token", absl::StrCat("is \"", request.resume_token().substr(0, 100),
                                                     "\"; must be the resume_token of an event"));
  }
  ChangeHub::Waiter waiter(hub_, {id}, ChangeHub::Kind::kWatch);
  while (!stop.stop_requested()) {
    waiter.Reset();
    std::vector<v1::WatchExperimentResponse> events;
    bool over = false;
    SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
      events.clear();
      SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
      SDA_ASSIGN_OR_RETURN(const store::Changes changes, store::ChangesAfter(tx, id, seen));
      for (int64_t number : changes.trials) {
        auto& event = events.emplace_back();
        if (number == 0) {
          *event.mutable_experiment() = experiment.message;
          SDA_RETURN_IF_ERROR(FillCounts(tx, id, *event.mutable_experiment()));
        } else {
          SDA_ASSIGN_OR_RETURN(const store::TrialRow trial, store::GetTrial(tx, {id, number}));
          *event.mutable_trial() = trial.message;
        }
        // A token stands for everything up to it, so only the last event of a snapshot may carry the newest.
        event.set_resume_token(absl::StrCat(number == changes.trials.back() ? changes.last_event : seen));
      }
      SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
      over = HasEnded(experiment.message) && counts.open() == 0;
      seen = changes.last_event;
      return absl::OkStatus();
    }));
    for (auto& event : events) {
      if (!send(std::move(event))) return absl::CancelledError("nobody watches any more");
    }
    if (over) return absl::OkStatus();
    waiter.Await(kWatchInterval, stop);
  }
  return absl::CancelledError("the watch was ended");
}

}  // namespace sda::optimizer
