#ifndef SDA_CLIENTS_CLI_CORE_PROGRESS_H_
#define SDA_CLIENTS_CLI_CORE_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <string>

#include <absl/time/time.h>

namespace sda::cli {

// How far something has come, as a person is told.
struct ProgressView {
  int step = 0;      // from 1; 0: the work has no steps
  int steps = 0;     // of so many
  std::string what;  // "encode", "tune"
  int64_t done = 0;
  int64_t total = 0;  // 0 while unknown
  std::string unit;   // "rows", "trials"
  double rate = 0;    // units a second; 0 while unknown
  std::optional<double> remaining_seconds;
  std::string note;  // what else is worth a look, e.g. "best auc 0.7312" or "waiting for the optimizer"

  bool operator==(const ProgressView&) const = default;
};

// One line without line end for a terminal `width` characters wide (at least 20), e.g.
// "[3/4] tune  ████████▌░░░░░  5/8 trials  12s left  best auc 0.7312". Never wider than `width`.
std::string RenderBar(const ProgressView& view, int width);

// The same without a bar, for logs: "[3/4] tune: 5/8 trials (62%), 12s left, best auc 0.7312".
std::string RenderLine(const ProgressView& view);

// Decides which progress reports become lines of a log: the first of each step, each change of the note, one
// for every tenth of the way, and one after 15 seconds of silence while something moves. Not thread-safe.
class LineThrottle {
 public:
  bool ShouldPrint(const ProgressView& view, absl::Duration now);

 private:
  std::optional<ProgressView> printed_;
  absl::Duration printed_at_;
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_PROGRESS_H_
