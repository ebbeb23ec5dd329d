#ifndef SDA_TESTS_BENCHMARKS_OPTIMIZER_SERVER_H_
#define SDA_TESTS_BENCHMARKS_OPTIMIZER_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <sys/types.h>

namespace sda::bench {

// A sda-optimizer of its own process, the program beside this one; stopped when this goes.
class OptimizerServer {
 public:
  // `folder` takes its announcement and log. Waits until it is ready.
  static absl::StatusOr<std::unique_ptr<OptimizerServer>> Start(const std::string& database,
                                                                const std::string& folder);
  ~OptimizerServer();
  OptimizerServer(const OptimizerServer&) = delete;
  OptimizerServer& operator=(const OptimizerServer&) = delete;

  const std::string& address() const { return address_; }
  double start_seconds() const { return start_seconds_; }

  // Processor time since its start.
  double CpuSeconds() const;
  int64_t PeakMemoryBytes() const;

 private:
  explicit OptimizerServer(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  std::string address_;
  double start_seconds_ = 0;
};

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_OPTIMIZER_SERVER_H_
