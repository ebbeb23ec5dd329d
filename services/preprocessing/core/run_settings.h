#ifndef SDA_SERVICES_PREPROCESSING_CORE_RUN_SETTINGS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_RUN_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "services/preprocessing/core/text_format.h"

namespace sda::preprocessing {

struct Progress {
  // "join 1", …; "scan"; "fit", of a pipeline "fit 1", …; "ids 1", … (where tables do not fit into memory);
  // "encode".
  std::string stage;
  int64_t rows = 0;        // done in this stage
  int64_t rows_total = 0;  // 0 while unknown
  int64_t bytes = 0;       // of input passed in this stage
  int64_t bytes_total = 0;
};

// How to do the work, which never changes what comes out.
struct RunSettings {
  int threads = 1;  // >= 1
  std::stop_token stop = {};
  // Memory the job may take, beside what the process holds already; 0: no limit. What does not fit goes to
  // scratch files.
  int64_t memory_bytes = 0;
  // A row of this size or longer is bad; at least 256 KiB.
  size_t max_row_bytes = kMaxRowBytes;
  // For scratch files, local; empty: the system's folder for temporary files.
  std::string scratch_folder = {};
  // Asked when the job is cancelled: whether what is finished stays, for a later call that goes on from
  // there.
  std::function<bool()> keeps_partial = {};
  // Called from the working threads, one call at a time, often; must be fast.
  std::function<void(const Progress&)> on_progress = {};
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_RUN_SETTINGS_H_
