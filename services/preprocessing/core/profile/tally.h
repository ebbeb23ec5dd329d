#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_TALLY_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_TALLY_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace sda::preprocessing {

// Rows are counted by what they are for: training rows of one of two folds, with or without a click, or test
// rows. The folds are what held-out figures come from: what is learned on one is judged on the other. Every
// row is one increment, whatever is asked of it later.
inline constexpr size_t kTallySlots = 5;
inline constexpr size_t kTestSlot = 4;
inline constexpr int kFolds = 2;

inline size_t TrainSlot(int fold, bool positive) {
  return 2 * static_cast<size_t>(fold) + (positive ? 1 : 0);
}

// The rows with one value, or with one of a range of values.
struct Tally {
  std::array<int64_t, kTallySlots> counts{};

  int64_t negatives(int fold) const { return counts[TrainSlot(fold, false)]; }
  int64_t positives(int fold) const { return counts[TrainSlot(fold, true)]; }
  int64_t rows(int fold) const { return negatives(fold) + positives(fold); }
  int64_t positives() const { return positives(0) + positives(1); }
  int64_t train() const { return rows(0) + rows(1); }
  int64_t test() const { return counts[kTestSlot]; }

  Tally& operator+=(const Tally& other) {
    for (size_t i = 0; i < kTallySlots; ++i) counts[i] += other.counts[i];
    return *this;
  }
  bool operator==(const Tally&) const = default;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_TALLY_H_
