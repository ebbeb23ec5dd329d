#include "common/storage/dense_transform.h"

#include <cmath>

namespace sda {

double SignedLog(double x) {
  return std::copysign(std::log1p(std::abs(x)), x);
}

float ApplyTransform(const DenseTransform& transform, double raw) {
  const double taken = transform.log ? SignedLog(raw) : raw;
  return static_cast<float>((taken - transform.mean) / transform.scale);
}

float ApplyTransformToMissing(const DenseTransform& transform) {
  return ApplyTransform(transform, transform.fill_value);
}

}  // namespace sda
