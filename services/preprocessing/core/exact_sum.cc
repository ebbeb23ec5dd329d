#include "services/preprocessing/core/exact_sum.h"

#include <bit>
#include <cmath>

namespace sda::preprocessing {
namespace {

constexpr uint64_t kMantissaMask = (uint64_t{1} << 52) - 1;
constexpr uint64_t kDigitMask = 0xffffffffu;
constexpr int64_t kMaxPending = int64_t{1} << 30;

}  // namespace

void ExactSum::Add(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  // Subnormal numbers have the weight of exponent 1 and no hidden bit.
  const uint64_t mantissa = (bits & kMantissaMask) | (exponent == 0 ? 0 : uint64_t{1} << 52);
  const int position = exponent == 0 ? 0 : exponent - 1;  // value = ±mantissa · 2^(position − 1074)
  const auto shifted = static_cast<unsigned __int128>(mantissa) << (position % 32);
  int64_t* const digit = digits_.data() + position / 32;
  const auto low = static_cast<int64_t>(static_cast<uint64_t>(shifted) & kDigitMask);
  const auto middle = static_cast<int64_t>(static_cast<uint64_t>(shifted >> 32) & kDigitMask);
  const auto high = static_cast<int64_t>(static_cast<uint64_t>(shifted >> 64));
  const int64_t sign = value < 0 ? -1 : 1;
  digit[0] += sign * low;
  digit[1] += sign * middle;
  digit[2] += sign * high;
  if (++pending_ == kMaxPending) Carry();
}

void ExactSum::AddSquare(double value) {
  const double square = value * value;
  Add(square);
  Add(std::fma(value, value, -square));  // what rounding the square left out
}

void ExactSum::Merge(const ExactSum& other) {
  ExactSum carried = other;
  carried.Carry();
  Carry();
  for (int i = 0; i < kDigits; ++i)
    digits_[static_cast<size_t>(i)] += carried.digits_[static_cast<size_t>(i)];
  pending_ += 1;
}

void ExactSum::Carry() {
  for (size_t i = 0; i + 1 < kDigits; ++i) {
    const int64_t carry = digits_[i] >> 32;  // towards minus infinity, so digits end in [0, 2^32)
    digits_[i] -= carry * (int64_t{1} << 32);
    digits_[i + 1] += carry;
  }
  pending_ = 0;
}

long double ExactSum::Value() const {
  ExactSum magnitude = *this;
  magnitude.Carry();
  const bool negative = magnitude.digits_.back() < 0;
  if (negative) {
    for (int64_t& digit : magnitude.digits_) digit = -digit;
    magnitude.Carry();
  }
  // From the top, so that what is lost is below the last bit.
  long double value = 0;
  for (int i = kDigits - 1; i >= 0; --i) {
    value += std::ldexp(static_cast<long double>(magnitude.digits_[static_cast<size_t>(i)]), 32 * i - 1074);
  }
  return negative ? -value : value;
}

Quad ExactSum::QuadValue() const {
  ExactSum magnitude = *this;
  magnitude.Carry();
  const bool negative = magnitude.digits_.back() < 0;
  if (negative) {
    for (int64_t& digit : magnitude.digits_) digit = -digit;
    magnitude.Carry();
  }
  Quad value = 0;
  for (int i = kDigits - 1; i >= 0; --i) {
    // Long doubles reach below 2^-1074, so each digit's weight is exact.
    value += static_cast<Quad>(
        std::ldexp(static_cast<long double>(magnitude.digits_[static_cast<size_t>(i)]), 32 * i - 1074));
  }
  return negative ? -value : value;
}

}  // namespace sda::preprocessing
