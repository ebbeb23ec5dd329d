#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_ATTEMPT_RUNNER_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_ATTEMPT_RUNNER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "sda/trainer/v1/training_spec.pb.h"

namespace sda::trainer {

// One attempt at a trial, as a slot hands it to whoever trains.
struct AttemptOrder {
  trainer::v1::TrainingSpec spec;  // complete and valid
  std::string folder;  // of this attempt, below the artefact root: "experiments/e/trials/7/attempt-1"
  std::string resume_checkpoint;  // of an earlier attempt, below the artefact root; empty for a fresh start
};

// What an attempt takes at most, in bytes.
struct AttemptNeeds {
  int64_t memory_bytes = 0;
  int64_t disk_bytes = 0;  // below the artefact root
};

// A reading while training goes on.
struct AttemptReading {
  int64_t step = 0;
  int64_t samples = 0;
  double train_seconds = 0;
  std::map<std::string, double> metrics = {};
  std::string checkpoint = {};  // below the artefact root; empty if none was made
};

// What hears of an attempt. Called from the training thread.
class AttemptListener {
 public:
  virtual ~AttemptListener() = default;

  // Before the first step: the step it follows, 0 for a fresh start, and why a checkpoint that was to be
  // resumed could not be used.
  virtual void OnStart(int64_t step, const absl::Status& resumed) = 0;

  // False: training is to stop here and keep what it has.
  virtual bool OnReading(const AttemptReading& reading) = 0;

  virtual void OnProgress(int64_t samples, int64_t total) = 0;

  // The newest checkpoint of this attempt that was accepted with a reading; empty before the first.
  virtual std::string AcceptedCheckpoint() = 0;
};

// How an attempt ended. What went wrong outside the point (unreadable data, a full disk) is a status instead.
struct AttemptOutcome {
  enum class End {
    kFinished,   // metrics and artifacts are final
    kStopped,    // OnReading said so; metrics and artifacts are those of the last reading
    kDiverged,   // the point's fault: `reason` and `message` say how
    kCancelled,  // the stop token fired; nothing is kept
  };
  End end = End::kFinished;
  std::string reason;
  std::string message;
  std::map<std::string, double> metrics;
  std::map<std::string, std::string> artifacts;  // paths below the artefact root by name
};

// Trains. Thread-safe: slots run attempts side by side.
class AttemptRunner {
 public:
  virtual ~AttemptRunner() = default;

  // What the attempt will need. INVALID_ARGUMENT and FAILED_PRECONDITION mean that the spec can never be run
  // here, whoever tries; other errors may pass.
  virtual absl::StatusOr<AttemptNeeds> Needs(const AttemptOrder& order) = 0;

  // Codes of errors as above.
  virtual absl::StatusOr<AttemptOutcome> Run(const AttemptOrder& order, AttemptListener& listener,
                                             std::stop_token stop) = 0;

  // The trial has ended for good: what was kept to resume it goes, of earlier attempts too.
  virtual void DiscardCheckpoints(const AttemptOrder& order) = 0;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_ATTEMPT_RUNNER_H_
