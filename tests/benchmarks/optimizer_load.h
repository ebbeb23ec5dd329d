#ifndef SDA_TESTS_BENCHMARKS_OPTIMIZER_LOAD_H_
#define SDA_TESTS_BENCHMARKS_OPTIMIZER_LOAD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <grpcpp/channel.h>

#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"

// Workers of an optimizer that do nothing but call it, through real stubs, many of them from few threads.
namespace sda::bench {

struct Timings {
  int64_t calls = 0;
  double seconds = 0;
  std::vector<double> latencies_ms = {};
};

// The value below which `share` of the latencies lie; 0 without any. Sorts.
double Percentile(std::vector<double>& values, double share);

// One worker's lease, for reports.
struct Holder {
  optimizer::v1::Lease lease;
  int64_t step = 0;
};

class OptimizerLoad {
 public:
  // Calls are spread over a few connections.
  explicit OptimizerLoad(const std::string& address);

  optimizer::v1::OptimizerService::Stub& stub(size_t worker) { return *stubs_[worker % stubs_.size()]; }

  // An experiment of two parameters and one metric, with room for any number of trials.
  absl::Status CreateExperiment(const std::string& id, bool bayesian, int32_t bandwidth);
  // `count` finished trials of it, at random points.
  absl::Status AddObservations(const std::string& id, int count);

  absl::StatusOr<Holder> Acquire(const std::string& id);

  // Every holder reports again as soon as it was answered.
  absl::StatusOr<Timings> ReportClosedLoop(std::vector<Holder>& holders, double seconds);
  // Reports are due at a steady rate whatever became of those before; latency counts from when each was due.
  absl::StatusOr<Timings> ReportOpenLoop(std::vector<Holder>& holders, double rate, double seconds);
  // Each of `workers` acquires a trial and completes it after `train_ms`, again and again; latencies are
  // those of the acquires. Worker w works on experiment w modulo their number.
  absl::StatusOr<Timings> Cycles(const std::vector<std::string>& ids, int workers, double seconds,
                                 int train_ms);

 private:
  std::vector<std::unique_ptr<optimizer::v1::OptimizerService::Stub>> stubs_;
};

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_OPTIMIZER_LOAD_H_
