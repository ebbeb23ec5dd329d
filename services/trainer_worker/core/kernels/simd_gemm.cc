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

#include "services/trainer_worker/core/kernels/simd_tile.inc"

HWY_BEFORE_NAMESPACE();
namespace sda::trainer {
namespace HWY_NAMESPACE {
namespace {

#if SDA_SIMD_TARGET

// Terms summed between two visits of c where a is transposed: a block of both operands stays in the
// second-level cache, a panel of b in the first.
constexpr int64_t kBlockTerms = 128;
// When a is read as it lies, a block of its rows stays in the second-level cache over all panels of b.
constexpr int64_t kBlockBytes = 256 << 10;
constexpr int64_t kMostTermsUnblocked = 1024;

// Packs a block of a transposed a, row by row as it lies: the tile of rows [begin, end) of the product holds
// a(begin + i, l) at out[begin · terms + l · (end − begin) + i].
void PackTiles(const Product& p, int64_t first_term, int64_t terms, int64_t tiles, float* HWY_RESTRICT out) {
  const Floats d;
  for (int64_t l = 0; l < terms; ++l) {
    const float* HWY_RESTRICT from = p.a + (first_term + l) * p.a_stride;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const auto [begin, end] = TileRange(p.m, tile, tiles);
      const int64_t rows = end - begin;
      float* HWY_RESTRICT to = out + begin * terms + l * rows;
      // Whole vectors may write over the beginning of the tile's next row, which is written after this one;
      // its last row must not write over the next tile.
      if (rows <= kLanes && begin + kLanes <= p.m && l + 2 < terms && 2 * rows >= kLanes) {
        hn::StoreU(hn::LoadU(d, from + begin), d, to);
      } else {
        for (int64_t r = 0; r < rows; ++r) to[r] = from[begin + r];
      }
    }
  }
}

// Packs all panels of a block of b that is not transposed, row by row as it lies.
void PackPanels(const Product& p, int64_t first_term, int64_t terms, float* HWY_RESTRICT out) {
  const Floats d;
  const int64_t whole = p.n / kPanelColumns * kPanelColumns;
  for (int64_t l = 0; l < terms; ++l) {
    const float* HWY_RESTRICT from = p.b + (first_term + l) * p.b_stride;
    for (int64_t j = 0; j < whole; j += kPanelColumns) {
      float* HWY_RESTRICT to = out + j * terms + l * kPanelColumns;
      hn::Store(hn::LoadU(d, from + j), d, to);
      hn::Store(hn::LoadU(d, from + j + kLanes), d, to + kLanes);
    }
  }
  if (whole < p.n) {
    PackPanel(p.b + first_term * p.b_stride + whole, p.b_stride, false, terms, p.n - whole,
              VectorsOf(p.n - whole) * kLanes, out + whole * terms);
  }
}

// Where a panel of b begins.
const float* PanelOf(const Product& p, int64_t first_term, int64_t j) {
  return p.b_transposed ? p.b + j * p.b_stride + first_term : p.b + first_term * p.b_stride + j;
}

// Of the tiles at column j.
TileEnds EndsOf(const Product& p, int64_t first_term, int64_t terms, int64_t j) {
  return {.bias = p.bias != nullptr ? p.bias + j : nullptr,
          .add_to_c = first_term > 0,
          .relu = p.activation == Activation::kRelu && first_term + terms == p.k};
}

float* Grow(FloatBuffer& scratch, int64_t floats) {
  if (static_cast<int64_t>(scratch.size()) < floats) scratch = FloatBuffer(floats);
  return scratch.data();
}

// Terms of a block of b where a is read as it lies.
int64_t BlockTerms(int64_t k) {
  return k <= kMostTermsUnblocked ? k : kMostTermsUnblocked / 2;
}

// Panels [begin, end) of a block of b.
void PackSomePanels(const Product& p, int64_t first, int64_t terms, int64_t begin, int64_t end,
                    float* HWY_RESTRICT out) {
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t j = panel * kPanelColumns;
    const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
    PackPanel(PanelOf(p, first, j), p.b_stride, p.b_transposed, terms, columns, VectorsOf(columns) * kLanes,
              out + j * terms);
  }
}

// Blocks of terms one after the other, each with all its panels.
void PackImpl(const Product& p, int64_t part, int64_t parts, float* packed) {
  const int64_t panels = Ceil(p.n, kPanelColumns);
  const auto [begin, end] = TileRange(panels, part, parts);
  for (int64_t first = 0; first < p.k; first += BlockTerms(p.k)) {
    PackSomePanels(p, first, std::min(BlockTerms(p.k), p.k - first), begin, end,
                   packed + first * panels * kPanelColumns);
  }
}

// a is read as it lies; all of b's panels are packed first.
void MultiplyRows(const Product& p, FloatBuffer& scratch) {
  const int64_t most = BlockTerms(p.k);
  const int64_t panels = Ceil(p.n, kPanelColumns);
  float* const own = p.packed_b != nullptr ? nullptr : Grow(scratch, panels * kPanelColumns * most);
  for (int64_t first = 0; first < p.k; first += most) {
    const int64_t terms = std::min(most, p.k - first);
    const float* packed = own;
    if (own != nullptr) {
      PackSomePanels(p, first, terms, 0, panels, own);
    } else {
      packed = p.packed_b + first * panels * kPanelColumns;
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
        const int64_t width = VectorsOf(columns) * kLanes;
        const TileEnds ends = EndsOf(p, first, terms, j);
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const auto [begin, end] = TileRange(row_end - row_begin, tile, tiles);
          const int64_t i = row_begin + begin;
          TileFor<false>(end - begin, columns)(terms, p.a + i * p.a_stride + first, p.a_stride,
                                               packed + j * terms, width, p.c + i * p.c_stride + j,
                                               p.c_stride, columns, ends);
        }
      }
    }
  }
}

