#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FINITE_DIFFERENCE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FINITE_DIFFERENCE_H_

#include <cmath>
#include <functional>
#include <span>

#include <gtest/gtest.h>

namespace sda::trainer {

// Checks gradient[i] against the central difference of `loss` by values[i], for every i. Only for tests.
//
// The difference is wrong by h²/6 of the third derivative and by rounding: the losses of the tests are O(1)
// sums of float results, so about 1e-6/h. h = 2^-7 makes both about 1e-4; the tolerance is ten times that, of
// the largest gradient or 1.
inline void ExpectGradient(std::span<float> values, std::span<const float> gradient,
                           const std::function<double()>& loss, const char* what) {
  constexpr float kStep = 0x1p-7f;
  double largest = 1;
  for (float g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  for (size_t i = 0; i < values.size(); ++i) {
    const float saved = values[i];
    values[i] = saved + kStep;
    const double above = loss();
    const double taken_above = values[i];
    values[i] = saved - kStep;
    const double below = loss();
    const double difference = (above - below) / (taken_above - values[i]);
    values[i] = saved;
    EXPECT_TRUE(std::abs(gradient[i] - difference) <= 1e-3 * largest)
        << what << "[" << i << "]: gradient " << gradient[i] << ", difference " << difference;
  }
}

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_FINITE_DIFFERENCE_H_
