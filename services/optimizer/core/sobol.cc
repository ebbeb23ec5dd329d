#include "services/optimizer/core/sobol.h"

#include "common/numerics/rng.h"

namespace sda::optimizer {
namespace {

constexpr int kBits = 32;

// Degree, inner coefficients of the primitive polynomial, and initial numbers of coordinates 2 to 21.
struct JoeKuo {
  int degree;
  uint32_t coefficients;
  uint32_t initial[7];
};

constexpr JoeKuo kJoeKuo[] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};

// Whether x generates the multiplicative group of GF(2)[x] modulo the polynomial: x^(2^d − 1) = 1 and no
// smaller power of the form (2^d − 1)/p is. `polynomial` includes the leading term.
bool IsPrimitive(uint32_t polynomial, int degree) {
  const auto multiply = [&](uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (; b != 0; b >>= 1) {
      if (b & 1) product ^= a;
      a <<= 1;
      if (a >> degree & 1) a ^= polynomial;
    }
    return product;
  };
  const auto power_of_x = [&](uint32_t exponent) {
    uint32_t result = 1;
    uint32_t base = degree == 1 ? (2u ^ polynomial) : 2u;
    for (; exponent != 0; exponent >>= 1) {
      if (exponent & 1) result = multiply(result, base);
      base = multiply(base, base);
    }
    return result;
  };
  const uint32_t order = (1u << degree) - 1;
  if (power_of_x(order) != 1) return false;
  uint32_t rest = order;
  for (uint32_t prime = 2; prime <= rest; ++prime) {
    if (rest % prime != 0) continue;
    while (rest % prime == 0) rest /= prime;
    if (order != prime && power_of_x(order / prime) == 1) return false;
    if (order == prime && degree > 1 && power_of_x(1) == 1) return false;
  }
  return true;
}

// Bratley and Fox (1988), Algorithm 659: the recurrence of the direction numbers.
std::vector<uint32_t> Directions(int degree, uint32_t coefficients, const std::vector<uint32_t>& initial) {
  std::vector<uint32_t> v(kBits);
  for (int i = 0; i < kBits; ++i) {
    if (i < degree) {
      v[i] = initial[i] << (kBits - 1 - i);
      continue;
    }
    v[i] = v[i - degree] ^ (v[i - degree] >> degree);
    for (int k = 1; k < degree; ++k) {
      if (coefficients >> (degree - 1 - k) & 1) v[i] ^= v[i - k];
    }
  }
  return v;
}

// Scrambles by flipping each bit by a hash of all higher ones: on reversed bits, an additive-multiplicative
// hash whose carries move only upwards does that (Burley 2020, "Practical Hash-based Owen Scrambling").
uint32_t OwenScramble(uint32_t bits, uint32_t seed) {
  const auto reverse = [](uint32_t x) {
    x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
    x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f) | (x & 0x0f0f0f0f) << 4;
    x = (x >> 8 & 0x00ff00ff) | (x & 0x00ff00ff) << 8;
    return x >> 16 | x << 16;
  };
  uint32_t x = reverse(bits);
  x ^= x * 0x3d20adea;
  x += seed;
  x *= (seed >> 16) | 1;
  x ^= x * 0x05526c56;
  x ^= x * 0x53a22864;
  return reverse(x);
}

}  // namespace

SobolSequence::SobolSequence(int dimensions, uint64_t seed) : seed_(seed) {
  std::vector<uint32_t> van_der_corput(kBits);
  for (int i = 0; i < kBits; ++i) van_der_corput[i] = 1u << (kBits - 1 - i);
  directions_.push_back(van_der_corput);
  for (const JoeKuo& row : kJoeKuo) {
    if (static_cast<int>(directions_.size()) == dimensions) return;
    directions_.push_back(Directions(row.degree, row.coefficients, {row.initial, row.initial + row.degree}));
  }
  int degree = 7;
  uint32_t coefficients = 5;  // after the last of the table
  while (static_cast<int>(directions_.size()) < dimensions) {
    const uint32_t polynomial = 1u << degree | coefficients << 1 | 1u;
    if (IsPrimitive(polynomial, degree)) {
      std::vector<uint32_t> initial(degree);
      for (int i = 0; i < degree; ++i) {
        // Odd and below 2^(i+1).
        const uint64_t word = HashOf(0x50B01, {directions_.size(), static_cast<uint64_t>(i)});
        initial[i] = (static_cast<uint32_t>(word) & ((2u << i) - 1)) | 1;
      }
      directions_.push_back(Directions(degree, coefficients, initial));
    }
    if (++coefficients >= 1u << (degree - 1)) {
      ++degree;
      coefficients = 0;
    }
  }
}

uint32_t SobolSequence::RawBits(int dimension, uint32_t index) const {
  uint32_t bits = 0;
  for (uint32_t gray = index ^ (index >> 1), i = 0; gray != 0; gray >>= 1, ++i) {
    if (gray & 1) bits ^= directions_[dimension][i];
  }
  return bits;
}

std::vector<double> SobolSequence::RawPoint(uint32_t index) const {
  std::vector<double> point(directions_.size());
  for (size_t d = 0; d < point.size(); ++d) point[d] = RawBits(static_cast<int>(d), index) * 0x1.0p-32;
  return point;
}

std::vector<double> SobolSequence::Point(uint32_t index) const {
  std::vector<double> point(directions_.size());
  for (size_t d = 0; d < point.size(); ++d) {
    const auto seed = static_cast<uint32_t>(HashOf(seed_, {d}));
    point[d] = OwenScramble(RawBits(static_cast<int>(d), index), seed) * 0x1.0p-32;
  }
  return point;
}

}  // namespace sda::optimizer
