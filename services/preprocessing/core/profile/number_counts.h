#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_NUMBER_COUNTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_NUMBER_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "services/preprocessing/core/exact_sum.h"
#include "services/preprocessing/core/profile/hyperloglog.h"
#include "services/preprocessing/core/profile/tally.h"

namespace sda::preprocessing {

// Rows of one column of numbers, by value: exact while there are at most `limit` values beside 0, 1, …, 1023.
// Beyond that by ranges of values with a common beginning of their bits (sign, exponent, first bits of the
// mantissa), which is as long as it can be with at most `limit` ranges. How long depends on the values alone,
// not on their order, nor on how they were dealt to several objects of one limit that are merged; counts of
// ranges are exact, so a quantile is off by no more rows than its range holds. Memory is bounded. Not
// thread-safe.
class NumberCounts {
 public:
  // Values from `lower` to `upper`; both the same where it is one value.
  struct Range {
    double lower = 0;
    double upper = 0;
    Tally tally;

    double middle() const { return lower + (upper - lower) / 2; }
  };

  explicit NumberCounts(size_t limit) : limit_(limit) {}

  // `value` is finite and |value| at most DenseStats::kLargestValue.
  void Add(double value, size_t slot) {
    if (value >= 0 && value < kSmall && value == static_cast<double>(static_cast<int>(value))) {
      ++small_[static_cast<size_t>(static_cast<int>(value))].counts[slot];
    } else {
      AddLarge(value, slot);
    }
  }
  // Of an object with the same limit.
  void Merge(const NumberCounts& other);

  bool exact() const { return dropped_bits_ == 0; }

  // The ranges with rows, in ascending order, none overlapping.
  std::vector<Range> Ranges() const;

  // Distinct values of training rows; within distinct_relative_error() (0: exact) as a standard deviation.
  int64_t distinct() const;
  double distinct_relative_error() const;

  // Of training rows, to within rounding.
  struct Moments {
    int64_t rows = 0;
    double mean = 0;
    double stddev = 0;         // of the population
    double positive_mean = 0;  // of the rows with a click; 0 without any
  };
  Moments TrainMoments() const;

 private:
  static constexpr int kSmall = 1024;

  void AddLarge(double value, size_t slot);
  // Drops bits until at most limit_ ranges are left, and at least so many.
  void Coarsen(int dropped_bits);
  void CountDistinct(int64_t bits);

  const size_t limit_;
  std::vector<Tally> small_ = std::vector<Tally>(kSmall);  // of 0, 1, …, kSmall − 1
  int dropped_bits_ = 0;
  absl::flat_hash_map<int64_t, Tally> ranges_;  // all others, by ordered bits without the dropped ones
  std::unique_ptr<HyperLogLog> distinct_;       // of all others, once bits were dropped
  ExactSum sum_, squares_, positive_sum_;       // of all others, training rows
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_NUMBER_COUNTS_H_
