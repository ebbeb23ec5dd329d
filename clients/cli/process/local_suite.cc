#include "clients/cli/process/local_suite.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <unistd.h>

#include "clients/cli/core/input_files.h"
#include "clients/cli/process/available_cores.h"
#include "clients/cli/process/child_process.h"
#include "clients/cli/process/file_io.h"
#include "clients/cli/process/ports.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace sda::cli {
namespace {

// Starting reads databases back and measures the machine; a busy machine needs several seconds for it.
constexpr absl::Duration kStartTimeout = absl::Minutes(2);
constexpr absl::Duration kPause = absl::Milliseconds(50);

absl::Status MakeFolders(const StateLayout& layout) {
  for (const std::string& folder : {layout.logs(), layout.announcements(), layout.artefacts()}) {
    SDA_RETURN_IF_ERROR(MakeFolder(folder));
  }
  unlink(layout.announcement().c_str());  // of an owner that was killed
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalSuite>> LocalSuite::Start(const LocalSuiteOptions& options,
                                                              std::stop_token stop) {
  const StateLayout layout(AbsolutePath(options.state));
  const int cores = AvailableCores();
  SDA_ASSIGN_OR_RETURN(
      const WorkerSizes workers,
      PlanWorkers(options.workers, options.slots, options.threads_per_slot, options.trials_at_once, cores));
  SDA_ASSIGN_OR_RETURN(StateLock lock, StateLock::Acquire(layout, options.owner));
  SDA_RETURN_IF_ERROR(MakeFolders(layout));
  SuiteOptions plan;
  plan.workers = workers;
  plan.cores = cores;
  plan.log_level = options.log_level;
  plan.supervisor_pid = getpid();
  SDA_ASSIGN_OR_RETURN(plan.ports, PickPorts(static_cast<int>(ChildNames(workers.workers).size())));

  std::unique_ptr<LocalSuite> suite(new LocalSuite(std::move(lock), workers));
  Supervisor::Options supervisor(layout);
  supervisor.children = PlanSuite(layout, plan);
  supervisor.binary_folder = BinaryFolder();
  supervisor.owner = options.owner;
  supervisor.lock_fd = suite->lock_.fd();
  supervisor.say = options.say;
  suite->supervisor_ = std::make_unique<Supervisor>(std::move(supervisor));
  SDA_RETURN_IF_ERROR(suite->supervisor_->AwaitReady(kStartTimeout, stop));
  SDA_ASSIGN_OR_RETURN(const std::string text, ReadFile(layout.announcement()));
  SDA_ASSIGN_OR_RETURN(suite->announcement_, AnnouncementFromJson(text, layout.announcement()));
  return suite;
}

absl::StatusOr<std::optional<Announcement>> FindRunningSuite(const StateLayout& layout,
                                                             std::stop_token stop) {
  const absl::Duration begin = RealClock::Get().Monotonic();
  while (StateLock::IsHeld(layout)) {
    const absl::StatusOr<std::string> text = ReadFile(layout.announcement());
    if (text.ok()) {
      SDA_ASSIGN_OR_RETURN(Announcement announcement, AnnouncementFromJson(*text, layout.announcement()));
      return announcement;
    }
    if (RealClock::Get().Monotonic() - begin > kStartTimeout) break;
    if (!RealClock::Get().Sleep(kPause, stop)) return absl::CancelledError("interrupted");
  }
  return std::nullopt;
}

}  // namespace sda::cli
