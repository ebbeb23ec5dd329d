#ifndef SDA_TESTS_CHAOS_CHAOS_CLIENT_H_
#define SDA_TESTS_CHAOS_CHAOS_CLIENT_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/numerics/rng.h"
#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"
#include "tests/chaos/client_log.h"

namespace sda::chaos {

// A channel that comes back within milliseconds of the server.
std::unique_ptr<optimizer::v1::OptimizerService::Stub> Connect(const std::string& address);

// What all clients share.
struct Workload {
  std::vector<std::string> experiments;
  ClientLog& log;
  // Waits until one more trial may end; false when the test is given up.
  std::function<bool()> may_end = [] { return true; };
  std::atomic<int64_t> ended = 0;  // trials, as acknowledged
  std::atomic<bool> given_up = false;
  std::chrono::milliseconds abandon = std::chrono::milliseconds(1500);  // beyond the lease's duration
};

// A worker as it should be: it repeats a call under its request id until it is answered, and believes the
// answers. Now and then it does what workers do: reports twice at once, hands a trial back, goes silent until
// its lease is gone, blames the point; and it tries to go on with what it has handed back.
class ChaosClient {
 public:
  ChaosClient(int number, const std::string& address, Workload& work);

  // Until every experiment has ended or the test is given up.
  void Run();

 private:
  using Stub = optimizer::v1::OptimizerService::Stub;

  template <class Request, class Response>
  grpc::Status Try(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request, Response& response);
  // Repeats until the server has said something about it.
  template <class Request, class Response>
  grpc::Status Insist(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request, Response& response);
  // As Insist, twice at the same time now and then; the answers must be the same.
  template <class Request, class Response>
  grpc::Status MaybeTwice(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                          const Request& request, Response& response);

  void WorkOn(const optimizer::v1::Lease& lease);
  bool Report(const optimizer::v1::Lease& lease, int64_t step);
  bool Complete(const optimizer::v1::Lease& lease);
  bool Fail(const optimizer::v1::Lease& lease);
  bool Release(const optimizer::v1::Lease& lease);
  // True for OK; LEASE_LOST is noted, anything else is a complaint.
  bool Judge(const grpc::Status& status, const optimizer::v1::Lease& lease, const char* what);
  std::string NewRequestId();

  const int number_;
  Workload& work_;
  Rng rng_;
  const std::unique_ptr<Stub> stub_, second_;
  int64_t requests_ = 0;
  std::vector<optimizer::v1::Lease> handed_back_;
};

}  // namespace sda::chaos

#endif  // SDA_TESTS_CHAOS_CHAOS_CLIENT_H_
