#include "services/trainer_worker/core/kernels/bf16_pack.h"

#if defined(__x86_64__)

namespace sda::trainer {
namespace {

// Rows of b are rows of memory: two of them make a row of every panel.
SDA_BF16_TARGET void PackRows(const Product& p, int64_t first_term, int64_t terms, int64_t pairs,
                              int64_t begin, int64_t end, uint32_t* __restrict out) {
  for (int64_t l = 0; l < pairs; ++l) {
    const float* const low = p.b + (first_term + 2 * l) * p.b_stride;
    const bool has_low = 2 * l < terms, has_high = 2 * l + 1 < terms;
    for (int64_t j = begin; j < end; j += kBf16PanelColumns) {
      const int64_t width = Bf16PanelWidth(p.n - j);
      for (int64_t i = j; i < j + width; i += kBf16Lanes) {
        const __m512 first = has_low ? LoadUpTo(low + i, p.n - i) : _mm512_setzero_ps();
        const __m512 second = has_high ? LoadUpTo(low + p.b_stride + i, p.n - i) : _mm512_setzero_ps();
        _mm512_store_si512(out + (j - begin) * pairs + l * width + (i - j), PairsOf(first, second));
      }
    }
  }
}

// Columns of b are rows of memory: sixteen of them, 32 terms at a time, are transposed in registers.
SDA_BF16_TARGET void PackColumns(const Product& p, int64_t first_term, int64_t terms, int64_t pairs,
                                 int64_t begin, int64_t end, uint32_t* __restrict out) {
  for (int64_t j = begin; j < end; j += kBf16PanelColumns) {
    const int64_t width = Bf16PanelWidth(p.n - j);
    for (int64_t i = j; i < j + width; i += kBf16Lanes) {
      for (int64_t l = 0; l < pairs; l += kBf16Lanes) {
        __m512i block[kBf16Lanes];
        SDA_UNROLL
        for (int c = 0; c < kBf16Lanes; ++c) {
          block[c] = i + c < p.n
                         ? NeighboursOf(p.b + (i + c) * p.b_stride + first_term + 2 * l, terms - 2 * l)
                         : _mm512_setzero_si512();
        }
        TransposeWords(block);
        uint32_t* const to = out + (j - begin) * pairs + l * width + (i - j);
        const int64_t rows = std::min<int64_t>(kBf16Lanes, pairs - l);
        for (int64_t r = 0; r < rows; ++r) _mm512_store_si512(to + r * width, block[r]);
      }
    }
  }
}

}  // namespace

void PackBf16Panels(const Product& product, int64_t first_term, int64_t terms, int64_t pairs, int64_t begin,
                    int64_t end, uint32_t* out) {
  if (product.b_transposed) {
    PackColumns(product, first_term, terms, pairs, begin, end, out);
  } else {
    PackRows(product, first_term, terms, pairs, begin, end, out);
  }
}

void PackBf16Part(const Product& product, int64_t part, int64_t parts, int64_t most_terms, int64_t unit,
                  float* packed) {
  const int64_t panels = Ceil(product.n, kBf16PanelColumns);
  const auto [from, to] = PartOf(panels, part, parts);
  const int64_t begin = from * kBf16PanelColumns, end = std::min(to * kBf16PanelColumns, product.n);
  for (int64_t first = 0; first < product.k; first += most_terms) {
    const int64_t terms = std::min(most_terms, product.k - first);
    const int64_t pairs = Ceil(Ceil(terms, 2), unit) * unit;
    uint32_t* const out = reinterpret_cast<uint32_t*>(packed) + first / 2 * panels * kBf16PanelColumns;
    PackBf16Panels(product, first, terms, pairs, begin, end, out + begin * pairs);
  }
}

}  // namespace sda::trainer

#endif  // defined(__x86_64__)
