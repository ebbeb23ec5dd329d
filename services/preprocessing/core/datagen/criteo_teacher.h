#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_TEACHER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_TEACHER_H_

#include <array>
#include <cstdint>
#include <vector>

#include "services/preprocessing/core/datagen/criteo_row.h"

namespace sda::preprocessing::datagen {

// The planted structure: the probability of a click is a function of the row's visible features, so a model
// that learns the function reaches the best possible AUC.
//
//   logit = b + σ · standardised( Σ dense effects + Σ value effects + Σ ⟨p, q⟩ over three pairs of columns
//                                 + Σ w · t over two pairs of a column and an integer )
//
// Dense effects are linear, some with a hump, in t, the standardised logarithm of the integer, with an effect
// of its own where it is missing. Effects and vectors of a value are normal numbers fixed by the seed; those
// of rare values shrink with their frequency, as nobody could learn them: by p / (p + 1/200). b makes a
// quarter of the rows clicks, σ sets the best AUC to about 0.84. Thread-safe.
class CriteoTeacher {
 public:
  CriteoTeacher(const CriteoSampler& sampler, int64_t seed);

  double Logit(const CriteoRow& row) const;
  double ClickProbability(const CriteoRow& row) const;

 private:
  static constexpr int kVector = 4;

  // What is planted for one value of a categorical column.
  struct Value {
    float effect = 0;
    float slope = 0;  // of an integer, where the column is paired with one
    std::array<float, kVector> vector{};
  };

  // Values kept ready; rarer ones shrink to nothing.
  static constexpr int32_t kKeptValues = 4096;

  const Value& ValueOf(int column, int32_t rank) const;
  double RawLogit(const CriteoRow& row) const;
  void PlantValues(const CriteoSampler& sampler, uint64_t seed);
  void Calibrate(const CriteoSampler& sampler);

  std::array<std::vector<Value>, kCriteoCategories> values_;  // by rank; 0 is missing
  double center_ = 0;
  double scale_ = 1;
  double bias_ = 0;
};

}  // namespace sda::preprocessing::datagen

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATAGEN_CRITEO_TEACHER_H_
