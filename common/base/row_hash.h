#ifndef SDA_COMMON_BASE_ROW_HASH_H_
#define SDA_COMMON_BASE_ROW_HASH_H_

#include <cstdint>
#include <string_view>

namespace sda {

// Every random choice of preprocessing is a hash of (seed, stream, row number), never the next number of a
// generator: so it does not depend on threads, file cuts or interruptions. The functions are part of the
// dataset format: changing one changes the digest of every dataset.

// What a choice is for; each stream is independent of the others.
enum class RandomStream : uint64_t {
  kTestSplit = 1,
  kValidationSplit = 2,
  kKeySplit = 3,
  kDatagen = 4,
  kFold = 5,
  kSampleNegatives = 6,
  kFeatureHash = 7,
};

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection with full avalanche.
inline uint64_t Mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

inline uint64_t HashRow(uint64_t seed, RandomStream stream, uint64_t row) {
  return Mix64(Mix64(Mix64(seed) ^ static_cast<uint64_t>(stream)) ^ row);
}

// FNV-1a over the bytes, then mixed with the seed.
inline uint64_t HashKey(uint64_t seed, RandomStream stream, std::string_view key) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return HashRow(seed, stream, hash);
}

// Uniform in [0, 1), from the upper 53 bits.
inline double ToUnit(uint64_t hash) {
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

}  // namespace sda

#endif  // SDA_COMMON_BASE_ROW_HASH_H_
