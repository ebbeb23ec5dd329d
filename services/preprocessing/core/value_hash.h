#ifndef SDA_SERVICES_PREPROCESSING_CORE_VALUE_HASH_H_
#define SDA_SERVICES_PREPROCESSING_CORE_VALUE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sda::preprocessing {

// Hashing of category values for the tables of this process; never stored. Values of up to 8 bytes, which is
// most of them, are handled as one number.

inline constexpr size_t kInlineValueBytes = 8;

// The bytes of a value of at most 8 bytes as a number. Reads 8 bytes from `data` whatever the size.
inline uint64_t LoadShortValue(const char* data, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, data, sizeof(word));
  return size == 0 ? 0 : word & (~uint64_t{0} >> (64 - 8 * size));
}

// The upper and lower half of a product, mixed: every bit of the result depends on every bit of both.
inline uint64_t MultiplyMix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t HashShortValue(uint64_t word, size_t size) {
  return MultiplyMix(word ^ 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu + size);
}

inline uint64_t HashLongValue(std::string_view value) {
  uint64_t hash = value.size();
  const char* data = value.data();
  size_t left = value.size();
  for (; left > 8; left -= 8, data += 8) {
    uint64_t word = 0;
    std::memcpy(&word, data, sizeof(word));
    hash = MultiplyMix(hash ^ word, 0xa0761d6478bd642fu) + 0x9e3779b97f4a7c15u;
  }
  uint64_t last = 0;
  std::memcpy(&last, value.data() + value.size() - 8, sizeof(last));
  return MultiplyMix(hash ^ last, 0xe7037ed1a0b428dbu);
}

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_VALUE_HASH_H_
