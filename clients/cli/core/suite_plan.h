#ifndef SDA_CLIENTS_CLI_CORE_SUITE_PLAN_H_
#define SDA_CLIENTS_CLI_CORE_SUITE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// The files of a suite on one machine, all below its state folder.
struct StateLayout {
  explicit StateLayout(std::string folder) : folder(std::move(folder)) {}

  std::string folder;  // absolute

  std::string lock() const { return folder + "/owner.lock"; }
  std::string announcement() const { return folder + "/local.json"; }
  std::string logs() const { return folder + "/logs"; }
  std::string log(const std::string& child) const { return logs() + "/" + child + ".log"; }
  std::string announcements() const { return folder + "/announced"; }
  std::string announcement_of(const std::string& child) const {
    return announcements() + "/" + child + ".json";
  }
  std::string artefacts() const { return folder + "/artefacts"; }
  std::string database(const std::string& service) const { return folder + "/" + service + ".db"; }
};

// How many worker processes, trials in each at a time, and threads for each of those.
struct WorkerSizes {
  int workers = 1;
  int slots = 1;
  int threads_per_slot = 1;

  bool operator==(const WorkerSizes&) const = default;
};

// As given by --workers, --slots and --threads-per-slot; what is not given is chosen so that all cores are
// used: `trials_at_once` trials (as far as there are cores) share them evenly. INVALID_ARGUMENT where slots
// times threads exceed the cores.
absl::StatusOr<WorkerSizes> PlanWorkers(std::optional<int64_t> workers, std::optional<int64_t> slots,
                                        std::optional<int64_t> threads_per_slot, int64_t trials_at_once,
                                        int cores);

// One process of the suite.
struct ChildPlan {
  std::string name;               // "optimizer", "worker-1"; also names its log
  std::string service;            // "optimizer", "trainer": what it serves
  std::string binary;             // file name beside `sda`
  std::string address;            // HOST:PORT it listens on, for good
  std::vector<std::string> args;  // without the program's name
  int stop_rank = 0;              // lower ranks are stopped first
};

// One port a child, by name; see ChildNames.
struct SuiteOptions {
  WorkerSizes workers;
  int cores = 1;
  std::vector<int> ports;  // one a child, in the order of ChildNames
  std::string log_level = "info";
  int64_t supervisor_pid = 0;
};

// "optimizer", "preprocessing", "worker-1" …, "advisor".
std::vector<std::string> ChildNames(int workers);

// The children in the order of ChildNames.
std::vector<ChildPlan> PlanSuite(const StateLayout& layout, const SuiteOptions& options);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_SUITE_PLAN_H_
