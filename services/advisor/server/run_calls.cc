#include "services/advisor/server/run_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/rpc/call.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/limits.h"
#include "services/advisor/server/once.h"
#include "services/advisor/server/proto_time.h"
#include "services/advisor/server/resource_table.h"
#include "services/advisor/server/validation.h"

namespace sda::advisor {
namespace {

bool IsFinal(v1::Run::State state) {
  return state != v1::Run::STATE_RUNNING;
}

// The recipe a run is to follow, with what the run says otherwise written over it.
absl::Status TakeRecipe(sql::Transaction& transaction, const std::string& dataset, RunEntry& entry) {
  const v1::RunSpec& spec = entry.run.spec();
  SDA_ASSIGN_OR_RETURN(const auto body, kRecipes.Get(transaction, ResourceId(spec.recipe())));
  if (!body) return error::RecipeNotFound(spec.recipe());
  v1::Recipe& recipe = entry.recipe;
  if (!recipe.ParseFromString(*body)) return absl::DataLossError("database: a recipe cannot be read");
  if (recipe.dataset() != dataset) {
    return InvalidField("spec.recipe", absl::StrCat("is for ", recipe.dataset(),
                                                    "; must be for the run's dataset ", dataset));
  }
  if (spec.observation_budget() > 0) recipe.set_observation_budget(spec.observation_budget());
  if (spec.parallel_bandwidth() > 0) recipe.set_parallel_bandwidth(spec.parallel_bandwidth());
  if (spec.seed() != 0) recipe.mutable_spec()->set_seed(spec.seed());
  entry.run.set_recipe(recipe.name());
  return absl::OkStatus();
}

absl::StatusOr<RunEntry> GetEntry(sql::Transaction& transaction, const std::string& name) {
  SDA_ASSIGN_OR_RETURN(std::optional<RunEntry> entry, run_table::Get(transaction, ResourceId(name)));
  if (!entry) return error::RunNotFound(name);
  return *std::move(entry);
}

}  // namespace

absl::StatusOr<RunEntry> RunCalls::Load(const std::string& id) {
  std::optional<RunEntry> entry;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(entry, run_table::Get(transaction, id));
    return absl::OkStatus();
  }));
  if (!entry) return error::RunNotFound(ResourceName("runs", id));
  return *std::move(entry);
}

// A run as clients see it: with its progress while it runs, its result only once it has one.
v1::Run RunCalls::Shown(const RunEntry& entry) const {
  v1::Run run = entry.run;
  if (run.state() != v1::Run::STATE_SUCCEEDED) run.clear_result();
  if (run.state() != v1::Run::STATE_RUNNING) return run;
  const RunFeed::Live live = feed_.Get(run.name());
  *run.mutable_progress() = live.progress;
  if (run.progress().stage().empty()) run.mutable_progress()->set_stage("waiting");
  run.set_waiting_for(live.waiting_for);
  return run;
}

absl::StatusOr<RunEntry> RunCalls::NewEntry(sql::Transaction& transaction,
                                            const v1::CreateRunRequest& request, const std::string& id) {
  SDA_ASSIGN_OR_RETURN(const auto other, run_table::Get(transaction, id));
  if (other) return error::AlreadyExists(ResourceName("runs", id));
  SDA_ASSIGN_OR_RETURN(const bool model_exists, kModels.Exists(transaction, id));
  if (model_exists) return error::AlreadyExists(ResourceName("models", id));
  SDA_ASSIGN_OR_RETURN(const auto unfinished, run_table::Unfinished(transaction));
  if (unfinished.size() >= static_cast<size_t>(kMaxUnfinishedRuns)) return error::TooManyRuns();
  RunEntry entry;
  v1::Run& run = entry.run;
  run.set_name(ResourceName("runs", id));
  *run.mutable_spec() = request.spec();
  if (run.spec().model().empty()) run.mutable_spec()->set_model("dlrm");
  run.set_state(v1::Run::STATE_RUNNING);
  *run.mutable_create_time() = ToTimestamp(clock_.Now());
  run.set_dataset(request.spec().dataset());
  if (!request.spec().recipe().empty()) {
    const std::string dataset =
        run.dataset().empty() ? ResourceName("datasets", ChildId(id, entry.attempt)) : run.dataset();
    SDA_RETURN_IF_ERROR(TakeRecipe(transaction, dataset, entry));
  }
  run.set_stage(ToProto(StageOf(NextStep(entry.Record()))));
  return entry;
}

