#include "clients/cli/process/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/process/child_process.h"
#include "clients/cli/process/file_io.h"
#include "common/base/clock.h"

namespace sda::cli {
namespace {

// How soon an end or a start is noticed.
constexpr absl::Duration kTick = absl::Milliseconds(25);
// A log that has grown beyond this is set aside when its process starts.
constexpr off_t kMaxLogBytes = 16 << 20;

absl::Duration Now() {
  return RealClock::Get().Monotonic();
}

UniqueFd OpenLog(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && info.st_size > kMaxLogBytes)
    rename(path.c_str(), (path + ".1").c_str());
  return UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

// Whether the announcement file is the one of this process: a predecessor's may still lie there.
bool AnnouncedBy(const std::string& path, pid_t pid) {
  const auto text = ReadFile(path);
  if (!text.ok()) return false;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.value("pid", 0) == pid;
}

}  // namespace

Supervisor::Supervisor(Options options) : options_(std::move(options)) {
  for (const ChildPlan& plan : options_.children) {
    Child child;
    child.plan = plan;
    children_.push_back(std::move(child));
  }
  thread_ = std::thread([this] { Work(); });
}

Supervisor::~Supervisor() {
  Stop();
}

absl::Status Supervisor::AwaitReady(absl::Duration timeout, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return ready_ || !failure_.ok(); };
  if (!changed_.wait_for(lock, stop, absl::ToChronoMilliseconds(timeout), over)) {
    if (stop.stop_requested()) return absl::CancelledError("interrupted");
    return absl::DeadlineExceededError(absl::StrCat("the suite was not ready after ",
                                                    absl::FormatDuration(timeout), "; its logs are in ",
                                                    options_.layout.logs()));
  }
  return failure_;
}

absl::Status Supervisor::AwaitEnd(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return !failure_.ok(); });
  return failure_;
}

void Supervisor::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  std::lock_guard join(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Supervisor::Kill() {
  {
    std::lock_guard lock(mutex_);
    killing_ = true;
  }
  changed_.notify_all();
}

void Supervisor::Work() {
  std::unique_lock lock(mutex_);
  while (!stopping_ && failure_.ok()) {
    lock.unlock();
    for (Child& child : children_) {
      StartDue(child, Now());
      CheckEnd(child, Now());
      CheckReady(child);
    }
    lock.lock();
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kTick), [this] { return stopping_; });
  }
  lock.unlock();
  StopChildren();
  unlink(options_.layout.announcement().c_str());
}

void Supervisor::StartDue(Child& child, absl::Duration now) {
  if (child.pid != 0 || now < child.due) return;
  unlink(options_.layout.announcement_of(child.plan.name).c_str());
  const UniqueFd log = OpenLog(options_.layout.log(child.plan.name));
  absl::StatusOr<pid_t> pid;
  if (log.valid()) {
    ChildCommand command;
    command.path = options_.binary_folder + "/" + child.plan.binary;
    command.args = child.plan.args;
    command.output_fd = log.get();
    command.inherited_fd = options_.lock_fd;
    pid = StartChild(command);
  } else {
    pid = FileError("cannot open", options_.layout.log(child.plan.name), errno);
  }
  child.policy.OnStarted(now);
  if (pid.ok()) {
    child.pid = *pid;
    child.ready = false;
    if (announced_) Announce();
    return;
  }
  const auto delay = child.policy.OnExit(now);
  if (!delay) return GiveUp(child, std::string(pid.status().message()));
  child.due = now + *delay;
}

void Supervisor::CheckEnd(Child& child, absl::Duration now) {
  if (child.pid == 0) return;
  const std::optional<std::string> how = CollectEnd(child.pid);
  if (!how) return;
  child.pid = 0;
  child.ready = false;
  const auto delay = child.policy.OnExit(now);
  if (!delay) return GiveUp(child, absl::StrCat(*how, ": ", LastWords(options_.layout.log(child.plan.name))));
  child.due = now + *delay;
  if (child.policy.was_ready()) {
    const std::string when =
        *delay == absl::ZeroDuration() ? "now" : absl::StrCat("in ", absl::FormatDuration(*delay));
    options_.say(
        absl::StrCat(child.plan.name, " ", *how, "; it is started again on ", child.plan.address, " ", when));
  }
}

void Supervisor::CheckReady(Child& child) {
  if (child.pid == 0 || child.ready ||
      !AnnouncedBy(options_.layout.announcement_of(child.plan.name), child.pid))
    return;
  const bool again = child.policy.was_ready();
  child.ready = true;
  child.policy.OnReady();
  if (again) options_.say(absl::StrCat(child.plan.name, " is back on ", child.plan.address));
  if (announced_ || !AllReady()) return;
  announced_ = true;
  Announce();
  {
    std::lock_guard lock(mutex_);
    ready_ = true;
  }
  changed_.notify_all();
}

bool Supervisor::AllReady() const {
  return std::all_of(children_.begin(), children_.end(),
                     [](const Child& child) { return child.policy.was_ready(); });
}

void Supervisor::Announce() {
  Announcement announcement;
  announcement.owner = options_.owner;
  announcement.pid = getpid();
  announcement.artefacts = options_.layout.artefacts();
  for (const Child& child : children_) {
    Announcement::Child entry;
    entry.name = child.plan.name;
    entry.service = child.plan.service;
    entry.address = child.plan.address;
    entry.pid = child.pid;
    announcement.children.push_back(std::move(entry));
  }
  const absl::Status status =
      WriteFileAtomically(options_.layout.announcement(), AnnouncementToJson(announcement));
  if (!status.ok()) options_.say(std::string(status.message()));
}

void Supervisor::GiveUp(const Child& child, const std::string& how) {
  {
    std::lock_guard lock(mutex_);
    failure_ = absl::UnavailableError(absl::StrCat(child.plan.name, " cannot be started: ", how,
                                                   " (log: ", options_.layout.log(child.plan.name), ")"));
  }
  changed_.notify_all();
}

void Supervisor::StopChildren() {
  int last_rank = 0;
  for (const Child& child : children_) last_rank = std::max(last_rank, child.plan.stop_rank);
  for (int rank = 0; rank <= last_rank; ++rank) {
    Signal(rank, SIGTERM);
    if (AwaitEndOf(rank, options_.stop_patience)) continue;
    Signal(rank, SIGKILL);
    AwaitEndOf(rank, absl::InfiniteDuration());
  }
  for (const Child& child : children_) unlink(options_.layout.announcement_of(child.plan.name).c_str());
}

// False when some of the rank still run after the patience, or once Kill was called.
bool Supervisor::AwaitEndOf(int rank, absl::Duration patience) {
  const absl::Duration begin = Now();
  while (true) {
    bool any = false;
    for (Child& child : children_) {
      if (child.pid == 0 || child.plan.stop_rank != rank) continue;
      if (CollectEnd(child.pid)) {
        child.pid = 0;
      } else {
        any = true;
      }
    }
    if (!any) return true;
    std::unique_lock lock(mutex_);
    const bool forever = patience == absl::InfiniteDuration();
    if (!forever && (killing_ || Now() - begin > patience)) return false;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kTick), [&] { return killing_ && !forever; });
  }
}

void Supervisor::Signal(int rank, int signal) {
  for (const Child& child : children_) {
    if (child.pid != 0 && child.plan.stop_rank == rank) kill(child.pid, signal);
  }
}

}  // namespace sda::cli
