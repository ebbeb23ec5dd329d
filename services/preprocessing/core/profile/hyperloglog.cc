#include "services/preprocessing/core/profile/hyperloglog.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace sda::preprocessing {
namespace {

// Ertl's σ(x) = x + Σ_k x^(2^k) · 2^(k−1), for the registers that nothing fell to.
double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double weight = 1;
  double sum = x;
  for (double last = -1; sum != last;) {
    x *= x;
    last = sum;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}

// Ertl's τ(x) = ⅓ (1 − x − Σ_k (1 − x^(2^−k))² · 2^−k), for the registers that are full.
double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double weight = 1;
  double sum = 1 - x;
  for (double last = -1; sum != last;) {
    x = std::sqrt(x);
    last = sum;
    weight *= 0.5;
    sum -= (1 - x) * (1 - x) * weight;
  }
  return sum / 3;
}

}  // namespace

void HyperLogLog::Merge(const HyperLogLog& other) {
  for (size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

double HyperLogLog::Estimate() const {
  constexpr int kLongest = 64 - kIndexBits;
  constexpr auto kCount = static_cast<double>(kRegisters);
  std::array<double, kLongest + 2> registers_of_rank{};
  for (const uint8_t rank : registers_) ++registers_of_rank[rank];
  double z = kCount * Tau(1 - registers_of_rank[kLongest + 1] / kCount);
  for (size_t rank = kLongest; rank >= 1; --rank) z = 0.5 * (z + registers_of_rank[rank]);
  z += kCount * Sigma(registers_of_rank[0] / kCount);
  return kCount * kCount / (2 * std::log(2.0) * z);
}

double HyperLogLog::RelativeStandardError() {
  return 1.04 / std::sqrt(static_cast<double>(kRegisters));
}

}  // namespace sda::preprocessing