absl::StatusOr<v1::CreateRunResponse> RunCalls::Create(const v1::CreateRunRequest& request) {
  SDA_RETURN_IF_ERROR(Validate(request));
  const std::string id =
      request.run_id().empty() ? absl::StrCat("run-", NewUlid(clock_.Now())) : request.run_id();
  auto response = Once<v1::CreateRunResponse>(
      database_, clock_, "CreateRun", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::CreateRunResponse> {
        SDA_ASSIGN_OR_RETURN(const RunEntry entry, NewEntry(transaction, request, id));
        SDA_RETURN_IF_ERROR(run_table::Insert(transaction, entry));
        v1::CreateRunResponse created;
        *created.mutable_run() = Shown(entry);
        return created;
      });
  if (response.ok()) engine_.Look(ResourceId(response->run().name()));
  return response;
}

absl::StatusOr<v1::GetRunResponse> RunCalls::Get(const v1::GetRunRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseName("name", request.name(), "runs"));
  SDA_ASSIGN_OR_RETURN(const RunEntry entry, Load(id));
  v1::GetRunResponse response;
  *response.mutable_run() = Shown(entry);
  return response;
}

absl::StatusOr<v1::ListRunsResponse> RunCalls::List(const v1::ListRunsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const Page page, ParsePage(request.page_size(), request.page_token()));
  std::vector<v1::Run::State> states;
  for (const int state : request.states()) states.push_back(static_cast<v1::Run::State>(state));
  std::vector<RunEntry> entries;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(entries, run_table::List(transaction, states, page.before, page.size));
    return absl::OkStatus();
  }));
  v1::ListRunsResponse response;
  for (const RunEntry& entry : entries) *response.add_runs() = Shown(entry);
  if (static_cast<int64_t>(entries.size()) == page.size)
    response.set_next_page_token(absl::StrCat(entries.back().position));
  return response;
}

absl::StatusOr<v1::CancelRunResponse> RunCalls::Cancel(const v1::CancelRunRequest& request) {
  SDA_RETURN_IF_ERROR(ValidateChange(request.request_id(), request.name(), "runs"));
  const std::string id = ResourceId(request.name());
  auto response = Once<v1::CancelRunResponse>(
      database_, clock_, "CancelRun", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::CancelRunResponse> {
        SDA_ASSIGN_OR_RETURN(RunEntry entry, GetEntry(transaction, request.name()));
        if (!IsFinal(entry.run.state())) {
          entry.run.set_state(v1::Run::STATE_CANCELLED);
          *entry.run.mutable_complete_time() = ToTimestamp(clock_.Now());
          entry.needs_cleanup = true;
          SDA_RETURN_IF_ERROR(run_table::Update(transaction, entry));
        }
        v1::CancelRunResponse cancelled;
        *cancelled.mutable_run() = Shown(entry);
        return cancelled;
      });
  if (response.ok() && response->run().state() == v1::Run::STATE_CANCELLED) {
    feed_.Ring(request.name());
    engine_.Interrupt(id);
    engine_.Look(id);
  }
  return response;
}