// a lies transposed: its tiles are packed, and b's panels one after the other.
void MultiplyTransposed(const Product& p, FloatBuffer& scratch) {
  const int64_t tiles = Ceil(p.m, kTileRows);
  const int64_t block = std::min(kBlockTerms, p.k);
  const int64_t a_floats = Ceil(p.m * block, kLanes) * kLanes;
  float* const packed_a = Grow(scratch, a_floats + Ceil(p.n, kPanelColumns) * kPanelColumns * block);
  float* const packed_b = packed_a + a_floats;
  for (int64_t first = 0; first < p.k; first += block) {
    const int64_t terms = std::min(block, p.k - first);
    PackTiles(p, first, terms, tiles, packed_a);
    if (!p.b_transposed) PackPanels(p, first, terms, packed_b);
    for (int64_t j = 0; j < p.n; j += kPanelColumns) {
      const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
      const int64_t width = VectorsOf(columns) * kLanes;
      if (p.b_transposed)
        PackPanel(PanelOf(p, first, j), p.b_stride, true, terms, columns, width, packed_b + j * terms);
      const TileEnds ends = EndsOf(p, first, terms, j);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const auto [begin, end] = TileRange(p.m, tile, tiles);
        TileFor<true>(end - begin, columns)(terms, packed_a + begin * terms, end - begin,
                                            packed_b + j * terms, width, p.c + begin * p.c_stride + j,
                                            p.c_stride, columns, ends);
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

void PackImpl(const Product&, int64_t, int64_t, float*) {}

#endif  // SDA_SIMD_TARGET

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::trainer {

HWY_EXPORT(MultiplyImpl);
HWY_EXPORT(PackImpl);

bool HasSimdGemm() {
  return UsableIsa() >= Isa::kAvx2;
}

void SimdMultiply(const Product& product, FloatBuffer& scratch) {
  HWY_DYNAMIC_DISPATCH(MultiplyImpl)(product, scratch);
}

int64_t SimdPackedFloats(int64_t k, int64_t n) {
  constexpr int64_t kWidestPanel = 32;
  return (n + kWidestPanel - 1) / kWidestPanel * kWidestPanel * k;
}

void SimdPack(const Product& product, int64_t part, int64_t parts, float* packed) {
  HWY_DYNAMIC_DISPATCH(PackImpl)(product, part, parts, packed);
}

}  // namespace sda::trainer
#endif
