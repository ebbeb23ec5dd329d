#ifndef SDA_SERVICES_PREPROCESSING_SERVER_JOB_PROGRESS_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_JOB_PROGRESS_H_

#include <string>

#include <absl/time/time.h>

#include "sda/common/v1/common.pb.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

// Turns the core's progress into what clients see: bytes while the number of rows is unknown, then rows; with
// rate and time left by the mean since the stage began. Not thread-safe.
class JobProgress {
 public:
  // What to show at monotonic time `now`; nothing if the last was shown less than `interval` ago, in the same
  // stage.
  bool Update(const Progress& progress, absl::Duration now, absl::Duration interval,
              common::v1::Progress& out);

 private:
  std::string stage_;
  absl::Duration stage_began_;
  absl::Duration last_shown_ = -absl::InfiniteDuration();
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_JOB_PROGRESS_H_
