#include "services/trainer_worker/core/kernels/bf16_gemm.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "services/trainer_worker/core/kernels/bf16_pack.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/kernels/reference_gemm.h"
#include "services/trainer_worker/core/kernels/simd.h"

#if defined(__x86_64__)

namespace sda::trainer {
namespace {

constexpr int kLanes = kBf16Lanes;
constexpr int kTileRows = 14;
constexpr int kPanelColumns = kBf16PanelColumns;
// Pairs of terms summed between two visits of c where a is transposed; where it is not, rows of a in a block.
constexpr int64_t kBlockPairs = 128;
constexpr int64_t kBlockBytes = 256 << 10;
constexpr int64_t kMostPairs = 1024;

struct TileEnds {
  const float* bias = nullptr;
  bool add_to_c = false;
  bool relu = false;
};

// As Tile of simd_tile.inc; an element of a and of b is a pair of bfloat16, the terms 2l and 2l + 1.
template <int kRows, int kVecs, bool kTransposed>
SDA_BF16_TARGET __attribute__((noinline)) void Tile(int64_t pairs, const uint32_t* __restrict a,
                                                    int64_t a_stride, const uint32_t* __restrict b,
                                                    float* __restrict c, int64_t c_stride, int64_t columns,
                                                    const TileEnds& ends) {
  const int last_columns = static_cast<int>(columns) - (kVecs - 1) * kLanes;
  const auto mask = static_cast<__mmask16>((1u << last_columns) - 1);
  __m512 sum[kRows][kVecs];
  if (ends.add_to_c) {
    SDA_UNROLL
    for (int i = 0; i < kRows; ++i) {
      SDA_UNROLL
      for (int v = 0; v < kVecs - 1; ++v) sum[i][v] = _mm512_loadu_ps(c + i * c_stride + v * kLanes);
      sum[i][kVecs - 1] = _mm512_maskz_loadu_ps(mask, c + i * c_stride + (kVecs - 1) * kLanes);
    }
  } else {
    SDA_UNROLL
    for (int i = 0; i < kRows; ++i) {
      SDA_UNROLL
      for (int v = 0; v < kVecs; ++v) {
        sum[i][v] = _mm512_setzero_ps();
        if (ends.bias != nullptr) {
          const __mmask16 present = v == kVecs - 1 ? mask : static_cast<__mmask16>(0xffff);
          sum[i][v] = _mm512_maskz_loadu_ps(present, ends.bias + v * kLanes);
        }
      }
    }
  }
  for (int64_t l = 0; l < pairs; ++l) {
    __m512bh row[kVecs];
    SDA_UNROLL
    for (int v = 0; v < kVecs; ++v) row[v] = (__m512bh)_mm512_load_si512(b + v * kLanes);
    SDA_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const auto pair = (__m512bh)_mm512_set1_epi32(static_cast<int>(kTransposed ? a[i] : a[i * a_stride]));
      SDA_UNROLL
      for (int v = 0; v < kVecs; ++v) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], pair, row[v]);
    }
    a += kTransposed ? kRows : 1;
    b += kVecs * kLanes;
  }
  SDA_UNROLL
  for (int i = 0; i < kRows; ++i) {
    SDA_UNROLL
    for (int v = 0; v < kVecs; ++v) {
      const __m512 value = ends.relu ? _mm512_max_ps(_mm512_setzero_ps(), sum[i][v]) : sum[i][v];
      float* const to = c + i * c_stride + v * kLanes;
      if (v < kVecs - 1) {
        _mm512_storeu_ps(to, value);
      } else {
        _mm512_mask_storeu_ps(to, mask, value);
      }
    }
  }
}

using TileFunction = void (*)(int64_t, const uint32_t*, int64_t, const uint32_t*, float*, int64_t, int64_t,
                              const TileEnds&);

