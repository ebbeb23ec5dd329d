#ifndef SDA_TESTS_FUZZ_SPOIL_H_
#define SDA_TESTS_FUZZ_SPOIL_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "common/numerics/rng.h"

namespace sda::fuzz {

inline std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Bits turned, bytes lost, doubled, made up, two inputs joined: what becomes of messages and files.
inline std::string Spoil(std::string bytes, const std::string& other, Rng& rng) {
  const uint64_t times = 1 + rng.Below(6);
  for (uint64_t k = 0; k < times && !bytes.empty(); ++k) {
    const size_t at = rng.Below(bytes.size());
    switch (rng.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.Below(8)));
        break;
      case 1:
        bytes.erase(at, 1 + rng.Below(8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, 1 + rng.Below(32)));
        break;
      case 3:
        bytes[at] = static_cast<char>(rng.Next());
        break;
      default:
        bytes = bytes.substr(0, at) + other.substr(rng.Below(other.size() + 1));
    }
  }
  return bytes;
}

}  // namespace sda::fuzz

#endif  // SDA_TESTS_FUZZ_SPOIL_H_
