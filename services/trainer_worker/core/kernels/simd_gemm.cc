#include "services/trainer_worker/core/kernels/simd_gemm.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/kernels/reference_gemm.h"
#include "services/trainer_worker/core/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/trainer_worker/core/kernels/simd_gemm.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sda::trainer {
namespace HWY_NAMESPACE {
namespace {

#if SDA_SIMD_TARGET

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vec = hn::Vec<Floats>;

constexpr int kLanes = static_cast<int>(HWY_MAX_BYTES / sizeof(float));
// A tile of kTileRows × 2 vectors of sums, two vectors of b and one of a fill the registers: 31 of 32, 15
// of 16.
constexpr int kTileRows = HWY_TARGET <= HWY_AVX3 ? 14 : 6;
constexpr int kPanelColumns = 2 * kLanes;
// Terms summed between two visits of c: a panel of b of so many rows stays in the first-level cache.
constexpr int64_t kBlockTerms = 256;
// When a is read as it lies, a block of its rows stays in the second-level cache over all panels of b.
constexpr int64_t kBlockBytes = 256 << 10;
constexpr int64_t kMostTermsUnblocked = 1024;

// What happens to a tile of sums, beside its terms.
struct TileEnds {
  const float* bias = nullptr;  // of the tile's columns; added once
  bool add_to_c = false;        // go on from what c holds
  bool relu = false;
};

// c[0..kRows, 0..columns) of kVecs vectors (the last may be cut): Σ over `terms` of a(i, l) · b[l, ·].
// kPackedA: a(i, l) is a[l · kRows + i], else a[i · a_stride + l]. b has kVecs vectors a row.
template <int kRows, int kVecs, bool kPackedA>
HWY_NOINLINE void Tile(int64_t terms, const float* HWY_RESTRICT a, int64_t a_stride,
                       const float* HWY_RESTRICT b, float* HWY_RESTRICT c, int64_t c_stride, int64_t columns,
                       const TileEnds& ends) {
  const Floats d;
  const bool whole = columns == kVecs * kLanes;
  const auto mask = hn::FirstN(d, static_cast<size_t>(columns - (kVecs - 1) * kLanes));
  Vec sum[kRows][kVecs];
  if (ends.add_to_c) {
    SDA_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const float* from = c + i * c_stride;
      SDA_UNROLL
      for (int v = 0; v < kVecs - 1; ++v) sum[i][v] = hn::LoadU(d, from + v * kLanes);
      const float* last = from + (kVecs - 1) * kLanes;
      sum[i][kVecs - 1] = whole ? hn::LoadU(d, last) : hn::MaskedLoad(mask, d, last);
    }
  } else {
    Vec first[kVecs];
    SDA_UNROLL
    for (int v = 0; v < kVecs; ++v) first[v] = hn::Zero(d);
    if (ends.bias != nullptr) {
      SDA_UNROLL
      for (int v = 0; v < kVecs - 1; ++v) first[v] = hn::LoadU(d, ends.bias + v * kLanes);
      const float* last = ends.bias + (kVecs - 1) * kLanes;
      first[kVecs - 1] = whole ? hn::LoadU(d, last) : hn::MaskedLoad(mask, d, last);
    }
    SDA_UNROLL
    for (int i = 0; i < kRows; ++i) {
      SDA_UNROLL
      for (int v = 0; v < kVecs; ++v) sum[i][v] = first[v];
    }
  }

  for (int64_t l = 0; l < terms; ++l) {
    Vec row[kVecs];
    SDA_UNROLL
    for (int v = 0; v < kVecs; ++v) row[v] = hn::Load(d, b + v * kLanes);
    SDA_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const Vec factor = hn::Set(d, kPackedA ? a[i] : a[i * a_stride]);
      SDA_UNROLL
      for (int v = 0; v < kVecs; ++v) sum[i][v] = hn::MulAdd(factor, row[v], sum[i][v]);
    }
    a += kPackedA ? kRows : 1;
    b += kVecs * kLanes;
  }

  SDA_UNROLL
  for (int i = 0; i < kRows; ++i) {
    float* to = c + i * c_stride;
    SDA_UNROLL
    for (int v = 0; v < kVecs; ++v) {
      // Max gives its second argument where one is NaN: a NaN passes, as it passes the plain rule.
      const Vec value = ends.relu ? hn::Max(hn::Zero(d), sum[i][v]) : sum[i][v];
      if (v < kVecs - 1 || whole) {
        hn::StoreU(value, d, to + v * kLanes);
      } else {
        hn::BlendedStore(value, mask, d, to + v * kLanes);
      }
    }
  }
}

