#include "services/preprocessing/core/profile/number_counts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

#include "common/base/row_hash.h"

namespace sda::preprocessing {
namespace {

// The bits of a double, in an order that follows the values.
int64_t OrderedBits(double value) {
  const auto bits = std::bit_cast<int64_t>(value);
  return bits >= 0 ? bits : INT64_MIN - bits;
}

double FromOrderedBits(int64_t ordered) {
  return std::bit_cast<double>(ordered >= 0 ? ordered : INT64_MIN - ordered);
}

}  // namespace

void NumberCounts::AddLarge(double value, size_t slot) {
  if (slot != kTestSlot) {
    sum_.Add(value);
    squares_.AddSquare(value);
    if ((slot & 1) != 0) positive_sum_.Add(value);
  }
  const int64_t bits = OrderedBits(value);
  if (distinct_ && slot != kTestSlot) CountDistinct(bits);
  ++ranges_[bits >> dropped_bits_].counts[slot];
  if (ranges_.size() > limit_) Coarsen(dropped_bits_);
}

void NumberCounts::CountDistinct(int64_t bits) {
  distinct_->Add(Mix64(static_cast<uint64_t>(bits)));
}

void NumberCounts::Coarsen(int at_least) {
  if (!distinct_) {
    distinct_ = std::make_unique<HyperLogLog>();
    for (const auto& [bits, tally] : ranges_) {
      if (tally.train() > 0) CountDistinct(bits);
    }
  }
  // Two neighbours stay apart while the highest bit in which they differ is kept.
  std::vector<int64_t> keys;
  keys.reserve(ranges_.size());
  for (const auto& [key, tally] : ranges_) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  std::array<size_t, 65> apart{};  // neighbours whose highest differing bit has this number, from 1
  for (size_t i = 1; i < keys.size(); ++i)
    ++apart[static_cast<size_t>(std::bit_width(static_cast<uint64_t>(keys[i] ^ keys[i - 1])))];
  int drop = at_least - dropped_bits_;
  size_t left = keys.empty() ? 0 : 1;
  for (size_t width = static_cast<size_t>(drop) + 1; width < apart.size(); ++width) left += apart[width];
  while (left > limit_) left -= apart[static_cast<size_t>(++drop)];
  if (drop == 0) return;
  absl::flat_hash_map<int64_t, Tally> coarse;
  coarse.reserve(left);
  for (const auto& [key, tally] : ranges_) coarse[key >> drop] += tally;
  ranges_ = std::move(coarse);
  dropped_bits_ += drop;
}

void NumberCounts::Merge(const NumberCounts& other) {
  for (size_t i = 0; i < small_.size(); ++i) small_[i] += other.small_[i];
  sum_.Merge(other.sum_);
  squares_.Merge(other.squares_);
  positive_sum_.Merge(other.positive_sum_);
  if (other.distinct_ && !distinct_) Coarsen(other.dropped_bits_);
  if (distinct_) {
    if (other.distinct_) {
      distinct_->Merge(*other.distinct_);
    } else {
      for (const auto& [bits, tally] : other.ranges_) {
        if (tally.train() > 0) CountDistinct(bits);
      }
    }
  }
  if (other.dropped_bits_ > dropped_bits_) Coarsen(other.dropped_bits_);
  // Coarsen may have dropped more than the other did, and may do so again on the way.
  for (const auto& [key, tally] : other.ranges_) {
    ranges_[key >> (dropped_bits_ - other.dropped_bits_)] += tally;
    if (ranges_.size() <= limit_) continue;
    if (!distinct_ && other.dropped_bits_ == 0) {
      distinct_ = std::make_unique<HyperLogLog>();
      for (const auto& [bits, mine] : ranges_) {
        if (mine.train() > 0) CountDistinct(bits);
      }
      for (const auto& [bits, theirs] : other.ranges_) {
        if (theirs.train() > 0) CountDistinct(bits);
      }
    }
    Coarsen(dropped_bits_);
  }
}

std::vector<NumberCounts::Range> NumberCounts::Ranges() const {
  std::map<int64_t, Tally> ordered(ranges_.begin(), ranges_.end());
  for (size_t value = 0; value < small_.size(); ++value) {
    if (small_[value] != Tally())
      ordered[OrderedBits(static_cast<double>(value)) >> dropped_bits_] += small_[value];
  }
  std::vector<Range> ranges;
  ranges.reserve(ordered.size());
  for (const auto& [key, tally] : ordered) {
    const int64_t first = static_cast<int64_t>(static_cast<uint64_t>(key) << dropped_bits_);
    const int64_t last = first + static_cast<int64_t>((uint64_t{1} << dropped_bits_) - 1);
    ranges.push_back({FromOrderedBits(first), FromOrderedBits(last), tally});
  }
  return ranges;
}

int64_t NumberCounts::distinct() const {
  const auto in_train = [](const Tally& tally) { return tally.train() > 0; };
  const int64_t small = std::count_if(small_.begin(), small_.end(), in_train);
  if (distinct_) return small + std::llround(distinct_->Estimate());
  return small + std::count_if(ranges_.begin(), ranges_.end(),
                               [&](const auto& range) { return in_train(range.second); });
}

double NumberCounts::distinct_relative_error() const {
  return distinct_ ? HyperLogLog::RelativeStandardError() : 0;
}

NumberCounts::Moments NumberCounts::TrainMoments() const {
  long double sum = sum_.Value();
  long double squares = squares_.Value();
  long double positive_sum = positive_sum_.Value();
  int64_t rows = 0;
  int64_t positives = 0;
  for (size_t i = 0; i < small_.size(); ++i) {
    const auto value = static_cast<long double>(i);
    const auto count = static_cast<long double>(small_[i].train());
    sum += count * value;
    squares += count * value * value;
    positive_sum += static_cast<long double>(small_[i].positives()) * value;
    rows += small_[i].train();
    positives += small_[i].positives();
  }
  for (const auto& [key, tally] : ranges_) {
    rows += tally.train();
    positives += tally.positives();
  }
  Moments moments{.rows = rows};
  if (rows == 0) return moments;
  const long double mean = sum / static_cast<long double>(rows);
  moments.mean = static_cast<double>(mean);
  moments.stddev =
      static_cast<double>(std::sqrt(std::max(squares / static_cast<long double>(rows) - mean * mean, 0.0L)));
  if (positives > 0)
    moments.positive_mean = static_cast<double>(positive_sum / static_cast<long double>(positives));
  return moments;
}

}  // namespace sda::preprocessing
