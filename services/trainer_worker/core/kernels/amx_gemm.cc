#include "services/trainer_worker/core/kernels/amx_gemm.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "services/trainer_worker/core/kernels/bf16_pack.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/kernels/reference_gemm.h"
#include "services/trainer_worker/core/kernels/simd.h"

#if defined(__x86_64__)

namespace sda::trainer {
namespace {

// A tile is 16 rows of 64 bytes: of a, of b and of c alike 256 words.
constexpr int64_t kTileRows = 16;
constexpr int64_t kTileRowBytes = 64;
constexpr int64_t kTileWords = 256;
constexpr int64_t kStepTerms = 32;  // of a tile of a: 16 words a row
constexpr int64_t kStepPairs = kStepTerms / 2;
// Rows of c made at a time, in 32 columns.
constexpr int64_t kPartRows = 2 * kTileRows;
// Rows of a packed at a time: few, so that c is written row after row; more where a is transposed and they
// are columns of memory.
constexpr int64_t kBlockRows = kPartRows;
constexpr int64_t kTransposedBlockRows = 256;
// Terms between two visits of c: packed rows of a that stay in the first-level cache while panels of b go by.
constexpr int64_t kMostTerms = 512;
// Packed columns of b that stay in the second-level cache while a goes by.
constexpr int64_t kMostColumns = 1024;

// What LDTILECFG reads: palette 1, all eight tiles whole.
struct alignas(64) TileConfig {
  TileConfig() {
    for (int tile = 0; tile < 8; ++tile) row_bytes[tile] = kTileRowBytes, rows[tile] = kTileRows;
  }
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// The instructions are written here as GCC's own intrinsics do not tell the compiler that they read memory.
template <int kTile>
inline void Load(const void* from, int64_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
}
// The same without keeping what was read in the first-level cache.
template <int kTile>
inline void Stream(const void* from, int64_t stride) {
  __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
inline void Store(void* to, int64_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
inline void Zero() {
  __asm__ volatile("tilezero %%tmm%c0" : : "i"(kTile));
}
template <int kSum, int kA, int kB>
inline void MultiplyAdd() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
}

constexpr int64_t Bytes(int64_t floats) {
  return floats * static_cast<int64_t>(sizeof(float));
}

// Where sums begin and where they go: rows of floats, strides in floats. from is null for zero, its stride 0
// where all rows begin alike.
struct Sums {
  const float* from = nullptr;
  int64_t from_stride = 0;
  float* to = nullptr;
  int64_t to_stride = 0;
};

// kRows · 16 rows by kColumns · 16 columns of sums over so many steps. The tiles of a for a step lie
// side by side, those of its next 16 rows a_rows words on; b as PackBf16Panels leaves it.
template <int kRows, int kColumns>
void Block(int64_t steps, const uint32_t* a, int64_t a_rows, const uint32_t* b, const Sums& sums) {
  constexpr int64_t kStride = kColumns * kTileRowBytes;
  const int64_t from_bytes = Bytes(sums.from_stride), to_bytes = Bytes(sums.to_stride);
  const int64_t below = kTileRows * sums.from_stride;
  if (sums.from == nullptr) {
    Zero<0>();
    if constexpr (kColumns == 2) Zero<1>();
    if constexpr (kRows == 2) Zero<2>();
    if constexpr (kRows == 2 && kColumns == 2) Zero<3>();
  } else {
    Load<0>(sums.from, from_bytes);
    if constexpr (kColumns == 2) Load<1>(sums.from + 16, from_bytes);
    if constexpr (kRows == 2) Load<2>(sums.from + below, from_bytes);
    if constexpr (kRows == 2 && kColumns == 2) Load<3>(sums.from + below + 16, from_bytes);
  }
  for (int64_t step = 0; step < steps; ++step) {
    Load<4>(a, kTileRowBytes);
    if constexpr (kRows == 2) Load<5>(a + a_rows, kTileRowBytes);
    Stream<6>(b, kStride);
    if constexpr (kColumns == 2) Stream<7>(b + 16, kStride);
    MultiplyAdd<0, 4, 6>();
    if constexpr (kColumns == 2) MultiplyAdd<1, 4, 7>();
    if constexpr (kRows == 2) MultiplyAdd<2, 5, 6>();
    if constexpr (kRows == 2 && kColumns == 2) MultiplyAdd<3, 5, 7>();
    a += kTileWords;
    b += kStepPairs * kColumns * 16;
  }
  const int64_t next = kTileRows * sums.to_stride;
  Store<0>(sums.to, to_bytes);
  if constexpr (kColumns == 2) Store<1>(sums.to + 16, to_bytes);
  if constexpr (kRows == 2) Store<2>(sums.to + next, to_bytes);
  if constexpr (kRows == 2 && kColumns == 2) Store<3>(sums.to + next + 16, to_bytes);
}

void MultiplyBlock(int64_t rows, int64_t columns, int64_t steps, const uint32_t* a, int64_t a_rows,
                   const uint32_t* b, const Sums& sums) {
  if (rows > kTileRows) {
    (columns > 16 ? Block<2, 2> : Block<2, 1>)(steps, a, a_rows, b, sums);
  } else {
    (columns > 16 ? Block<1, 2> : Block<1, 1>)(steps, a, a_rows, b, sums);
  }
}

// Rows [begin, end) of a, terms from first on, as tiles: tile (i, step) at out + (i · steps + step) ·
// kTileWords. What is beyond the terms is zero; rows beyond the end are left as they are.
SDA_BF16_TARGET void PackA(const Product& p, int64_t begin, int64_t end, int64_t first, int64_t terms,
                           int64_t steps, uint32_t* __restrict out) {
  for (int64_t i = begin; i < end; ++i) {
    const float* const row = p.a + i * p.a_stride + first;
    uint32_t* to = out + (i - begin) / kTileRows * steps * kTileWords + (i - begin) % kTileRows * 16;
    for (int64_t step = 0; step < steps; ++step, to += kTileWords)
      _mm512_store_si512(to, NeighboursOf(row + step * kStepTerms, terms - step * kStepTerms));
  }
}

// The same of a transposed a: 16 rows are 16 columns of memory.
SDA_BF16_TARGET void PackTransposedA(const Product& p, int64_t begin, int64_t end, int64_t first,
                                     int64_t terms, int64_t steps, uint32_t* __restrict out) {
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t i = begin; i < end; i += kTileRows) {
      __m512i tile[kTileRows];
      SDA_UNROLL
      for (int l = 0; l < kStepPairs; ++l) {
        const int64_t term = step * kStepTerms + 2 * l;
        const float* const low = p.a + (first + term) * p.a_stride + i;
        const __m512 a = term < terms ? LoadUpTo(low, end - i) : _mm512_setzero_ps();
        const __m512 b = term + 1 < terms ? LoadUpTo(low + p.a_stride, end - i) : _mm512_setzero_ps();
        tile[l] = PairsOf(a, b);
      }
      TransposeWords(tile);
      uint32_t* const to = out + ((i - begin) / kTileRows * steps + step) * kTileWords;
      SDA_UNROLL
      for (int r = 0; r < kTileRows; ++r) _mm512_store_si512(to + r * 16, tile[r]);
    }
  }
}

// rows × columns floats between c and a block of 32 columns.
SDA_BF16_TARGET void CopyIn(const float* c, int64_t stride, int64_t rows, int64_t columns, float* block) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < kBf16PanelColumns; j += kBf16Lanes)
      _mm512_store_ps(block + i * kBf16PanelColumns + j, LoadUpTo(c + i * stride + j, columns - j));
  }
}

