#include "tests/benchmarks/optimizer_scale.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "common/rpc/error_details.h"
#include "common/storage/sql/database.h"
#include "services/optimizer/server/store.h"
#include "tests/benchmarks/optimizer_load.h"

namespace sda::bench {
namespace {

namespace v1 = optimizer::v1;
namespace store = optimizer::store;
using Clock = std::chrono::steady_clock;

constexpr int kTeams = 50;
// Trials of one transaction, so that none grows large.
constexpr int64_t kBatch = 1'000;

std::string Id(int64_t experiment) {
  return absl::StrCat("e", experiment);
}

store::ExperimentRow MakeExperiment(int64_t index, int64_t trials) {
  store::ExperimentRow row;
  row.id = Id(index);
  row.suggestions = trials;
  row.message.set_name("experiments/" + row.id);
  row.message.set_display_name(row.id);
  row.message.set_state(index % 10 == 0 ? v1::Experiment::STATE_ACTIVE : v1::Experiment::STATE_COMPLETED);
  row.message.set_observation_budget(index % 10 == 0 ? trials + 100 : trials);
  row.message.set_parallel_bandwidth(4);
  row.message.set_algorithm(v1::Experiment::ALGORITHM_SOBOL);
  row.message.mutable_create_time()->set_seconds(1'700'000'000 + index);
  (*row.message.mutable_labels())["team"] = absl::StrCat("team-", index % kTeams);
  for (int p = 0; p < 8; ++p) {
    v1::Parameter& parameter = *row.message.add_parameters();
    parameter.set_name(absl::StrCat("optimizer.parameter_", p));
    parameter.mutable_double_range()->set_max(1);
  }
  row.message.add_metrics()->set_name("auc");
  return row;
}

store::TrialRow MakeTrial(const std::string& id, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(0, 1);
  store::TrialRow row;
  row.id.experiment_id = id;
  row.message.set_state(uniform(random) < 0.9 ? v1::Trial::STATE_SUCCEEDED : v1::Trial::STATE_FAILED);
  for (int p = 0; p < 8; ++p)
    (*row.message.mutable_assignments())[absl::StrCat("optimizer.parameter_", p)].set_double_value(
        uniform(random));
  (*row.message.mutable_metrics())["auc"].set_value(uniform(random));
  row.message.mutable_create_time()->set_seconds(1'700'000'000);
  row.message.mutable_complete_time()->set_seconds(1'700'000'600);
  row.message.set_attempt(1);
  return row;
}

template <class Request, class Response>
using Method = grpc::Status (v1::OptimizerService::Stub::*)(grpc::ClientContext*, const Request&, Response*);

// Calls with requests of `make` for a while; the 99th percentile in milliseconds.
template <class Request, class Response>
absl::StatusOr<double> Time(v1::OptimizerService::Stub& stub, Method<Request, Response> method,
                            double seconds, const std::function<Request()>& make) {
  std::vector<double> latencies;
  const Clock::time_point end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  while (Clock::now() < end || latencies.empty()) {
    const Request request = make();
    grpc::ClientContext context;
    Response response;
    const Clock::time_point start = Clock::now();
    const grpc::Status status = (stub.*method)(&context, request, &response);
    latencies.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    if (!status.ok()) return rpc::FromGrpcStatus(status);
  }
  return Percentile(latencies, 0.99);
}

}  // namespace

absl::Status FillOptimizerStore(const std::string& database, int64_t experiments, int64_t trials) {
  SDA_ASSIGN_OR_RETURN(const auto opened, sql::Database::Open(database, store::OptimizerSchema()));
  std::mt19937_64 random(11);
  const int64_t each = std::max<int64_t>(1, trials / experiments);
  const int64_t experiments_a_batch = std::max<int64_t>(1, kBatch / each);
  for (int64_t first = 0; first < experiments; first += experiments_a_batch) {
    SDA_RETURN_IF_ERROR(opened->Write([&](sql::Transaction& tx) -> absl::Status {
      for (int64_t i = first; i < std::min(experiments, first + experiments_a_batch); ++i) {
        SDA_RETURN_IF_ERROR(store::InsertExperiment(tx, MakeExperiment(i, each)));
        for (int64_t t = 0; t < each; ++t) {
          store::TrialRow trial = MakeTrial(Id(i), random);
          SDA_RETURN_IF_ERROR(store::InsertTrial(tx, trial));
        }
      }
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::Status ReadAtRandom(v1::OptimizerService::Stub& stub, int64_t experiments, int64_t trials,
                          double seconds, nlohmann::ordered_json& report) {
  std::mt19937_64 random(13);
  const auto below = [&](int64_t end) { return std::uniform_int_distribution<int64_t>(0, end - 1)(random); };
  const int64_t each = std::max<int64_t>(1, trials / experiments);
  using Stub = v1::OptimizerService::Stub;
  const std::function<v1::GetExperimentRequest()> get_experiment = [&] {
    v1::GetExperimentRequest request;
    request.set_name("experiments/" + Id(below(experiments)));
    return request;
  };
  SDA_ASSIGN_OR_RETURN(
      report["get_experiment_ms_p99"],
      Time(stub, Method<v1::GetExperimentRequest, v1::GetExperimentResponse>(&Stub::GetExperiment), seconds,
           get_experiment));
  const std::function<v1::GetTrialRequest()> get_trial = [&] {
    v1::GetTrialRequest request;
    request.set_name(absl::StrCat("experiments/", Id(below(experiments)), "/trials/", 1 + below(each)));
    return request;
  };
  SDA_ASSIGN_OR_RETURN(
      report["get_trial_ms_p99"],
      Time(stub, Method<v1::GetTrialRequest, v1::GetTrialResponse>(&Stub::GetTrial), seconds, get_trial));
  // A page anywhere: tokens are numbers of experiments.
  const std::function<v1::ListExperimentsRequest()> list_experiments = [&] {
    v1::ListExperimentsRequest request;
    request.set_page_size(50);
    request.set_page_token(absl::StrCat(1 + below(experiments)));
    if (below(2) == 0) request.set_order_by("create_time");
    if (below(2) == 0) request.add_states(v1::Experiment::STATE_ACTIVE);
    if (below(2) == 0) (*request.mutable_labels())["team"] = absl::StrCat("team-", below(kTeams));
    return request;
  };
  SDA_ASSIGN_OR_RETURN(
      report["list_experiments_ms_p99"],
      Time(stub, Method<v1::ListExperimentsRequest, v1::ListExperimentsResponse>(&Stub::ListExperiments),
           seconds, list_experiments));
  const std::function<v1::ListTrialsRequest()> list_trials = [&] {
    v1::ListTrialsRequest request;
    request.set_parent("experiments/" + Id(below(experiments)));
    request.set_page_size(50);
    request.set_page_token(absl::StrCat(1 + below(each)));
    if (below(2) == 0) request.set_order_by("number desc");
    if (below(2) == 0) request.add_states(v1::Trial::STATE_FAILED);
    return request;
  };
  SDA_ASSIGN_OR_RETURN(report["list_trials_ms_p99"],
                       Time(stub, Method<v1::ListTrialsRequest, v1::ListTrialsResponse>(&Stub::ListTrials),
                            seconds, list_trials));
  return absl::OkStatus();
}

}  // namespace sda::bench