using TileFunction = void (*)(int64_t, const float*, int64_t, const float*, float*, int64_t, int64_t,
                              const TileEnds&);

template <int kVecs, bool kPackedA, size_t... kRow>
constexpr std::array<TileFunction, sizeof...(kRow)> TilesByRows(std::index_sequence<kRow...>) {
  return {&Tile<static_cast<int>(kRow) + 1, kVecs, kPackedA>...};
}

// The function for a tile of `rows` rows and `columns` columns.
template <bool kPackedA>
TileFunction TileFor(int64_t rows, int64_t columns) {
  static constexpr auto kOne = TilesByRows<1, kPackedA>(std::make_index_sequence<kTileRows>());
  static constexpr auto kTwo = TilesByRows<2, kPackedA>(std::make_index_sequence<kTileRows>());
  return (columns <= kLanes ? kOne : kTwo)[rows - 1];
}

int64_t Ceil(int64_t total, int64_t unit) {
  return (total + unit - 1) / unit;
}

int64_t VectorsOf(int64_t columns) {
  return columns <= kLanes ? 1 : 2;
}

// Rows [begin, end) of tile `tile` of `tiles` over `rows` rows: sizes differ by at most one.
std::pair<int64_t, int64_t> TileRange(int64_t rows, int64_t tile, int64_t tiles) {
  return {rows * tile / tiles, rows * (tile + 1) / tiles};
}

// out[l, 0..width) = b(l, j + 0..columns), zero beyond, for l in [0, terms).
void PackPanel(const Product& p, int64_t first_term, int64_t terms, int64_t j, int64_t columns,
               float* HWY_RESTRICT out) {
  const int64_t width = VectorsOf(columns) * kLanes;
  if (!p.b_transposed) {
    const Floats d;
    for (int64_t l = 0; l < terms; ++l, out += width) {
      const float* HWY_RESTRICT from = p.b + (first_term + l) * p.b_stride + j;
      if (columns == width) {
        for (int64_t i = 0; i < width; i += kLanes) hn::Store(hn::LoadU(d, from + i), d, out + i);
      } else {
        for (int64_t i = 0; i < columns; ++i) out[i] = from[i];
        for (int64_t i = columns; i < width; ++i) out[i] = 0;
      }
    }
    return;
  }
  // Four columns of b, rows of memory, four terms at a time: a transposition within 128 bits.
  const hn::Full128<float> d4;
  const hn::Repartition<double, decltype(d4)> pairs;
  const int64_t quads = terms / 4 * 4;
  int64_t column = 0;
  for (; column + 4 <= columns; column += 4) {
    const float* HWY_RESTRICT r0 = p.b + (j + column) * p.b_stride + first_term;
    const float* HWY_RESTRICT r1 = r0 + p.b_stride;
    const float* HWY_RESTRICT r2 = r1 + p.b_stride;
    const float* HWY_RESTRICT r3 = r2 + p.b_stride;
    float* HWY_RESTRICT to = out + column;
    for (int64_t l = 0; l < quads; l += 4, to += 4 * width) {
      const auto v0 = hn::LoadU(d4, r0 + l), v1 = hn::LoadU(d4, r1 + l);
      const auto v2 = hn::LoadU(d4, r2 + l), v3 = hn::LoadU(d4, r3 + l);
      const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d4, v0, v1));
      const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d4, v2, v3));
      const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d4, v0, v1));
      const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d4, v2, v3));
      hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(pairs, low01, low23)), d4, to);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(pairs, low01, low23)), d4, to + width);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(pairs, high01, high23)), d4, to + 2 * width);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(pairs, high01, high23)), d4, to + 3 * width);
    }
    for (int64_t l = quads; l < terms; ++l, to += width) {
      to[0] = r0[l];
      to[1] = r1[l];
      to[2] = r2[l];
      to[3] = r3[l];
    }
  }
  for (; column < columns; ++column) {
    const float* from = p.b + (j + column) * p.b_stride + first_term;
    for (int64_t l = 0; l < terms; ++l) out[l * width + column] = from[l];
  }
  for (; column < width; ++column) {
    for (int64_t l = 0; l < terms; ++l) out[l * width + column] = 0;
  }
}

// out[l, 0..rows) = a(i + 0..rows, l) of a transposed a.
void PackTile(const Product& p, int64_t first_term, int64_t terms, int64_t i, int64_t rows,
              float* HWY_RESTRICT out) {
  const Floats d;
  const bool whole = rows == kTileRows && rows + 2 == kLanes && i + kLanes <= p.m;
  for (int64_t l = 0; l < terms; ++l, out += rows) {
    const float* HWY_RESTRICT from = p.a + (first_term + l) * p.a_stride + i;
    if (whole) {
      // Two floats too many, which the next row writes over; the buffer has room for the last.
      hn::StoreU(hn::LoadU(d, from), d, out);
    } else {
      for (int64_t r = 0; r < rows; ++r) out[r] = from[r];
    }
  }
}

