#include "clients/cli/commands/signals.h"

#include <utility>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "clients/cli/core/exit_code.h"

namespace sda::cli {
namespace {

// Ends the waiting thread when the program is done.
constexpr int kWakeUp = SIGUSR1;

sigset_t WaitedFor() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, kWakeUp}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = WaitedFor();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a reader that leaves is an error of the write
  thread_ = std::thread([this] { Wait(); });
}

Signals::~Signals() {
  pthread_kill(thread_.native_handle(), kWakeUp);
  thread_.join();
}

void Signals::OnImpatience(std::function<void()> callback) {
  std::lock_guard lock(mutex_);
  impatience_ = std::move(callback);
}

void Signals::Wait() {
  const sigset_t set = WaitedFor();
  for (int count = 0;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == kWakeUp) return;
    ++count;
    if (count == 1) {
      stop_.request_stop();
    } else if (count == 2) {
      std::lock_guard lock(mutex_);
      if (impatience_) impatience_();
    } else {
      _exit(static_cast<int>(ExitCode::kInterrupted));
    }
  }
}

}  // namespace sda::cli
