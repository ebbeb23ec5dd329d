#ifndef SDA_SERVICES_PREPROCESSING_CORE_TIME_BOUND_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TIME_BOUND_H_

#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/sorted_runs.h"

namespace sda::preprocessing {

// The times of rows, to find the one behind which the latest share of them lies. Mergeable; 8 bytes a row in
// memory until they are spilled. Not thread-safe.
class TimeBound {
 public:
  void Add(double time) { times_.push_back(time); }

  // Memory taken.
  int64_t bytes() const { return static_cast<int64_t>(times_.capacity() * sizeof(double)); }

  // Writes what is in memory to disk and gives the memory back.
  absl::Status Spill(const std::string& scratch_folder);

  // Takes over the times of another one, which is left empty. Where one of both is spilled, so is the rest.
  absl::Status Merge(TimeBound& other, const std::string& scratch_folder);

  // Of n times in order that at index n − ⌊share · n⌋ − 1; infinity where there are none. Call once, last.
  absl::StatusOr<double> Find(double share);

 private:
  std::vector<double> times_;
  SpilledRuns runs_;
  int64_t spilled_ = 0;  // times in them
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TIME_BOUND_H_
