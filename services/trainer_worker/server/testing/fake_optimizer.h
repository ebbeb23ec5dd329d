#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_FAKE_OPTIMIZER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_FAKE_OPTIMIZER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/rpc/call_environment.h"
#include "sda/optimizer/v1/optimizer_service.pb.h"

namespace grpc {
class Service;
}

namespace sda::trainer::testing {

// What a fake optimizer knows about a trial.
struct FakeTrial {
  optimizer::v1::Trial trial;
  std::optional<optimizer::v1::Measurement> resume_from;
  bool queued = true;
  int attempt = 0;
  std::string token;  // current; empty: none is valid
  bool told_to_stop = false;
  int64_t memory_required_bytes = 0;
  int releases = 0;
  std::vector<optimizer::v1::Measurement> measurements;  // accepted, in order of arrival
  std::optional<optimizer::v1::CompleteTrialRequest> completed;
  std::optional<optimizer::v1::FailTrialRequest> failed;

  bool ended() const { return completed.has_value() || failed.has_value(); }
};

// The leasing side of OptimizerService in memory, served over gRPC: one experiment with the metrics "auc"
// (required) and "logloss". Keeps the rules of idempotency and of tokens, and misbehaves on demand. Best is
// the largest AUC. Thread-safe.
class FakeOptimizer {
 public:
  explicit FakeOptimizer(rpc::CallEnvironment& calls);
  ~FakeOptimizer();

  grpc::Service& grpc_service();

  static constexpr char kExperiment[] = "experiments/e";

  // Queues a trial; its name is returned.
  std::string AddTrial(const google::protobuf::Any& work,
                       const std::map<std::string, optimizer::v1::ParameterValue>& assignments = {},
                       std::optional<optimizer::v1::Measurement> resume_from = std::nullopt,
                       int earlier_attempts = 0);

  // While away every call is answered UNAVAILABLE.
  void SetAway(bool away);
  // The next `count` changing calls are carried out, their replies replaced by UNAVAILABLE.
  void LoseReplies(int count);
  // The token of the trial's lease is valid no more; the trial is not handed out again.
  void Revoke(const std::string& name);
  // The next replies about the trial say stop.
  void TellToStop(const std::string& name);

  FakeTrial Get(const std::string& name) const;
  // Blocks until `condition` holds for the trial; false after half a minute.
  bool Await(const std::string& name, const std::function<bool(const FakeTrial&)>& condition) const;
  bool AwaitEnd(const std::string& name) const;

  // The last CreateExperiment.
  optimizer::v1::CreateExperimentRequest created_experiment() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sda::trainer::testing

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_TESTING_FAKE_OPTIMIZER_H_
