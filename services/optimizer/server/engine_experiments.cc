#include <algorithm>
#include <utility>

#include <absl/strings/numbers.h>

#include "common/base/ids.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"

// Experiments: create, read, change, end.
namespace sda::optimizer {
namespace {

using v1::Experiment;

// Labels that a list is filtered by: each is a join, of which SQLite takes at most 63.
constexpr int kMaxLabelsAsked = 16;

absl::StatusOr<int64_t> ParsePageToken(const std::string& token, int64_t first) {
  int64_t value = first;
  if (!token.empty() && !absl::SimpleAtoi(token, &value)) {
    return InvalidField("page_token", absl::StrCat("is \"", token.substr(0, 100),
                                                   "\"; must be the next_page_token of the page before"));
  }
  return value;
}

}  // namespace

absl::StatusOr<v1::CreateExperimentResponse> Engine::CreateExperiment(
    const v1::CreateExperimentRequest& request) {
  Experiment experiment = request.experiment();
  PrepareNewExperiment(experiment);
  SDA_RETURN_IF_ERROR(CheckNewExperiment(experiment));
  if (!request.experiment_id().empty() && !IsResourceId(request.experiment_id())) {
    return InvalidField("experiment_id",
                        absl::StrCat("is \"", request.experiment_id().substr(0, 100),
                                     "\"; must be 1 to 63 characters of [a-z0-9-], beginning with a letter"));
  }
  const std::string id =
      request.experiment_id().empty() ? "e" + NewUlid(clock_.Now()) : request.experiment_id();
  return Once<v1::CreateExperimentResponse>(
      "CreateExperiment", request, ExperimentName(id),
      [&](Transaction& tx) -> absl::StatusOr<v1::CreateExperimentResponse> {
        SDA_RETURN_IF_ERROR(CheckPriorExperiments(tx, experiment));
        store::ExperimentRow row;
        row.id = id;
        row.message = experiment;
        row.message.set_name(ExperimentName(id));
        if (row.message.display_name().empty()) row.message.set_display_name(id);
        FromTime(clock_.Now(), *row.message.mutable_create_time());
        *row.message.mutable_update_time() = row.message.create_time();
        row.message.set_etag("1");
        SDA_RETURN_IF_ERROR(store::InsertExperiment(tx, row));
        v1::CreateExperimentResponse response;
        *response.mutable_experiment() = row.message;
        SDA_RETURN_IF_ERROR(FillCounts(tx, id, *response.mutable_experiment()));
        return response;
      });
}

absl::StatusOr<v1::GetExperimentResponse> Engine::GetExperiment(const v1::GetExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  v1::GetExperimentResponse response;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow row, store::GetExperiment(tx, id));
    *response.mutable_experiment() = row.message;
    return FillCounts(tx, id, *response.mutable_experiment());
  }));
  return response;
}

absl::StatusOr<v1::ListExperimentsResponse> Engine::ListExperiments(
    const v1::ListExperimentsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const int32_t size, PageSize(request.page_size()));
  SDA_ASSIGN_OR_RETURN(const bool descending,
                       IsDescending(request.order_by(), "create_time", /*by_default=*/true));
  SDA_ASSIGN_OR_RETURN(int64_t before, ParsePageToken(request.page_token(), descending ? INT64_MAX : 0));
  store::ExperimentFilter filter{.states = {},
                                 .show_archived = request.show_archived(),
                                 .before = before,
                                 .limit = size + 1,
                                 .ascending = !descending};
  SDA_RETURN_IF_ERROR(CheckStates(request.states(), Experiment::State_IsValid));
  for (int state : request.states()) filter.states.push_back(static_cast<Experiment::State>(state));
  if (request.labels().size() > kMaxLabelsAsked)
    return InvalidField("labels", absl::StrCat("has ", request.labels().size(),
                                               " entries; must have at most ", kMaxLabelsAsked));
  filter.labels.insert(request.labels().begin(), request.labels().end());
  v1::ListExperimentsResponse response;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    response.Clear();
    SDA_ASSIGN_OR_RETURN(const auto rows, store::ListExperiments(tx, filter));
    for (const auto& [number, row] : rows) {
      if (response.experiments_size() == size) {
        response.set_next_page_token(absl::StrCat(before));
        break;
      }
      before = number;
      auto& experiment = *response.add_experiments();
      experiment = row.message;
      SDA_RETURN_IF_ERROR(FillCounts(tx, row.id, experiment));
    }
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<Experiment> Engine::ChangeExperiment(
    Transaction& tx, const std::string& id,
    const std::function<absl::Status(store::ExperimentRow&)>& change) {
  SDA_ASSIGN_OR_RETURN(store::ExperimentRow row, store::GetExperiment(tx, id));
  const std::string before = row.message.SerializeAsString();
  SDA_RETURN_IF_ERROR(change(row));
  if (row.message.SerializeAsString() != before) {
    FromTime(clock_.Now(), *row.message.mutable_update_time());
    SDA_RETURN_IF_ERROR(store::UpdateExperiment(tx, row));
  }
  Experiment experiment = row.message;
  SDA_RETURN_IF_ERROR(FillCounts(tx, id, experiment));
  return experiment;
}

