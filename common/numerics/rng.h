#ifndef SDA_COMMON_NUMERICS_RNG_H_
#define SDA_COMMON_NUMERICS_RNG_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>

namespace sda {

// A bijection on 64-bit words in which every input bit reaches every output bit (SplitMix64's finaliser).
uint64_t MixBits(uint64_t word);

// A hash of a seed and any number of coordinates, for choices that depend on a place and not on what was
// drawn before: HashOf(seed, {stream, step, row}). Order matters. Stable across platforms and versions:
// datasets, suggestions and trainings are reproducible because of it.
uint64_t HashOf(uint64_t seed, std::initializer_list<uint64_t> coordinates);

// The top 53 bits of a word as a number in [0, 1).
inline double UnitInterval(uint64_t word) {
  return static_cast<double>(word >> 11) * 0x1.0p-53;
}

// xoshiro256** (Blackman and Vigna, 2018). Streams of one seed are independent: the state is filled by
// SplitMix64 from HashOf(seed, {stream}). Same seed and stream: same numbers on every platform. Not
// thread-safe; copying copies the position.
class Rng {
 public:
  using State = std::array<uint64_t, 4>;

  explicit Rng(uint64_t seed, uint64_t stream = 0);
  explicit Rng(const State& state) : state_(state) {}

  // Uniform over all 64-bit words.
  uint64_t Next();

  // Uniform in [0, 1).
  double Uniform() { return UnitInterval(Next()); }

  // Uniform in [low, high); low <= high.
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }

  // Uniform in [0, bound) without bias; bound > 0.
  uint64_t Below(uint64_t bound);

  // Standard normal (Marsaglia's polar method; the second value of a pair is dropped, so that the state is
  // all there is to save).
  double Normal();

  // Fisher-Yates.
  template <typename T>
  void Shuffle(std::span<T> items) {
    for (size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[Below(left)]);
    }
  }

  // What to save to go on from here.
  const State& state() const { return state_; }

 private:
  State state_;
};

}  // namespace sda

#endif  // SDA_COMMON_NUMERICS_RNG_H_
