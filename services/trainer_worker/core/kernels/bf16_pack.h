#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_BF16_PACK_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_BF16_PACK_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "services/trainer_worker/core/kernels/gemm.h"
#include "services/trainer_worker/core/kernels/simd.h"

#if defined(__x86_64__)

#include <immintrin.h>

// Operands in bfloat16 as both bf16_gemm.h and amx_gemm.h read them: words of two neighbouring terms, the
// first in the lower half. Rounding is to nearest, ties to even. For CPUs with AVX512-BF16.
namespace sda::trainer {

#define SDA_BF16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

inline constexpr int kBf16Lanes = 16;
// Columns of b side by side; a last panel of at most kBf16Lanes columns is kBf16Lanes wide.
inline constexpr int kBf16PanelColumns = 2 * kBf16Lanes;

inline int64_t Ceil(int64_t total, int64_t unit) {
  return (total + unit - 1) / unit;
}

inline int64_t Bf16PanelWidth(int64_t columns) {
  return columns <= kBf16Lanes ? kBf16Lanes : kBf16PanelColumns;
}

// Of `parts` parts of [0, rows), cut as evenly as can be, the one numbered `part`.
inline std::pair<int64_t, int64_t> PartOf(int64_t rows, int64_t part, int64_t parts) {
  return {rows * part / parts, rows * (part + 1) / parts};
}

// Sixteen words (low[i], high[i]).
SDA_BF16_TARGET inline __m512i PairsOf(__m512 low, __m512 high) {
  const __m512i first = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(low));
  const __m512i second = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(high));
  return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}

// `count` floats from `from`, zero beyond; count may be negative or beyond a vector.
SDA_BF16_TARGET inline __m512 LoadUpTo(const float* from, int64_t count) {
  if (count >= kBf16Lanes) return _mm512_loadu_ps(from);
  if (count <= 0) return _mm512_setzero_ps();
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
}

// Up to 32 neighbours as 16 words.
SDA_BF16_TARGET inline __m512i NeighboursOf(const float* from, int64_t count) {
  return (__m512i)_mm512_cvtne2ps_pbh(LoadUpTo(from + kBf16Lanes, count - kBf16Lanes), LoadUpTo(from, count));
}

// Sixteen rows of sixteen words to columns.
SDA_BF16_TARGET inline void TransposeWords(__m512i (&rows)[kBf16Lanes]) {
  __m512i by_two[kBf16Lanes], by_four[kBf16Lanes];
  SDA_UNROLL
  for (int i = 0; i < kBf16Lanes; i += 2) {
    by_two[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    by_two[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  SDA_UNROLL
  for (int i = 0; i < kBf16Lanes; i += 4) {
    by_four[i] = _mm512_unpacklo_epi64(by_two[i], by_two[i + 2]);
    by_four[i + 1] = _mm512_unpackhi_epi64(by_two[i], by_two[i + 2]);
    by_four[i + 2] = _mm512_unpacklo_epi64(by_two[i + 1], by_two[i + 3]);
    by_four[i + 3] = _mm512_unpackhi_epi64(by_two[i + 1], by_two[i + 3]);
  }
  // Lane q of by_four[4g + c] holds column 4q + c of rows 4g to 4g + 3.
  SDA_UNROLL
  for (int c = 0; c < 4; ++c) {
    const __m512i even_low = _mm512_shuffle_i32x4(by_four[c], by_four[4 + c], 0x88);
    const __m512i odd_low = _mm512_shuffle_i32x4(by_four[c], by_four[4 + c], 0xdd);
    const __m512i even_high = _mm512_shuffle_i32x4(by_four[8 + c], by_four[12 + c], 0x88);
    const __m512i odd_high = _mm512_shuffle_i32x4(by_four[8 + c], by_four[12 + c], 0xdd);
    rows[c] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
    rows[4 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
    rows[8 + c] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
    rows[12 + c] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
  }
}

// Columns [begin, end) of b, of `terms` terms from first_term, as panels of `pairs` rows: that of column j at
// out + (j − begin) · pairs, a row of it Bf16PanelWidth words, one pair of terms each. `pairs` is at least
// half of the terms; what is beyond them is zero. begin is a multiple of kBf16PanelColumns, out on a cache
// line.
void PackBf16Panels(const Product& product, int64_t first_term, int64_t terms, int64_t pairs, int64_t begin,
                    int64_t end, uint32_t* out);

// Part `part` of `parts` of all panels of b (Gemm::Pack): blocks of most_terms terms one after the other,
// each with all its panels, of pairs rounded up to a multiple of `unit`.
void PackBf16Part(const Product& product, int64_t part, int64_t parts, int64_t most_terms, int64_t unit,
                  float* packed);

}  // namespace sda::trainer

#endif  // defined(__x86_64__)

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_BF16_PACK_H_
