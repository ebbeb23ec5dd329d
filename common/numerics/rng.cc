#include "common/numerics/rng.h"

#include <bit>
#include <cmath>

namespace sda {
namespace {

constexpr uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

}  // namespace

uint64_t MixBits(uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

uint64_t HashOf(uint64_t seed, std::initializer_list<uint64_t> coordinates) {
  uint64_t hash = MixBits(seed + kGoldenGamma);
  for (uint64_t coordinate : coordinates) {
    // The coordinate enters unmixed: mixing both sides would make seed and coordinate interchangeable.
    hash = MixBits(hash + coordinate + kGoldenGamma);
  }
  return hash;
}

Rng::Rng(uint64_t seed, uint64_t stream) {
  uint64_t word = HashOf(seed, {stream});
  for (uint64_t& part : state_) {
    word += kGoldenGamma;
    part = MixBits(word);
  }
}

uint64_t Rng::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Rng::Below(uint64_t bound) {
  // Lemire, "Fast random integer generation in an interval" (2019): the low word of the product is rejected
  // while it falls into the 2^64 mod bound words that would favour small results.
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(Next()) * bound;
  if (static_cast<uint64_t>(product) < bound) {
    const uint64_t threshold = -bound % bound;
    while (static_cast<uint64_t>(product) < threshold) {
      product = static_cast<Wide>(Next()) * bound;
    }
  }
  return static_cast<uint64_t>(product >> 64);
}

double Rng::Normal() {
  for (;;) {
    const double u = Uniform(-1, 1);
    const double v = Uniform(-1, 1);
    const double square = u * u + v * v;
    if (square > 0 && square < 1) {
      return u * std::sqrt(-2 * std::log(square) / square);
    }
  }
}

}  // namespace sda