template <int kVecs, bool kTransposed, size_t... kRow>
constexpr std::array<TileFunction, sizeof...(kRow)> TilesByRows(std::index_sequence<kRow...>) {
  return {&Tile<static_cast<int>(kRow) + 1, kVecs, kTransposed>...};
}

template <bool kTransposed>
TileFunction TileFor(int64_t rows, int64_t columns) {
  static constexpr auto kOne = TilesByRows<1, kTransposed>(std::make_index_sequence<kTileRows>());
  static constexpr auto kTwo = TilesByRows<2, kTransposed>(std::make_index_sequence<kTileRows>());
  return (columns <= kLanes ? kOne : kTwo)[rows - 1];
}

// A row of `n` floats as Ceil(n, 2) pairs of neighbours.
SDA_BF16_TARGET void ConvertRow(const float* __restrict from, int64_t n, uint32_t* __restrict to) {
  for (int64_t i = 0; i < n; i += 2 * kLanes) {
    const int64_t pairs = std::min<int64_t>(kLanes, (n - i + 1) / 2);
    const auto mask = static_cast<__mmask16>((1u << pairs) - 1);
    _mm512_mask_storeu_epi32(to + i / 2, mask, NeighboursOf(from + i, n - i));
  }
}

// The packed parts of a product, cut from one buffer.
struct Memory {
  uint32_t* a = nullptr;
  uint32_t* b = nullptr;
};

Memory Grow(FloatBuffer& scratch, int64_t a, int64_t b) {
  a = Ceil(a, kLanes) * kLanes + kLanes;
  if (static_cast<int64_t>(scratch.size()) < a + b) scratch = FloatBuffer(a + b);
  auto* const begin = reinterpret_cast<uint32_t*>(scratch.data());
  return {begin, begin + a};
}

// A block of a transposed a: the tile of rows [begin, end) at out + begin · pairs, end − begin pairs a row.
SDA_BF16_TARGET void PackTiles(const Product& p, int64_t first_term, int64_t terms, int64_t tiles,
                               uint32_t* __restrict out) {
  const int64_t pairs = Ceil(terms, 2);
  for (int64_t l = 0; l < pairs; ++l) {
    const float* const low = p.a + (first_term + 2 * l) * p.a_stride;
    const bool has_high = 2 * l + 1 < terms;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const auto [begin, end] = PartOf(p.m, tile, tiles);
      const int64_t rows = end - begin;
      const __m512 high = has_high ? LoadUpTo(low + p.a_stride + begin, rows) : _mm512_setzero_ps();
      _mm512_mask_storeu_epi32(out + begin * pairs + l * rows, static_cast<__mmask16>((1u << rows) - 1),
                               PairsOf(LoadUpTo(low + begin, rows), high));
    }
  }
}

// Of the tiles at column j.
TileEnds EndsOf(const Product& p, int64_t first_term, int64_t terms, int64_t j) {
  return {.bias = p.bias != nullptr ? p.bias + j : nullptr,
          .add_to_c = first_term > 0,
          .relu = p.activation == Activation::kRelu && first_term + terms == p.k};
}

