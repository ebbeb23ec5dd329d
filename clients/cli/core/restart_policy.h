#ifndef SDA_CLIENTS_CLI_CORE_RESTART_POLICY_H_
#define SDA_CLIENTS_CLI_CORE_RESTART_POLICY_H_

#include <optional>

#include <absl/time/time.h>

namespace sda::cli {

// When a supervisor starts a dead child again. The state of one child; times are monotonic. Not thread-safe.
//
// The first restart comes at once, the next after 0.25 s, doubling up to 10 s; a child that has been up for
// 30 s begins anew. A child that was never ready is given up after 5 starts: its settings are wrong, not its
// luck.
class RestartPolicy {
 public:
  // The child was started, or has become able to serve.
  void OnStarted(absl::Duration now);
  void OnReady();

  // The child ended at `now`. When to start it again, counted from now; nothing: give up.
  std::optional<absl::Duration> OnExit(absl::Duration now);

  bool was_ready() const { return was_ready_; }
  int restarts() const { return restarts_; }

 private:
  bool was_ready_ = false;
  int restarts_ = 0;        // in all
  int failures_ = 0;        // since it was last up for long
  int starts_ = 0;          // in all
  absl::Duration started_;  // the last start
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_RESTART_POLICY_H_
