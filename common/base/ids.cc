#include "common/base/ids.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include <absl/strings/str_format.h>
#include <openssl/rand.h>

namespace sda {
namespace {

template <size_t N>
std::array<uint8_t, N> RandomBytes() {
  std::array<uint8_t, N> bytes;
  // Fails only where the system has no random source at all; ids that repeat would corrupt data.
  if (RAND_bytes(bytes.data(), static_cast<int>(N)) != 1) std::abort();
  return bytes;
}

}  // namespace

std::string NewUuid() {
  auto b = RandomBytes<16>();
  b[6] = static_cast<uint8_t>((b[6] & 0x0f) | 0x40);  // version 4
  b[8] = static_cast<uint8_t>((b[8] & 0x3f) | 0x80);  // RFC 4122 variant
  std::string out;
  for (size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    absl::StrAppendFormat(&out, "%02x", b[i]);
  }
  return out;
}

std::string NewUlid(absl::Time time) {
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's base 32
  std::string out(26, '0');
  uint64_t millis = static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixMillis(time)));
  for (int i = 9; i >= 0; --i, millis >>= 5) out[i] = kAlphabet[millis & 31];
  const auto random = RandomBytes<16>();
  for (int i = 0; i < 16; ++i) out[10 + i] = kAlphabet[random[i] & 31];
  return out;
}

}  // namespace sda