TileEnds EndsOf(const Product& p, int64_t first_term, int64_t terms, int64_t j) {
  return {.bias = p.bias != nullptr ? p.bias + j : nullptr,
          .add_to_c = first_term > 0,
          .relu = p.activation == Activation::kRelu && first_term + terms == p.k};
}

float* Grow(FloatBuffer& scratch, int64_t floats) {
  if (static_cast<int64_t>(scratch.size()) < floats) scratch = FloatBuffer(floats);
  return scratch.data();
}

// a is read as it lies; all of b's panels are packed first.
void MultiplyRows(const Product& p, FloatBuffer& scratch) {
  const int64_t most = p.k <= kMostTermsUnblocked ? p.k : kMostTermsUnblocked / 2;
  const int64_t panels = Ceil(p.n, kPanelColumns);
  float* const packed = Grow(scratch, panels * kPanelColumns * most);
  for (int64_t first = 0; first < p.k; first += most) {
    const int64_t terms = std::min(most, p.k - first);
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t j = panel * kPanelColumns;
      PackPanel(p, first, terms, j, std::min<int64_t>(kPanelColumns, p.n - j), packed + j * terms);
    }
    const int64_t block_rows = std::max<int64_t>(
        kTileRows, kBlockBytes / (terms * static_cast<int64_t>(sizeof(float))) / kTileRows * kTileRows);
    const int64_t blocks = Ceil(p.m, block_rows);
    for (int64_t block = 0; block < blocks; ++block) {
      const auto [row_begin, row_end] = TileRange(p.m, block, blocks);
      const int64_t tiles = Ceil(row_end - row_begin, kTileRows);
      for (int64_t panel = 0; panel < panels; ++panel) {
        const int64_t j = panel * kPanelColumns;
        const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
        const TileEnds ends = EndsOf(p, first, terms, j);
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const auto [begin, end] = TileRange(row_end - row_begin, tile, tiles);
          const int64_t i = row_begin + begin;
          TileFor<false>(end - begin, columns)(terms, p.a + i * p.a_stride + first, p.a_stride,
                                               packed + j * terms, p.c + i * p.c_stride + j, p.c_stride,
                                               columns, ends);
        }
      }
    }
  }
}

// a lies transposed: its tiles are packed, and b's panels one after the other.
void MultiplyTransposed(const Product& p, FloatBuffer& scratch) {
  const int64_t tiles = Ceil(p.m, kTileRows);
  const int64_t block = std::min(kBlockTerms, p.k);
  float* const packed_a = Grow(scratch, Ceil(p.m * block, kLanes) * kLanes + kLanes + kPanelColumns * block);
  float* const packed_b = packed_a + Ceil(p.m * block, kLanes) * kLanes + kLanes;
  for (int64_t first = 0; first < p.k; first += block) {
    const int64_t terms = std::min(block, p.k - first);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const auto [begin, end] = TileRange(p.m, tile, tiles);
      PackTile(p, first, terms, begin, end - begin, packed_a + begin * terms);
    }
    for (int64_t j = 0; j < p.n; j += kPanelColumns) {
      const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
      PackPanel(p, first, terms, j, columns, packed_b);
      const TileEnds ends = EndsOf(p, first, terms, j);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const auto [begin, end] = TileRange(p.m, tile, tiles);
        TileFor<true>(end - begin, columns)(terms, packed_a + begin * terms, 0, packed_b,
                                            p.c + begin * p.c_stride + j, p.c_stride, columns, ends);
      }
    }
  }
}

void MultiplyImpl(const Product& p, FloatBuffer& scratch) {
  if (p.a_transposed) {
    MultiplyTransposed(p, scratch);
  } else {
    MultiplyRows(p, scratch);
  }
}

#else

void MultiplyImpl(const Product& p, FloatBuffer&) {
  ReferenceMultiply(p);
}

#endif  // SDA_SIMD_TARGET

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::trainer {

HWY_EXPORT(MultiplyImpl);

bool HasSimdGemm() {
  return UsableIsa() >= Isa::kAvx2;
}

void SimdMultiply(const Product& product, FloatBuffer& scratch) {
  HWY_DYNAMIC_DISPATCH(MultiplyImpl)(product, scratch);
}

}  // namespace sda::trainer
#endif
