#ifndef SDA_SERVICES_ADVISOR_SERVER_TESTING_ADVISOR_PROCESS_H_
#define SDA_SERVICES_ADVISOR_SERVER_TESTING_ADVISOR_PROCESS_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>

#include "common/base/clock.h"
#include "common/rpc/call.h"
#include "common/testing/test_server.h"
#include "sda/advisor/v1/advisor_service.grpc.pb.h"
#include "services/advisor/server/advisor.h"
#include "services/advisor/server/testing/fake_suite.h"

namespace sda::advisor::testing {

// An advisor with its server and a client, over a database that outlives it: to destroy it is to stop the
// process in whatever it does, to make another one is the restart. Calls that fail end the test program.
class AdvisorProcess {
 public:
  struct Options {
    std::string database = {};
    Clock* clock = &RealClock::Get();
    absl::Duration retry_budget = absl::Minutes(1);
    int run_threads = 4;
    std::vector<std::string> trainers_before = {};
  };

  AdvisorProcess(FakeSuite& suite, const Options& options);
  ~AdvisorProcess();

  v1::AdvisorService::Stub& stub() { return *stub_; }
  rpc::Connection& connection() { return server_.connection(); }

  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::AdvisorService::Stub::*method)(grpc::ClientContext*,
                                                                                 const Request&, Response*),
                                const Request& request) {
    return rpc::Call<Response>(server_.connection(), *stub_, method, request);
  }

  v1::Run CreateRun(const std::string& id, const v1::RunSpec& spec);
  v1::Run GetRun(const std::string& id);
  v1::Run CancelRun(const std::string& id);
  v1::Run ResumeRun(const std::string& id);

  // Watches the run until it has ended.
  v1::Run AwaitEnd(const std::string& id);

 private:
  sda::testing::TestServer server_;
  std::unique_ptr<Advisor> advisor_;
  std::unique_ptr<v1::AdvisorService::Stub> stub_;
};

// A run over a log of its own: 4 trials, 2 at a time, seed 5.
v1::RunSpec RunSpecOfFile();

}  // namespace sda::advisor::testing

#endif  // SDA_SERVICES_ADVISOR_SERVER_TESTING_ADVISOR_PROCESS_H_
