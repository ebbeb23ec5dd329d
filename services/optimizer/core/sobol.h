#ifndef SDA_SERVICES_OPTIMIZER_CORE_SOBOL_H_
#define SDA_SERVICES_OPTIMIZER_CORE_SOBOL_H_

#include <cstdint>
#include <vector>

namespace sda::optimizer {

// The Sobol sequence in base 2 with Owen's nested uniform scrambling, drawn from a hash of the seed (Owen
// 1995; the hashed form follows Laine and Karras 2011 and Burley 2020). Any point can be computed by itself:
// the sequence has no state to save. Every aligned block of 2^k points has one point in each of 2^k equal
// slices of every coordinate.
//
// Direction numbers: those of Joe and Kuo (2008, "new-joe-kuo-6") for the first coordinates; beyond their
// table here, primitive polynomials in order with initial numbers drawn by a fixed hash, which keeps the
// one-dimensional property.
class SobolSequence {
 public:
  // 1 <= dimensions <= kMaxDimensions.
  SobolSequence(int dimensions, uint64_t seed);

  static constexpr int kMaxDimensions = 1000;

  // The index-th point, coordinates in [0, 1); index < 2^32.
  std::vector<double> Point(uint32_t index) const;

  // The same without scrambling.
  std::vector<double> RawPoint(uint32_t index) const;

 private:
  uint32_t RawBits(int dimension, uint32_t index) const;

  const uint64_t seed_;
  std::vector<std::vector<uint32_t>> directions_;  // [dimension][32]
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_SOBOL_H_
