#ifndef SDA_SERVICES_ADVISOR_SERVER_TESTING_FAKE_SUITE_H_
#define SDA_SERVICES_ADVISOR_SERVER_TESTING_FAKE_SUITE_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include "common/testing/temp_dir.h"
#include "services/advisor/server/peers.h"

namespace sda::advisor::testing {

// Where a call to a fake stands.
enum class Moment {
  kArrived,   // nothing has been done
  kAnswered,  // what it asks for is done; the reply is not sent
};

// The other three services as far as the advisor needs them, on real gRPC servers, honest about what they
// promise: request ids, ids that are taken, streams that begin with the present state. They outlive advisors,
// so that tests can destroy one and start another. Thread-safe.
class FakeSuite {
 public:
  // Called at each moment of each call; an error is the call's answer. `context` tells whether the caller has
  // gone.
  using Hook =
      std::function<grpc::Status(const std::string& method, Moment moment, grpc::ServerContext& context)>;

  FakeSuite();
  ~FakeSuite();

  // Connections to all of them. `trainers` addresses are tried in turn; the last one is the fake's.
  std::unique_ptr<Peers> Connect(const std::vector<std::string>& trainers_before = {});

  const std::string& artefacts() const { return artefacts_.path(); }
  void SetHook(Hook hook);

  // --- the script; set before runs begin ---
  enum class TrialEnd { kSucceeded, kInfeasible, kFailed };
  struct Script {
    int64_t test_rows = 300;
    std::string job_error = {};         // reason; empty: jobs succeed
    std::vector<TrialEnd> trials = {};  // by number; those beyond succeed
    bool thresholds_met = true;
    bool evaluate_stops_early = false;  // once
  };
  void SetScript(Script script);

  // While held, no trial ends.
  void HoldTrials();
  void ReleaseTrials();
  void HoldJobs();
  void ReleaseJobs();

  // --- what has happened ---
  std::vector<std::string> calls() const;  // methods in order of arrival
  int count(const std::string& method) const;
  std::set<std::string> datasets() const;
  std::set<std::string> experiments() const;
  std::set<std::string> cancelled_jobs() const;
  std::set<std::string> stopped_experiments() const;
  optimizer::v1::Experiment experiment(const std::string& name) const;
  // Waits until `method` has arrived `count` times.
  bool AwaitCalls(const std::string& method, int count);

 private:
  class FakePreprocessing;
  class FakeOptimizer;
  class FakeTrainer;
  struct Search {
    optimizer::v1::Experiment experiment;
    std::vector<optimizer::v1::Trial> trials;
  };

  // Counts the call and asks the hook. With kArrived first, then kAnswered.
  grpc::Status Pass(const std::string& method, Moment moment, grpc::ServerContext& context);
  void EndNextTrial(Search& search);
  void StopSearch(Search& search);

  sda::testing::TempDir artefacts_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Hook hook_;  // guarded by mutex_, as all below
  Script script_;
  bool hold_trials_ = false, hold_jobs_ = false;
  std::vector<std::string> calls_;
  std::map<std::string, std::pair<std::string, std::string>> replies_;  // request id to payload and reply
  std::map<std::string, preprocessing::v1::Job> jobs_;
  std::map<std::string, Search> searches_;
  std::set<std::string> cancelled_jobs_, stopped_experiments_;

  std::unique_ptr<FakePreprocessing> preprocessing_;
  std::unique_ptr<FakeOptimizer> optimizer_;
  std::unique_ptr<FakeTrainer> trainer_;
  std::vector<std::unique_ptr<grpc::Server>> servers_;
  PeerAddresses addresses_;
};

}  // namespace sda::advisor::testing

#endif  // SDA_SERVICES_ADVISOR_SERVER_TESTING_FAKE_SUITE_H_