SDA_BF16_TARGET void CopyOut(const float* block, int64_t rows, int64_t columns, bool relu, float* c,
                             int64_t stride) {
  // Max gives its second argument where one is NaN: a NaN passes, as it passes the plain rule.
  const __m512 least = relu ? _mm512_setzero_ps() : _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  for (int64_t j = 0; j < columns; j += kBf16Lanes) {
    const auto mask = static_cast<__mmask16>((1u << std::min<int64_t>(kBf16Lanes, columns - j)) - 1);
    for (int64_t i = 0; i < rows; ++i) {
      const __m512 value = _mm512_load_ps(block + i * kBf16PanelColumns + j);
      _mm512_mask_storeu_ps(c + i * stride + j, mask, _mm512_max_ps(least, value));
    }
  }
}

int64_t StepsOf(int64_t terms) {
  return Ceil(terms, kStepTerms);
}

// What AmxMultiply cuts from its scratch memory.
struct Memory {
  float* sums = nullptr;  // of a part, on their way to c
  uint32_t* a = nullptr;
  uint32_t* b = nullptr;
};

Memory Grow(FloatBuffer& scratch, int64_t a_words, int64_t b_words) {
  constexpr int64_t kSums = kPartRows * kBf16PanelColumns;
  const int64_t words = kSums + a_words + b_words;
  if (static_cast<int64_t>(scratch.size()) < words) scratch = FloatBuffer(words);
  auto* const a = reinterpret_cast<uint32_t*>(scratch.data() + kSums);
  return {.sums = scratch.data(), .a = a, .b = a + a_words};
}

// Panels of columns from begin on, of terms [first, first + terms): those packed before, or made in `memory`.
const uint32_t* PanelsOf(const Product& p, int64_t first, int64_t terms, int64_t begin, int64_t end,
                         uint32_t* memory) {
  const int64_t pairs = StepsOf(terms) * kStepPairs;
  if (p.packed_b != nullptr) {
    const int64_t width = Ceil(p.n, kBf16PanelColumns) * kBf16PanelColumns;
    return reinterpret_cast<const uint32_t*>(p.packed_b) + first / 2 * width + begin * pairs;
  }
  PackBf16Panels(p, first, terms, pairs, begin, end, memory);
  return memory;
}