void MultiplyRows(const Product& p, FloatBuffer& scratch) {
  const int64_t most = std::min(2 * kMostPairs, p.k);
  const int64_t most_pairs = Ceil(most, 2);
  const int64_t a_stride = Ceil(most_pairs, kLanes) * kLanes;
  const int64_t block_rows =
      std::max<int64_t>(kTileRows, kBlockBytes / (a_stride * static_cast<int64_t>(sizeof(uint32_t))));
  const int64_t blocks = Ceil(p.m, block_rows);
  const int64_t width = Ceil(p.n, kPanelColumns) * kPanelColumns;
  const Memory memory =
      Grow(scratch, (Ceil(p.m, blocks) + 1) * a_stride, p.packed_b != nullptr ? 0 : width * most_pairs);
  for (int64_t first = 0; first < p.k; first += most) {
    const int64_t terms = std::min(most, p.k - first), pairs = Ceil(terms, 2);
    const uint32_t* b = memory.b;
    if (p.packed_b != nullptr) {
      b = reinterpret_cast<const uint32_t*>(p.packed_b) + first / 2 * width;
    } else {
      PackBf16Panels(p, first, terms, pairs, 0, p.n, memory.b);
    }
    for (int64_t block = 0; block < blocks; ++block) {
      const auto [row_begin, row_end] = PartOf(p.m, block, blocks);
      for (int64_t i = row_begin; i < row_end; ++i)
        ConvertRow(p.a + i * p.a_stride + first, terms, memory.a + (i - row_begin) * a_stride);
      const int64_t tiles = Ceil(row_end - row_begin, kTileRows);
      for (int64_t j = 0; j < p.n; j += kPanelColumns) {
        const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
        const TileEnds ends = EndsOf(p, first, terms, j);
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const auto [begin, end] = PartOf(row_end - row_begin, tile, tiles);
          TileFor<false>(end - begin, columns)(pairs, memory.a + begin * a_stride, a_stride, b + j * pairs,
                                               p.c + (row_begin + begin) * p.c_stride + j, p.c_stride,
                                               columns, ends);
        }
      }
    }
  }
}

void MultiplyTransposed(const Product& p, FloatBuffer& scratch) {
  const int64_t tiles = Ceil(p.m, kTileRows);
  const int64_t block = std::min(2 * kBlockPairs, p.k);
  const int64_t block_pairs = Ceil(block, 2);
  const Memory memory =
      Grow(scratch, p.m * block_pairs, Ceil(p.n, kPanelColumns) * kPanelColumns * block_pairs);
  for (int64_t first = 0; first < p.k; first += block) {
    const int64_t terms = std::min(block, p.k - first), pairs = Ceil(terms, 2);
    PackTiles(p, first, terms, tiles, memory.a);
    PackBf16Panels(p, first, terms, pairs, 0, p.n, memory.b);
    for (int64_t j = 0; j < p.n; j += kPanelColumns) {
      const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
      const TileEnds ends = EndsOf(p, first, terms, j);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const auto [begin, end] = PartOf(p.m, tile, tiles);
        TileFor<true>(end - begin, columns)(pairs, memory.a + begin * pairs, 0, memory.b + j * pairs,
                                            p.c + begin * p.c_stride + j, p.c_stride, columns, ends);
      }
    }
  }
}

}  // namespace

bool HasBf16Gemm() {
  return UsableIsa() >= Isa::kAvx512Bf16;
}

void Bf16Multiply(const Product& product, FloatBuffer& scratch) {
  if (product.a_transposed) {
    MultiplyTransposed(product, scratch);
  } else {
    MultiplyRows(product, scratch);
  }
}

int64_t Bf16PackedFloats(int64_t k, int64_t n) {
  return Ceil(n, kPanelColumns) * kPanelColumns * Ceil(k, 2);
}

void Bf16Pack(const Product& product, int64_t part, int64_t parts, float* packed) {
  PackBf16Part(product, part, parts, 2 * kMostPairs, 1, packed);
}

void Bf16Convert(int64_t rows, int64_t n, const float* from, int64_t stride, uint32_t* to) {
  for (int64_t row = 0; row < rows; ++row) ConvertRow(from + row * stride, n, to + row * Ceil(n, 2));
}

}  // namespace sda::trainer

#else

namespace sda::trainer {

bool HasBf16Gemm() {
  return false;
}

void Bf16Multiply(const Product& product, FloatBuffer&) {
  ReferenceMultiply(product);
}

int64_t Bf16PackedFloats(int64_t, int64_t) {
  return 0;
}

void Bf16Pack(const Product&, int64_t, int64_t, float*) {}

void Bf16Convert(int64_t, int64_t, const float*, int64_t, uint32_t*) {}

}  // namespace sda::trainer

#endif
