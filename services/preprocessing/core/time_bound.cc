#include "services/preprocessing/core/time_bound.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

// The bits of a number, in an order that follows the numbers.
uint64_t OrderOf(double time) {
  const auto bits = std::bit_cast<uint64_t>(time);
  return bits >> 63 ? ~bits : bits | (uint64_t{1} << 63);
}

double TimeOf(uint64_t order) {
  return std::bit_cast<double>(order >> 63 ? order & ~(uint64_t{1} << 63) : ~order);
}

}  // namespace

absl::Status TimeBound::Spill(const std::string& scratch_folder) {
  if (times_.empty()) return absl::OkStatus();
  std::sort(times_.begin(), times_.end());
  SortedRuns& runs = runs_.Writable(scratch_folder);
  SDA_RETURN_IF_ERROR(runs.Begin());
  std::string key;
  for (const double time : times_) {
    key.clear();
    AppendOrdered(OrderOf(time), key);
    SDA_RETURN_IF_ERROR(runs.Append(key, {}));
  }
  spilled_ += static_cast<int64_t>(times_.size());
  std::vector<double>().swap(times_);
  return runs.End();
}

absl::Status TimeBound::Merge(TimeBound& other, const std::string& scratch_folder) {
  if (spilled_ > 0 || other.spilled_ > 0) {
    SDA_RETURN_IF_ERROR(Spill(scratch_folder));
    SDA_RETURN_IF_ERROR(other.Spill(scratch_folder));
    spilled_ += std::exchange(other.spilled_, 0);
    runs_.Take(other.runs_);
    return absl::OkStatus();
  }
  times_.insert(times_.end(), other.times_.begin(), other.times_.end());
  std::vector<double>().swap(other.times_);
  return absl::OkStatus();
}

absl::StatusOr<double> TimeBound::Find(double share) {
  // Into the runs that there are, whose folder is known.
  if (spilled_ > 0) SDA_RETURN_IF_ERROR(Spill(/*scratch_folder=*/""));
  const int64_t times = spilled_ > 0 ? spilled_ : static_cast<int64_t>(times_.size());
  if (times == 0) return std::numeric_limits<double>::infinity();
  const auto latest = static_cast<int64_t>(std::floor(share * static_cast<double>(times)));
  const int64_t place = times - latest - 1;
  if (spilled_ == 0) {
    std::nth_element(times_.begin(), times_.begin() + place, times_.end());
    return times_[static_cast<size_t>(place)];
  }
  double found = 0;
  int64_t next = 0;
  SDA_RETURN_IF_ERROR(runs_.Merge([&](std::string_view key, std::string_view) {
    if (next++ == place) found = TimeOf(ReadOrdered(key));
    return absl::OkStatus();
  }));
  return found;
}

}  // namespace sda::preprocessing