// Columns [j, j + 32) of rows [i, i + 32) of c, of which there are as many as c has. a and b are their packed
// terms, or some of them: the first where it begins, the last where it ends.
struct Part {
  int64_t i = 0, j = 0, steps = 0;
  const uint32_t* a = nullptr;
  const uint32_t* b = nullptr;
  bool begins = false, ends = false;
};

SDA_BF16_TARGET void MultiplyPart(const Product& p, const Part& part, float* block) {
  const int64_t rows = std::min(kPartRows, p.m - part.i);
  const int64_t columns = std::min<int64_t>(kBf16PanelColumns, p.n - part.j);
  float* const c = p.c + part.i * p.c_stride + part.j;
  const bool whole = rows % kTileRows == 0 && columns % kBf16Lanes == 0;
  const bool relu = part.ends && p.activation == Activation::kRelu;
  Sums sums{.to = block, .to_stride = kBf16PanelColumns};
  alignas(64) float bias[kBf16PanelColumns];
  if (part.begins && p.bias != nullptr) {
    for (int64_t l = 0; l < kBf16PanelColumns; l += kBf16Lanes)
      _mm512_store_ps(bias + l, LoadUpTo(p.bias + part.j + l, columns - l));
    sums.from = bias;  // every row the same
  } else if (!part.begins && whole) {
    sums.from = c, sums.from_stride = p.c_stride;
  } else if (!part.begins) {
    CopyIn(c, p.c_stride, rows, columns, block);
    sums.from = block, sums.from_stride = kBf16PanelColumns;
  }
  const bool direct = whole && !relu;
  if (direct) sums.to = c, sums.to_stride = p.c_stride;
  MultiplyBlock(rows, columns, part.steps, part.a, part.steps * kTileWords, part.b, sums);
  if (!direct) CopyOut(block, rows, columns, relu, c, p.c_stride);
}

}  // namespace

bool HasAmxGemm() {
  return UsableIsa() >= Isa::kAmx;
}

AmxTiles::AmxTiles() {
  static const TileConfig config;
  __asm__ volatile("ldtilecfg %0" : : "m"(config));
}

AmxTiles::~AmxTiles() {
  __asm__ volatile("tilerelease");
}

void AmxMultiply(const Product& product, FloatBuffer& scratch) {
  AmxTiles().Multiply(product, scratch);
}

void AmxTiles::Multiply(const Product& p, FloatBuffer& scratch) {
  const auto pack_a = p.a_transposed ? PackTransposedA : PackA;
  const int64_t block_rows =
      std::min(p.a_transposed ? kTransposedBlockRows : kBlockRows, Ceil(p.m, kPartRows) * kPartRows);
  const int64_t most_steps = StepsOf(std::min(kMostTerms, p.k));
  const int64_t most_columns = std::min(kMostColumns, Ceil(p.n, kBf16PanelColumns) * kBf16PanelColumns);
  const Memory memory = Grow(scratch, block_rows * most_steps * kStepPairs,
                             p.packed_b != nullptr ? 0 : most_columns * most_steps * kStepPairs);
  for (int64_t first = 0; first < p.k; first += kMostTerms) {
    const int64_t terms = std::min(kMostTerms, p.k - first), steps = StepsOf(terms);
    for (int64_t begin = 0; begin < p.n; begin += kMostColumns) {
      const int64_t end = std::min(begin + kMostColumns, p.n);
      Part part{.steps = steps, .begins = first == 0, .ends = first + terms == p.k};
      const uint32_t* const b = PanelsOf(p, first, terms, begin, end, memory.b);
      for (int64_t block = 0; block < p.m; block += block_rows) {
        const int64_t block_end = std::min(block + block_rows, p.m);
        pack_a(p, block, block_end, first, terms, steps, memory.a);
        for (part.i = block; part.i < block_end; part.i += kPartRows) {
          part.a = memory.a + (part.i - block) * steps * kStepPairs;
          for (part.j = begin; part.j < end; part.j += kBf16PanelColumns) {
            part.b = b + (part.j - begin) * steps * kStepPairs;
            MultiplyPart(p, part, memory.sums);
          }
        }
      }
    }
  }
}

int64_t AmxPackedFloats(int64_t k, int64_t n) {
  return Ceil(n, kBf16PanelColumns) * kBf16PanelColumns * StepsOf(k) * kStepPairs;
}

void AmxPack(const Product& product, int64_t part, int64_t parts, float* packed) {
  PackBf16Part(product, part, parts, kMostTerms, kStepPairs, packed);
}

}  // namespace sda::trainer

#else

namespace sda::trainer {

bool HasAmxGemm() {
  return false;
}

void AmxMultiply(const Product& product, FloatBuffer&) {
  ReferenceMultiply(product);
}

AmxTiles::AmxTiles() = default;
AmxTiles::~AmxTiles() = default;

void AmxTiles::Multiply(const Product& product, FloatBuffer&) {
  ReferenceMultiply(product);
}

int64_t AmxPackedFloats(int64_t, int64_t) {
  return 0;
}

void AmxPack(const Product&, int64_t, int64_t, float*) {}

}  // namespace sda::trainer

#endif
