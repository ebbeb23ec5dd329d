#include "services/optimizer/core/bayes/pace.h"

#include <absl/time/clock.h>

#include "services/optimizer/core/bayes/linalg.h"

namespace sda::optimizer::bayes {
namespace {

// Of fewer trials other things take longer than the factorisation.
constexpr size_t kLeastTelling = 100;
constexpr size_t kMeasured = 160;
constexpr double kMargin = 3;

double Cubes(size_t n, size_t models) {
  const auto trials = static_cast<double>(n);
  return trials * trials * trials * static_cast<double>(models);
}

// What the models do with a matrix of some size: factor and inverse.
absl::Duration Measure() {
  Matrix factor, inverse;
  factor.Resize(kMeasured, kMeasured);
  for (size_t i = 0; i < kMeasured; ++i) {
    for (size_t j = 0; j <= i; ++j) factor(i, j) = i == j ? 2 : 1 / static_cast<double>(1 + i - j);
  }
  const absl::Time began = absl::Now();
  if (CholeskyInPlace(factor)) InvertTriangle(factor, inverse);
  return absl::Now() - began;
}

}  // namespace

absl::Duration Pace::Expected(size_t n, size_t models) const {
  if (cube_ == 0) cube_ = absl::ToDoubleNanoseconds(Measure()) / Cubes(kMeasured, 1);
  return absl::Nanoseconds(kMargin * cube_ * Cubes(n, models));
}

void Pace::Took(size_t n, size_t models, absl::Duration time) {
  if (n >= kLeastTelling) cube_ = absl::ToDoubleNanoseconds(time) / Cubes(n, models);
}

}  // namespace sda::optimizer::bayes
