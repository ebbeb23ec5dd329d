#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_ROW_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_ROW_H_

#include <array>
#include <cstdint>

namespace sda::preprocessing::datagen {

inline constexpr int kCriteoInts = 13;
inline constexpr int kCriteoCategories = 26;

// The features of one made-up row of a click log in Criteo's format.
struct CriteoRow {
  static constexpr int32_t kMissingInt = INT32_MIN;
  static constexpr int32_t kMissingRank = 0;

  std::array<int32_t, kCriteoInts> ints{};  // kMissingInt where missing
  std::array<int32_t, kCriteoCategories>
      ranks{};  // the value's rank by frequency, from 1; kMissingRank where missing
};

// How many values each categorical column has in a log of so many rows: the published counts of the Kaggle
// log's 45,840,617 rows and of its first seventh give each column a power law, K(N) = K · (N / 45,840,617)^β
// with β = ln(K / K₁⸝₇) / ln 7. At least 2, at most K.
std::array<int32_t, kCriteoCategories> CriteoCardinalities(int64_t rows);

// Draws rows; the row depends on seed and row number alone. Integers are rounded log-normal counts with a
// common factor, I2 down to −3; values of a column with K categories have rank ⌊(K+1)^u⌋ with u uniform,
// which is Zipf's law; missing shares are those of the Kaggle log. Thread-safe.
class CriteoSampler {
 public:
  CriteoSampler(int64_t rows, int64_t seed);

  CriteoRow Sample(int64_t row) const;

  // Uniform in [0, 1), for the label of the row; independent of its features.
  double LabelDraw(int64_t row) const;

  // The probability of rank `rank` among the values of `column` that are not missing.
  double RankProbability(int column, int32_t rank) const;

  const std::array<int32_t, kCriteoCategories>& cardinalities() const { return cardinalities_; }

 private:
  const uint64_t seed_;
  const std::array<int32_t, kCriteoCategories> cardinalities_;
  std::array<double, kCriteoCategories> log_sizes_{};  // ln(K + 1)
};

// The value that stands for a rank in the file: 32 bits, different for different ranks of a column.
uint32_t CriteoValue(int column, int32_t rank);

}  // namespace sda::preprocessing::datagen

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_ROW_H_
