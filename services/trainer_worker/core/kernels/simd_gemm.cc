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

// Products are made a block of terms at a time: the packed block of b stays in the second-level cache while
// groups of tiles of a pass it.
constexpr int64_t kBlockBytes = 768 << 10;
constexpr int64_t kLeastBlockTerms = 192, kMostBlockTerms = 256;
// A group is a tile, which stays in the first-level cache over all panels of b. Sums of AVX2 are too few for
// that: each panel of b stays there instead, over the tiles of a group that the second-level cache keeps,
// with as many terms as there are. A transposed a, copied for the purpose, is the better in the first-level
// cache there too.
constexpr bool kTileStays = HWY_TARGET <= HWY_AVX3;
constexpr int64_t kGroupBytes = 256 << 10;
constexpr int64_t kMostTermsUnblocked = 1024;

// Terms of a block, of b [k, n] for a as it lies or transposed; the last may have fewer. No other sizes
// count, so that b can be packed beforehand.
int64_t BlockTerms(const Product& p) {
  if (!kTileStays && !p.a_transposed) return p.k <= kMostTermsUnblocked ? p.k : kMostTermsUnblocked / 2;
  const int64_t fit = kBlockBytes / (p.n * static_cast<int64_t>(sizeof(float)));
  return Ceil(p.k, Ceil(p.k, std::clamp(fit, kLeastBlockTerms, kMostBlockTerms)));
}

// Where groups have more tiles, the sums that follow are not fetched ahead: over so many terms it gains
// nothing.
int64_t GroupTiles(const Product& p, int64_t terms) {
  if (kTileStays || p.a_transposed) return 1;
  return std::max<int64_t>(1, kGroupBytes / (terms * kTileRows * static_cast<int64_t>(sizeof(float))));
}

// A packed tile of a transposed a: a vector a term, and one more, so that tiles do not share cache sets.
int64_t TileFloats(int64_t terms) {
  return (terms + 1) * kLanes;
}

// Packs a block of a transposed a, row by row as it lies: the tile of rows [begin, end) of the product holds
// a(begin + i, l) at out[tile · TileFloats(terms) + l · kLanes + i], and behind them what follows in a.
void PackTiles(const Product& p, int64_t first_term, int64_t terms, float* HWY_RESTRICT out) {
  const Floats d;
  const int64_t tiles = Ceil(p.m, kTileRows);
  for (int64_t l = 0; l < terms; ++l) {
    const float* HWY_RESTRICT from = p.a + (first_term + l) * p.a_stride;
    float* HWY_RESTRICT to = out + l * kLanes;
    for (int64_t tile = 0; tile < tiles; ++tile, to += TileFloats(terms)) {
      const int64_t begin = TileRange(p.m, tile, tiles).first;
      const auto left = hn::FirstN(d, static_cast<size_t>(p.m - begin));
      hn::Store(begin + kLanes <= p.m ? hn::LoadU(d, from + begin) : hn::MaskedLoad(left, d, from + begin), d,
                to);
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

// Where the sums of the tile at row i and column j go; nothing beyond the last row.
const float* NextSums(const Product& p, int64_t i, int64_t j) {
  return i < p.m ? p.c + i * p.c_stride + j : nullptr;
}

float* Grow(FloatBuffer& scratch, int64_t floats) {
  if (static_cast<int64_t>(scratch.size()) < floats) scratch = FloatBuffer(floats);
  return scratch.data();
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

// All panels of a block of b.
void PackBlock(const Product& p, int64_t first, int64_t terms, float* HWY_RESTRICT out) {
  if (p.b_transposed) {
    PackSomePanels(p, first, terms, 0, Ceil(p.n, kPanelColumns), out);
  } else {
    PackPanels(p, first, terms, out);
  }
}

// Blocks of terms one after the other, each with all its panels.
void PackImpl(const Product& p, int64_t part, int64_t parts, float* packed) {
  const int64_t panels = Ceil(p.n, kPanelColumns);
  const int64_t block = BlockTerms(p);
  const auto [begin, end] = TileRange(panels, part, parts);
  for (int64_t first = 0; first < p.k; first += block) {
    PackSomePanels(p, first, std::min(block, p.k - first), begin, end,
                   packed + first * panels * kPanelColumns);
  }
}

// Terms [first, first + terms) of a product. Its tile of rows from i on begins at a + i · a_stride, or at
// a + tile · TileFloats(terms) if packed.
template <bool kTransposed>
void MultiplyBlock(const Product& p, int64_t first, int64_t terms, const float* a, const float* packed_b) {
  const int64_t tiles = Ceil(p.m, kTileRows);
  const int64_t group = GroupTiles(p, terms);
  for (int64_t begin = 0; begin < tiles; begin += group) {
    const int64_t end = std::min(begin + group, tiles);
    for (int64_t j = 0; j < p.n; j += kPanelColumns) {
      const int64_t columns = std::min<int64_t>(kPanelColumns, p.n - j);
      TileEnds ends{.bias = p.bias != nullptr ? p.bias + j : nullptr,
                    .add_to_c = first > 0,
                    .relu = p.activation == Activation::kRelu && first + terms == p.k};
      const bool last_panel = j + kPanelColumns >= p.n;
      for (int64_t tile = begin; tile < end; ++tile) {
        const auto [i, i_end] = TileRange(p.m, tile, tiles);
        if (group == 1) ends.next_c = NextSums(p, last_panel ? i_end : i, last_panel ? 0 : j + kPanelColumns);
        TileFor<kTransposed>(i_end - i, columns)(
            terms, kTransposed ? a + tile * TileFloats(terms) : a + i * p.a_stride,
            kTransposed ? kLanes : p.a_stride, packed_b + j * terms, VectorsOf(columns) * kLanes,
            p.c + i * p.c_stride + j, p.c_stride, columns, ends);
      }
    }
  }
}

void MultiplyImpl(const Product& p, FloatBuffer& scratch) {
  const int64_t panels = Ceil(p.n, kPanelColumns);
  const int64_t block = BlockTerms(p);
  const int64_t a_floats = p.a_transposed ? Ceil(p.m, kTileRows) * TileFloats(block) : 0;
  const int64_t b_floats = p.packed_b == nullptr ? panels * kPanelColumns * block : 0;
  float* const packed_a = Grow(scratch, a_floats + b_floats);
  float* const own_b = packed_a + a_floats;
  for (int64_t first = 0; first < p.k; first += block) {
    const int64_t terms = std::min(block, p.k - first);
    if (p.packed_b == nullptr) PackBlock(p, first, terms, own_b);
    const float* const packed_b = p.packed_b == nullptr ? own_b : p.packed_b + first * panels * kPanelColumns;
    if (p.a_transposed) {
      PackTiles(p, first, terms, packed_a);
      MultiplyBlock<true>(p, first, terms, packed_a, packed_b);
    } else {
      MultiplyBlock<false>(p, first, terms, p.a + first, packed_b);
    }
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