absl::StatusOr<v1::UpdateExperimentResponse> Engine::UpdateExperiment(
    const v1::UpdateExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id,
                       ParseExperimentName("experiment.name", request.experiment().name()));
  return Once<v1::UpdateExperimentResponse>(
      "UpdateExperiment", request, ExperimentName(id),
      [&](Transaction& tx) -> absl::StatusOr<v1::UpdateExperimentResponse> {
        SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
        v1::UpdateExperimentResponse response;
        SDA_ASSIGN_OR_RETURN(
            *response.mutable_experiment(),
            ChangeExperiment(tx, id, [&](store::ExperimentRow& row) -> absl::Status {
              if (!request.experiment().etag().empty() && request.experiment().etag() != row.message.etag()) {
                return error::EtagMismatch(ExperimentName(id));
              }
              SDA_RETURN_IF_ERROR(ApplyUpdate(request, row.message));
              if (row.message.observation_budget() < counts.counted() + counts.open()) {
                return InvalidField("experiment.observation_budget",
                                    absl::StrCat("is ", row.message.observation_budget(),
                                                 "; must be at least the ", counts.counted() + counts.open(),
                                                 " trials that have ended or are under way"));
              }
              const bool room = counts.counted() < row.message.observation_budget();
              if (row.message.state() == Experiment::STATE_COMPLETED && room) {
                row.message.set_state(Experiment::STATE_ACTIVE);
                row.message.clear_complete_time();
              }
              return absl::OkStatus();
            }));
        // A smaller budget may be used up already.
        SDA_ASSIGN_OR_RETURN(store::ExperimentRow row, store::GetExperiment(tx, id));
        SDA_RETURN_IF_ERROR(SettleExperiment(tx, row));
        *response.mutable_experiment() = row.message;
        SDA_RETURN_IF_ERROR(FillCounts(tx, id, *response.mutable_experiment()));
        return response;
      });
}

absl::StatusOr<v1::PauseExperimentResponse> Engine::PauseExperiment(
    const v1::PauseExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  return Once<v1::PauseExperimentResponse>(
      "PauseExperiment", request, request.name(),
      [&](Transaction& tx) -> absl::StatusOr<v1::PauseExperimentResponse> {
        v1::PauseExperimentResponse response;
        SDA_ASSIGN_OR_RETURN(*response.mutable_experiment(),
                             ChangeExperiment(tx, id, [&](store::ExperimentRow& row) -> absl::Status {
                               if (HasEnded(row.message))
                                 return error::WrongState(request.name(), "has ended and cannot be paused");
                               row.message.set_state(Experiment::STATE_PAUSED);
                               return absl::OkStatus();
                             }));
        return response;
      });
}

absl::StatusOr<v1::ResumeExperimentResponse> Engine::ResumeExperiment(
    const v1::ResumeExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  return Once<v1::ResumeExperimentResponse>(
      "ResumeExperiment", request, request.name(),
      [&](Transaction& tx) -> absl::StatusOr<v1::ResumeExperimentResponse> {
        v1::ResumeExperimentResponse response;
        SDA_ASSIGN_OR_RETURN(*response.mutable_experiment(),
                             ChangeExperiment(tx, id, [&](store::ExperimentRow& row) -> absl::Status {
                               if (HasEnded(row.message))
                                 return error::WrongState(request.name(), "has ended and cannot be resumed");
                               row.message.set_state(Experiment::STATE_ACTIVE);
                               return absl::OkStatus();
                             }));
        return response;
      });
}

absl::StatusOr<v1::StopExperimentResponse> Engine::StopExperiment(const v1::StopExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  return Once<v1::StopExperimentResponse>(
      "StopExperiment", request, request.name(),
      [&](Transaction& tx) -> absl::StatusOr<v1::StopExperimentResponse> {
        SDA_ASSIGN_OR_RETURN(store::ExperimentRow row, store::GetExperiment(tx, id));
        if (!HasEnded(row.message))
          SDA_RETURN_IF_ERROR(EndExperiment(tx, row, Experiment::STATE_STOPPED, "REQUESTED"));
        v1::StopExperimentResponse response;
        *response.mutable_experiment() = row.message;
        SDA_RETURN_IF_ERROR(FillCounts(tx, id, *response.mutable_experiment()));
        return response;
      });
}

absl::StatusOr<v1::ArchiveExperimentResponse> Engine::ArchiveExperiment(
    const v1::ArchiveExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  return Once<v1::ArchiveExperimentResponse>(
      "ArchiveExperiment", request, request.name(),
      [&](Transaction& tx) -> absl::StatusOr<v1::ArchiveExperimentResponse> {
        v1::ArchiveExperimentResponse response;
        SDA_ASSIGN_OR_RETURN(*response.mutable_experiment(),
                             ChangeExperiment(tx, id, [&](store::ExperimentRow& row) -> absl::Status {
                               if (!HasEnded(row.message))
                                 return error::WrongState(request.name(),
                                                          "is still running; stop it before archiving it");
                               row.message.set_archived(!request.unarchive());
                               return absl::OkStatus();
                             }));
        return response;
      });
}

absl::StatusOr<v1::DeleteExperimentResponse> Engine::DeleteExperiment(
    const v1::DeleteExperimentRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  // Its replies outlive it: a repeated delete is answered as the first one was.
  return Once<v1::DeleteExperimentResponse>(
      "DeleteExperiment", request, "", [&](Transaction& tx) -> absl::StatusOr<v1::DeleteExperimentResponse> {
        SDA_RETURN_IF_ERROR(store::LockExperiment(tx, id));
        SDA_ASSIGN_OR_RETURN(const store::ExperimentRow row, store::GetExperiment(tx, id));
        if (!HasEnded(row.message))
          return error::WrongState(request.name(), "is still running; stop it before deleting it");
        SDA_RETURN_IF_ERROR(store::DeleteExperiment(tx, id));
        SDA_RETURN_IF_ERROR(sql::ReleaseReplies(tx, request.name()));
        return v1::DeleteExperimentResponse();
      });
}

}  // namespace sda::optimizer
