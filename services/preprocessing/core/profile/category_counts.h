#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_CATEGORY_COUNTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_CATEGORY_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/preprocessing/core/profile/hyperloglog.h"
#include "services/preprocessing/core/profile/tally.h"
#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// Rows of one column of categories, by value: exact while there are at most `limit` values, of at most
// kAverageBytes bytes on average over so many. Beyond that
//
// - distinct values by HyperLogLog;
// - rows of a value by a count-min sketch of 4 rows of 16,384 counters (G. Cormode, S. Muthukrishnan, "An
//   improved data stream summary", 2005): never too few; too many by at most e / 16,384 of all rows, for each
//   value asked for, with probability 1 − e^−4 = 98 %;
// - groups of values as those of one counter of the sketch's first row: what a hashed feature of 16,384
//   buckets would see.
//
// Everything is a sum or a maximum over rows, so that neither their order nor how they were dealt to several
// objects of one limit that are merged matters. Memory is bounded. Not thread-safe.
class CategoryCounts {
 public:
  static constexpr size_t kCounters = 16384;

  static constexpr size_t kAverageBytes = 128;

  explicit CategoryCounts(size_t limit) : limit_(limit) {}

  // Adds a row for each key: keys[i] in slots[i].
  void Add(std::span<const ValueTable::Key> keys, std::span<const uint8_t> slots);
  // Of an object with the same limit.
  void Merge(const CategoryCounts& other);

  bool exact() const { return !sketch_; }

  // Distinct values of training rows; within distinct_relative_error() (0: exact) as a standard deviation.
  int64_t distinct() const;
  double distinct_relative_error() const;

  // Training rows with a value.
  int64_t train_rows() const;

  // The value's rows: exact, else too many by at most count_error() with the probability above; rows with and
  // without a click and test rows are then those of its group.
  Tally Find(std::string_view value) const;
  int64_t count_error() const;

  // Values, or groups of values, that have rows; in an order that depends on the values alone where they are
  // groups, else in no particular one.
  std::vector<Tally> Groups() const;

  // The values of most training rows, at most `count`, ties by bytes; only where exact().
  std::vector<std::pair<std::string, Tally>> Top(size_t count) const;

 private:
  static constexpr size_t kRows = 4;

  struct Sketch {
    HyperLogLog distinct;
    std::vector<Tally> groups = std::vector<Tally>(kCounters);
    // Training rows, of the sketch's other rows.
    std::array<std::vector<int64_t>, kRows - 1> others;

    Sketch() { others.fill(std::vector<int64_t>(kCounters)); }
    void Add(uint64_t hash, const Tally& tally);
    void Merge(const Sketch& other);
  };

  static uint64_t HashOf(const ValueTable::Key& key);
  // Position of a hash in one row of the sketch: each row has 14 bits of its own.
  static size_t Position(uint64_t hash, size_t row) { return (hash >> (50 - 14 * row)) & (kCounters - 1); }

  // The position of the value's tally.
  size_t IndexOf(const ValueTable::Key& key);
  bool full() const { return tallies_.size() > limit_ || bytes_ > limit_ * kAverageBytes; }
  void Overflow();

  const size_t limit_;
  ValueTable values_;           // one more than the index into tallies_
  std::vector<Tally> tallies_;  // while exact
  size_t bytes_ = 0;            // of the values
  std::unique_ptr<Sketch> sketch_;
  std::vector<size_t> found_;  // scratch
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_CATEGORY_COUNTS_H_
