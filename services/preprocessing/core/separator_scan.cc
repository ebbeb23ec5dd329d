#include "services/preprocessing/core/separator_scan.h"

#include <bit>

// Highway compiles this file once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/preprocessing/core/separator_scan.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sda::preprocessing::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Bit i of the result is set where one of the 64 bytes from `text` is a separator.
template <class D>
uint64_t SeparatorBits(D d, const uint8_t* text, hn::Vec<D> delimiter, hn::Vec<D> newline, hn::Vec<D> quote) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 64; i += hn::Lanes(d)) {
    const auto bytes = hn::LoadU(d, text + i);
    const auto hit = hn::Or(hn::Or(hn::Eq(bytes, delimiter), hn::Eq(bytes, newline)), hn::Eq(bytes, quote));
    // StoreMaskBits may write up to 8 bytes, and one vector yields at least 2.
    uint8_t packed[16] = {};
    hn::StoreMaskBits(d, hit, packed);
    uint64_t part = 0;
    __builtin_memcpy(&part, packed, sizeof(part));
    bits |= part << i;
  }
  return bits;
}

// Vectors are capped at 64 bytes so that one chunk is a whole number of them.
using Bytes = hn::CappedTag<uint8_t, 64>;

size_t FindSeparatorsImpl(const char* text, size_t size, Separators separators, uint32_t* positions) {
  const Bytes d;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  const auto delimiter = hn::Set(d, static_cast<uint8_t>(separators.delimiter));
  const auto newline = hn::Set(d, static_cast<uint8_t>(separators.newline));
  const auto quote = hn::Set(d, static_cast<uint8_t>(separators.quote));
  uint32_t* out = positions;
  size_t base = 0;
  for (; base + 64 <= size; base += 64) {
    uint64_t bits = SeparatorBits(d, bytes + base, delimiter, newline, quote);
    const int count = std::popcount(bits);
    // Eight at a time without a branch on each: what is written behind the last position is overwritten
    // later.
    for (int done = 0; done < count; done += 8) {
      for (int i = 0; i < 8; ++i) {
        out[done + i] = static_cast<uint32_t>(base) + static_cast<uint32_t>(std::countr_zero(bits));
        bits &= bits - 1;
      }
    }
    out += count;
  }
  for (; base < size; ++base) {
    const char c = text[base];
    if (c == separators.delimiter || c == separators.newline || c == separators.quote) {
      *out++ = static_cast<uint32_t>(base);
    }
  }
  return static_cast<size_t>(out - positions);
}

size_t CountByteImpl(const char* text, size_t size, char c) {
  const Bytes d;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  const auto wanted = hn::Set(d, static_cast<uint8_t>(c));
  const size_t lanes = hn::Lanes(d);
  size_t count = 0;
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) count += hn::CountTrue(d, hn::Eq(hn::LoadU(d, bytes + i), wanted));
  for (; i < size; ++i) count += text[i] == c ? 1 : 0;
  return count;
}

bool IsAsciiImpl(const char* text, size_t size) {
  const Bytes d;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  const size_t lanes = hn::Lanes(d);
  auto seen = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) seen = hn::Or(seen, hn::LoadU(d, bytes + i));
  bool ascii = hn::AllTrue(d, hn::Lt(seen, hn::Set(d, uint8_t{128})));
  for (; i < size; ++i) ascii = ascii && bytes[i] < 128;
  return ascii;
}

}  // namespace sda::preprocessing::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::preprocessing {

HWY_EXPORT(FindSeparatorsImpl);
HWY_EXPORT(CountByteImpl);
HWY_EXPORT(IsAsciiImpl);

size_t FindSeparators(const char* text, size_t size, Separators separators, uint32_t* positions) {
  return HWY_DYNAMIC_DISPATCH(FindSeparatorsImpl)(text, size, separators, positions);
}

size_t FindSeparatorsReference(const char* text, size_t size, Separators separators, uint32_t* positions) {
  size_t count = 0;
  for (size_t i = 0; i < size; ++i) {
    const char c = text[i];
    if (c == separators.delimiter || c == separators.newline || c == separators.quote) {
      positions[count++] = static_cast<uint32_t>(i);
    }
  }
  return count;
}

size_t CountByte(const char* text, size_t size, char c) {
  return HWY_DYNAMIC_DISPATCH(CountByteImpl)(text, size, c);
}

bool IsAscii(const char* text, size_t size) {
  return HWY_DYNAMIC_DISPATCH(IsAsciiImpl)(text, size);
}

}  // namespace sda::preprocessing
#endif  // HWY_ONCE
