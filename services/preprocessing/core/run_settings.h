#ifndef SDA_SERVICES_PREPROCESSING_CORE_RUN_SETTINGS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_RUN_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace sda::preprocessing {

struct Progress {
  std::string stage;       // "scan", "fit", "encode"
  int64_t rows = 0;        // done in this stage
  int64_t rows_total = 0;  // 0 while unknown
  int64_t bytes = 0;       // of input passed in this stage
  int64_t bytes_total = 0;
};

// How to do the work, which never changes what comes out.
struct RunSettings {
  int threads = 1;  // >= 1
  std::stop_token stop = {};
  // Called from the working threads, one call at a time, often; must be fast.
  std::function<void(const Progress&)> on_progress = {};
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_RUN_SETTINGS_H_
