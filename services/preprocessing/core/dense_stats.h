#ifndef SDA_SERVICES_PREPROCESSING_CORE_DENSE_STATS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DENSE_STATS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "common/storage/dense_transform.h"
#include "services/preprocessing/core/exact_sum.h"

namespace sda::preprocessing {

// What is learned from the values of one dense column. Every result depends on the values alone, not on their
// order or on how they were dealt to several objects that are merged. Memory is bounded. Not thread-safe.
class DenseStats {
 public:
  // `value` must be finite and |value| at most kLargestValue.
  void Add(double value) {
    if (value >= 0 && value < kSmall && value == static_cast<double>(static_cast<int>(value))) {
      ++small_[static_cast<size_t>(static_cast<int>(value))];
    } else {
      AddLarge(value);
    }
  }
  void AddMissing() { ++missing_; }
  void Merge(const DenseStats& other);

  struct Moments {
    double mean = 0;
    double stddev = 0;  // of the population
  };

  int64_t values() const;
  int64_t missing() const { return missing_; }
  std::optional<double> min() const;
  std::optional<double> max() const;

  // Exact for up to kExactDistinct values outside 0, 1, …, 4095; beyond that estimated within 3 %.
  int64_t distinct() const;

  // The smallest value with at least half of the values at or below it; exact as above, beyond that within
  // 0.1 %. 0 without values.
  double Median() const;

  // For i = 1 … parts − 1 the smallest value with at least ⌈i · values / parts⌉ of the values at or below it;
  // exact as above. Empty without values.
  std::vector<double> Quantiles(int64_t parts) const;

  // The third standardised moment, of the values or of their signed logarithms; exactness as above. 0 where
  // all values are equal.
  double Skewness(bool log) const;

  // Of the values; to within rounding. Missing values are left out.
  Moments RawMoments() const;

  // Of all rows: the values, and `fill` for each missing one, as they are or as signed logarithms. Logarithms
  // are added in units of 2^-32.
  Moments FilledMoments(double fill, bool log) const;

  static constexpr int64_t kExactDistinct = 131'072;
  static constexpr double kLargestValue = 1e150;  // its square is a double

 private:
  static constexpr int kSmall = 4096;

  struct Sums {
    long double values = 0;
    long double squares = 0;
  };

  Sums RawSums() const;
  Sums LogSums() const;
  void AddLarge(double value);
  void Count(double value, int64_t count);
  void Overflow();
  // Calls visit(value, count) over the values (or their buckets' middles) in ascending order.
  template <class Visit>
  void VisitAscending(const Visit& visit) const;

  std::vector<int64_t> small_ = std::vector<int64_t>(kSmall);  // counts of 0, 1, …, kSmall − 1
  int64_t missing_ = 0;

  // Everything else.
  int64_t large_ = 0;
  double min_ = 0;
  double max_ = 0;
  ExactSum sum_;
  ExactSum squares_;
  __int128 log_sum_ = 0;                           // units of 2^-32
  __int128 log_squares_ = 0;                       // units of 2^-64
  absl::flat_hash_map<uint64_t, int64_t> counts_;  // by bits of the value; empty once overflowed
  bool overflowed_ = false;
  std::vector<uint8_t> registers_;                 // HyperLogLog of the values, once overflowed
  absl::flat_hash_map<int64_t, int64_t> buckets_;  // once overflowed
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DENSE_STATS_H_
