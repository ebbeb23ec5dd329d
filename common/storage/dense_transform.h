#ifndef SDA_COMMON_STORAGE_DENSE_TRANSFORM_H_
#define SDA_COMMON_STORAGE_DENSE_TRANSFORM_H_

#include "common/storage/dataset_manifest.h"

namespace sda {

// sign(x) · ln(1 + |x|), the logarithm of the dense transform.
double SignedLog(double x);

// A dense column's encoded value of a raw one. One function for datasets and for serving, so that a row gets
// the same bytes in both.
float ApplyTransform(const DenseTransform& transform, double raw);

// Of a missing value.
float ApplyTransformToMissing(const DenseTransform& transform);

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_DENSE_TRANSFORM_H_
