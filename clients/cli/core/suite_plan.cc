#include "clients/cli/core/suite_plan.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"

namespace sda::cli {
namespace {

std::string Loopback(int port) {
  return absl::StrCat("127.0.0.1:", port);
}

// What every server is told.
std::vector<std::string> CommonArgs(const StateLayout& layout, const SuiteOptions& options,
                                    const ChildPlan& child) {
  return {"--listen",    child.address,     "--announce",         layout.announcement_of(child.name),
          "--log-level", options.log_level, "--exit-with-parent", absl::StrCat(options.supervisor_pid)};
}

}  // namespace

absl::StatusOr<WorkerSizes> PlanWorkers(std::optional<int64_t> workers, std::optional<int64_t> slots,
                                        std::optional<int64_t> threads_per_slot, int64_t trials_at_once,
                                        int cores) {
  const int64_t worker_count = workers.value_or(1);
  int64_t slot_count = 0;
  if (slots) {
    slot_count = *slots;
  } else {
    const int64_t fitting = cores / (worker_count * threads_per_slot.value_or(1));
    const int64_t wanted = (trials_at_once + worker_count - 1) / worker_count;
    slot_count = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, fitting));
  }
  const int64_t thread_count =
      threads_per_slot ? *threads_per_slot : std::max<int64_t>(1, cores / (worker_count * slot_count));
  if (worker_count * slot_count * thread_count > cores) {
    return InvalidField("--threads-per-slot",
                        absl::StrCat(worker_count, " workers x ", slot_count, " slots x ", thread_count,
                                     " threads are more than the ", cores, " cores of this machine"));
  }
  WorkerSizes sizes;
  sizes.workers = static_cast<int>(worker_count);
  sizes.slots = static_cast<int>(slot_count);
  sizes.threads_per_slot = static_cast<int>(thread_count);
  return sizes;
}

std::vector<std::string> ChildNames(int workers) {
  std::vector<std::string> names = {"optimizer", "preprocessing"};
  for (int i = 1; i <= workers; ++i) names.push_back(absl::StrCat("worker-", i));
  names.emplace_back("advisor");
  return names;
}

std::vector<ChildPlan> PlanSuite(const StateLayout& layout, const SuiteOptions& options) {
  const std::vector<std::string> names = ChildNames(options.workers.workers);
  std::vector<ChildPlan> children;
  std::vector<std::string> trainers;
  for (size_t i = 0; i < names.size(); ++i) {
    ChildPlan child;
    child.name = names[i];
    child.address = Loopback(options.ports.at(i));
    child.args = CommonArgs(layout, options, child);
    const auto add = [&child](std::initializer_list<std::string> args) {
      child.args.insert(child.args.end(), args.begin(), args.end());
    };
    if (child.name == "optimizer") {
      child.service = "optimizer";
      child.binary = "sda-optimizer";
      child.stop_rank = 3;  // takes the last words of workers
      add({"--database", layout.database("optimizer")});
    } else if (child.name == "preprocessing") {
      child.service = "preprocessing";
      child.binary = "sda-preprocessing";
      child.stop_rank = 2;
      add({"--artefacts", layout.artefacts(), "--threads", absl::StrCat(options.cores)});
    } else if (child.name == "advisor") {
      child.service = "advisor";
      child.binary = "sda-advisor";
      child.stop_rank = 0;  // drives all others
      add({"--database", layout.database("advisor"), "--artefacts", layout.artefacts(), "--optimizer",
           children[0].address, "--preprocessing", children[1].address, "--trainer",
           absl::StrJoin(trainers, ",")});
    } else {
      child.service = "trainer";
      child.binary = "sda-trainer-worker";
      child.stop_rank = 1;  // gives its trials back to the optimizer
      add({"--optimizer", children[0].address, "--artefacts", layout.artefacts(), "--slots",
           absl::StrCat(options.workers.slots), "--threads-per-slot",
           absl::StrCat(options.workers.threads_per_slot)});
      trainers.push_back(child.address);
    }
    children.push_back(std::move(child));
  }
  return children;
}

}  // namespace sda::cli
