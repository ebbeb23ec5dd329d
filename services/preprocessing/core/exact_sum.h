#ifndef SDA_SERVICES_PREPROCESSING_CORE_EXACT_SUM_H_
#define SDA_SERVICES_PREPROCESSING_CORE_EXACT_SUM_H_

#include <array>
#include <cstdint>

namespace sda::preprocessing {

// 113 bits of mantissa; GCC and Clang provide it on all our machines.
__extension__ typedef __float128 Quad;  // NOLINT(modernize-use-using): __extension__ takes a typedef

// The exact sum of finite doubles: a fixed-point number wide enough for every double, so that the result
// depends on the values alone and not on their order or on how they were dealt to threads (after R. M. Neal,
// "Fast exact summation using small and large superaccumulators", 2015). Not thread-safe.
class ExactSum {
 public:
  void Add(double value);

  // Adds value², also exactly. |value| must be below 2^511.
  void AddSquare(double value);

  void Merge(const ExactSum& other);

  // The sum to the precision of long double.
  long double Value() const;

  // The same to the precision of Quad.
  Quad QuadValue() const;

 private:
  // Digit i weighs 2^(32·i − 1074). Digits take up to 2^31 additions before carries must move on; the topmost
  // is signed.
  static constexpr int kDigits = 67;

  void Carry();

  std::array<int64_t, kDigits> digits_{};
  int64_t pending_ = 0;  // additions since the last Carry()
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_EXACT_SUM_H_
