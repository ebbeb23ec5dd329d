#include "services/preprocessing/server/job_progress.h"

#include <algorithm>

#include <google/protobuf/duration.pb.h>

namespace sda::preprocessing {

bool JobProgress::Update(const Progress& progress, absl::Duration now, absl::Duration interval,
                         common::v1::Progress& out) {
  const bool new_stage = progress.stage != stage_;
  if (new_stage) {
    stage_ = progress.stage;
    stage_began_ = now;
  } else if (now - last_shown_ < interval) {
    return false;
  }
  last_shown_ = now;

  const bool rows_known = progress.rows_total > 0;
  const int64_t done = rows_known ? progress.rows : progress.bytes;
  const int64_t total = rows_known ? progress.rows_total : progress.bytes_total;
  out.Clear();
  out.set_stage(progress.stage);
  out.set_done_count(std::min(done, total));
  out.set_total_count(total);
  out.set_unit(rows_known ? "rows" : "bytes");
  const double seconds = absl::ToDoubleSeconds(now - stage_began_);
  if (seconds <= 0 || done <= 0) return true;
  const double rate = static_cast<double>(done) / seconds;
  out.set_rate_per_second(rate);
  const double left = static_cast<double>(std::max<int64_t>(total - done, 0)) / rate;
  out.mutable_remaining()->set_seconds(static_cast<int64_t>(left));
  out.mutable_remaining()->set_nanos(
      static_cast<int32_t>((left - static_cast<double>(static_cast<int64_t>(left))) * 1e9));
  return true;
}

}  // namespace sda::preprocessing
