#include "services/trainer_worker/core/kernels/reference_gemm.h"

namespace sda::trainer {

void ReferenceMultiply(const Product& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) {
      double sum = p.bias != nullptr ? p.bias[j] : 0;
      for (int64_t l = 0; l < p.k; ++l) {
        const float a = p.a_transposed ? p.a[l * p.a_stride + i] : p.a[i * p.a_stride + l];
        const float b = p.b_transposed ? p.b[j * p.b_stride + l] : p.b[l * p.b_stride + j];
        sum += static_cast<double>(a) * b;
      }
      float value = static_cast<float>(sum);
      if (p.activation == Activation::kRelu && value < 0) value = 0;
      p.c[i * p.c_stride + j] = value;
    }
  }
}

}  // namespace sda::trainer