absl::StatusOr<v1::ResumeRunResponse> RunCalls::Resume(const v1::ResumeRunRequest& request) {
  SDA_RETURN_IF_ERROR(ValidateChange(request.request_id(), request.name(), "runs"));
  auto response = Once<v1::ResumeRunResponse>(
      database_, clock_, "ResumeRun", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::ResumeRunResponse> {
        SDA_ASSIGN_OR_RETURN(RunEntry entry, GetEntry(transaction, request.name()));
        if (entry.run.state() == v1::Run::STATE_CANCELLED)
          return error::WrongState(request.name(), "CANCELLED", "resumed");
        if (entry.run.state() == v1::Run::STATE_FAILED) {
          entry.run.set_state(v1::Run::STATE_RUNNING);
          entry.run.clear_error();
          entry.run.clear_complete_time();
          if (std::exchange(entry.is_spent, false)) {
            ++entry.attempt;
            entry.job.clear();
            entry.run.clear_experiment();
          }
          SDA_RETURN_IF_ERROR(run_table::Update(transaction, entry));
        }
        v1::ResumeRunResponse resumed;
        *resumed.mutable_run() = Shown(entry);
        return resumed;
      });
  if (response.ok()) {
    feed_.Ring(request.name());
    engine_.Look(ResourceId(request.name()));
  }
  return response;
}

absl::StatusOr<v1::DeleteRunResponse> RunCalls::Delete(const v1::DeleteRunRequest& request) {
  SDA_RETURN_IF_ERROR(ValidateChange(request.request_id(), request.name(), "runs"));
  auto response = Once<v1::DeleteRunResponse>(
      database_, clock_, "DeleteRun", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::DeleteRunResponse> {
        SDA_ASSIGN_OR_RETURN(const RunEntry entry, GetEntry(transaction, request.name()));
        if (!IsFinal(entry.run.state()) || entry.needs_cleanup) {
          return error::WrongState(request.name(), entry.needs_cleanup ? "being cancelled" : "RUNNING",
                                   "deleted");
        }
        SDA_RETURN_IF_ERROR(run_table::Delete(transaction, entry.id()));
        return v1::DeleteRunResponse();
      });
  if (response.ok()) feed_.Ring(request.name());
  return response;
}

absl::StatusOr<v1::ListRunTrialsResponse> RunCalls::ListTrials(const v1::ListRunTrialsRequest& request,
                                                               std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseName("parent", request.parent(), "runs"));
  SDA_ASSIGN_OR_RETURN(const RunEntry entry, Load(id));
  v1::ListRunTrialsResponse response;
  if (entry.run.experiment().empty()) return response;
  optimizer::v1::ListTrialsRequest list;
  list.set_parent(entry.run.experiment());
  list.set_page_size(request.page_size());
  list.set_page_token(request.page_token());
  const OptimizerPeer& peer = *peers_.optimizer;
  auto listed = rpc::Call<optimizer::v1::ListTrialsResponse>(
      *peer.connection, *peer.stub, &optimizer::v1::OptimizerService::Stub::ListTrials, list,
      {.timeout = kPeerCallTimeout,
       .retry_budget = absl::ZeroDuration(),
       .request_id = "",
       .stop = std::move(stop)});
  if (!listed.ok()) return Annotate(listed.status(), peer.Description());
  *response.mutable_trials() = std::move(*listed->mutable_trials());
  response.set_next_page_token(listed->next_page_token());
  return response;
}

absl::Status RunCalls::Watch(const v1::WatchRunRequest& request,
                             const std::function<bool(v1::WatchRunResponse)>& write, std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseName("name", request.name(), "runs"));
  while (true) {
    const uint64_t version = feed_.Version(request.name());  // before the read, so that no change is missed
    SDA_ASSIGN_OR_RETURN(const RunEntry entry, Load(id));
    v1::WatchRunResponse response;
    *response.mutable_run() = Shown(entry);
    const bool last = IsFinal(response.run().state());
    if (!write(std::move(response))) return absl::CancelledError("nobody watches");
    if (last) return absl::OkStatus();
    if (!feed_.AwaitChange(request.name(), version, stop)) return absl::CancelledError("the watch was ended");
  }
}

}  // namespace sda::advisor
