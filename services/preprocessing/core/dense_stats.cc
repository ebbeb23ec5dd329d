#include "services/preprocessing/core/dense_stats.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/base/row_hash.h"

namespace sda::preprocessing {
namespace {

constexpr int kRegisterBits = 12;
constexpr double kLogUnit = 4294967296.0;  // 2^32

int64_t LogUnits(double value) {
  return std::llround(SignedLog(value) * kLogUnit);
}

// The bits of a double, in an order that follows the values.
int64_t OrderedBits(double value) {
  const auto bits = std::bit_cast<int64_t>(value);
  return bits >= 0 ? bits : INT64_MIN - bits;
}

double FromOrderedBits(int64_t ordered) {
  return std::bit_cast<double>(ordered >= 0 ? ordered : INT64_MIN - ordered);
}

// A bucket keeps sign, exponent and 10 bits of mantissa: 42 bits are dropped.
constexpr int kBucketShift = 42;

double BucketMiddle(int64_t bucket) {
  return FromOrderedBits(bucket * (int64_t{1} << kBucketShift) + (int64_t{1} << (kBucketShift - 1)));
}

DenseStats::Moments ToMoments(long double count, long double sum, long double squares) {
  if (count == 0) return {};
  const long double mean = sum / count;
  const long double variance = std::max(squares / count - mean * mean, 0.0L);
  return {static_cast<double>(mean), static_cast<double>(std::sqrt(variance))};
}

}  // namespace

void DenseStats::AddLarge(double value) {
  min_ = large_ == 0 ? value : std::min(min_, value);
  max_ = large_ == 0 ? value : std::max(max_, value);
  ++large_;
  sum_.Add(value);
  squares_.AddSquare(value);
  const int64_t log = LogUnits(value);
  log_sum_ += log;
  log_squares_ += static_cast<__int128>(log) * log;
  Count(value == 0 ? 0.0 : value, 1);
}

void DenseStats::Count(double value, int64_t count) {
  if (!overflowed_) {
    counts_[std::bit_cast<uint64_t>(value)] += count;
    if (static_cast<int64_t>(counts_.size()) > kExactDistinct) Overflow();
    return;
  }
  // The register of the first bits holds the longest run of zeros seen behind them (Flajolet et al. 2007).
  const uint64_t hash = Mix64(std::bit_cast<uint64_t>(value));
  const auto rank = static_cast<uint8_t>(
      std::countl_zero((hash << kRegisterBits) | (uint64_t{1} << (kRegisterBits - 1))) + 1);
  uint8_t& slot = registers_[hash >> (64 - kRegisterBits)];
  slot = std::max(slot, rank);
  buckets_[OrderedBits(value) >> kBucketShift] += count;
}

void DenseStats::Overflow() {
  overflowed_ = true;
  registers_.assign(size_t{1} << kRegisterBits, 0);
  for (const auto& [bits, count] : std::exchange(counts_, {})) Count(std::bit_cast<double>(bits), count);
}

void DenseStats::Merge(const DenseStats& other) {
  for (size_t i = 0; i < small_.size(); ++i) small_[i] += other.small_[i];
  missing_ += other.missing_;
  if (other.large_ == 0) return;
  min_ = large_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = large_ == 0 ? other.max_ : std::max(max_, other.max_);
  large_ += other.large_;
  sum_.Merge(other.sum_);
  squares_.Merge(other.squares_);
  log_sum_ += other.log_sum_;
  log_squares_ += other.log_squares_;
  for (const auto& [bits, count] : other.counts_) Count(std::bit_cast<double>(bits), count);
  if (!other.overflowed_) return;
  if (!overflowed_) Overflow();
  for (size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
  for (const auto& [bucket, count] : other.buckets_) buckets_[bucket] += count;
}

int64_t DenseStats::values() const {
  int64_t count = large_;
  for (const int64_t small : small_) count += small;
  return count;
}

std::optional<double> DenseStats::min() const {
  const auto first = std::find_if(small_.begin(), small_.end(), [](int64_t count) { return count > 0; });
  std::optional<double> result;
  if (first != small_.end()) result = static_cast<double>(first - small_.begin());
  if (large_ > 0) result = std::min(result.value_or(min_), min_);
  return result;
}

std::optional<double> DenseStats::max() const {
  const auto last = std::find_if(small_.rbegin(), small_.rend(), [](int64_t count) { return count > 0; });
  std::optional<double> result;
  if (last != small_.rend()) result = static_cast<double>(small_.rend() - last - 1);
  if (large_ > 0) result = std::max(result.value_or(max_), max_);
  return result;
}

int64_t DenseStats::distinct() const {
  const int64_t small = std::count_if(small_.begin(), small_.end(), [](int64_t count) { return count > 0; });
  if (!overflowed_) return small + static_cast<int64_t>(counts_.size());
  const auto registers = static_cast<double>(registers_.size());
  double sum = 0;
  for (const uint8_t rank : registers_) sum += std::ldexp(1.0, -rank);
  const double alpha = 0.7213 / (1 + 1.079 / registers);
  // Far above 2.5 registers, where no small-range correction applies: overflowing takes kExactDistinct
  // values.
  return small + std::llround(alpha * registers * registers / sum);
}

template <class Visit>
void DenseStats::VisitAscending(const Visit& visit) const {
  std::vector<std::pair<double, int64_t>> others;
  others.reserve(counts_.size() + buckets_.size());
  for (const auto& [bits, count] : counts_) others.emplace_back(std::bit_cast<double>(bits), count);
  for (const auto& [bucket, count] : buckets_) others.emplace_back(BucketMiddle(bucket), count);
  std::sort(others.begin(), others.end());
  size_t next = 0;
  for (int value = 0; value < kSmall; ++value) {
    for (; next < others.size() && others[next].first < value; ++next)
      visit(others[next].first, others[next].second);
    if (small_[static_cast<size_t>(value)] > 0)
      visit(static_cast<double>(value), small_[static_cast<size_t>(value)]);
  }
  for (; next < others.size(); ++next) visit(others[next].first, others[next].second);
}

double DenseStats::Median() const {
  const int64_t half = (values() + 1) / 2;
  int64_t seen = 0;
  double median = 0;
  VisitAscending([&](double value, int64_t count) {
    if (seen < half) median = value;
    seen += count;
  });
  return median;
}

std::vector<double> DenseStats::Quantiles(int64_t parts) const {
  std::vector<double> quantiles;
  const int64_t all = values();
  int64_t seen = 0;
  int64_t next = 1;
  const auto rank = [&](int64_t i) {
    return static_cast<int64_t>((static_cast<__int128>(i) * all + parts - 1) / parts);
  };
  VisitAscending([&](double value, int64_t count) {
    seen += count;
    for (; next < parts && seen >= rank(next); ++next) quantiles.push_back(value);
  });
  return quantiles;
}

double DenseStats::Skewness(bool log) const {
  const auto count = static_cast<double>(values());
  if (count == 0) return 0;
  double mean = 0;
  VisitAscending(
      [&](double value, int64_t n) { mean += static_cast<double>(n) * (log ? SignedLog(value) : value); });
  mean /= count;
  double second = 0;
  double third = 0;
  VisitAscending([&](double value, int64_t n) {
    const double distance = (log ? SignedLog(value) : value) - mean;
    second += static_cast<double>(n) * distance * distance;
    third += static_cast<double>(n) * distance * distance * distance;
  });
  const double variance = second / count;
  const double skewness = third / count / (variance * std::sqrt(variance));
  return std::isfinite(skewness) ? skewness : 0;
}

DenseStats::Sums DenseStats::RawSums() const {
  Sums sums{sum_.Value(), squares_.Value()};
  for (size_t i = 0; i < small_.size(); ++i) {
    const auto value = static_cast<long double>(i);
    const auto count = static_cast<long double>(small_[i]);
    sums.values += count * value;
    sums.squares += count * value * value;
  }
  return sums;
}

DenseStats::Sums DenseStats::LogSums() const {
  __int128 values = log_sum_;
  __int128 squares = log_squares_;
  for (size_t i = 0; i < small_.size(); ++i) {
    const int64_t log = LogUnits(static_cast<double>(i));
    values += static_cast<__int128>(small_[i]) * log;
    squares += static_cast<__int128>(small_[i]) * log * log;
  }
  return {static_cast<long double>(values) / kLogUnit,
          static_cast<long double>(squares) / kLogUnit / kLogUnit};
}

DenseStats::Moments DenseStats::RawMoments() const {
  const Sums sums = RawSums();
  return ToMoments(static_cast<long double>(values()), sums.values, sums.squares);
}

DenseStats::Moments DenseStats::FilledMoments(double fill, bool log) const {
  Sums sums = log ? LogSums() : RawSums();
  const auto filled = static_cast<long double>(log ? SignedLog(fill) : fill);
  const auto missing = static_cast<long double>(missing_);
  sums.values += missing * filled;
  sums.squares += missing * filled * filled;
  return ToMoments(static_cast<long double>(values() + missing_), sums.values, sums.squares);
}

}  // namespace sda::preprocessing
