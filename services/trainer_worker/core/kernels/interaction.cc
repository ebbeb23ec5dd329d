#include "services/trainer_worker/core/kernels/interaction.h"

#include <algorithm>
#include <optional>

#include "services/trainer_worker/core/kernels/amx_gemm.h"
#include "services/trainer_worker/core/kernels/float_buffer.h"
#include "services/trainer_worker/core/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/trainer_worker/core/kernels/interaction.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "services/trainer_worker/core/kernels/simd_tile.inc"

HWY_BEFORE_NAMESPACE();
namespace sda::trainer {
namespace HWY_NAMESPACE {
namespace {

#if SDA_SIMD_TARGET

// Memory of one sample's products, kept by each thread.
float* Scratch(int64_t floats) {
  static thread_local FloatBuffer buffer;
  if (static_cast<int64_t>(buffer.size()) < floats) buffer = FloatBuffer(floats);
  return buffer.data();
}

// to[0..n) = from[0..n).
inline void Copy(const float* HWY_RESTRICT from, int64_t n, float* HWY_RESTRICT to) {
  const Floats d;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  if (i == n) return;
  const auto rest = hn::FirstN(d, static_cast<size_t>(n - i));
  hn::BlendedStore(hn::MaskedLoad(rest, d, from + i), rest, d, to + i);
}

// Tiles where a sample's products are computed by them, and their memory.
class SampleTiles {
 public:
  SampleTiles(const DotInteraction& shape, Precision precision) {
    if (precision == Precision::kBf16 && shape.dim > kFewTerms && HasAmxGemm()) tiles_.emplace();
  }
  bool present() const { return tiles_.has_value(); }
  void Multiply(const Product& product) {
    static thread_local FloatBuffer scratch;
    tiles_->Multiply(product, scratch);
  }

 private:
  std::optional<AmxTiles> tiles_;
};

// Z = T · Tᵀ on and below the diagonal, tile by tile; `transposed` has room for panels of Tᵀ.
void MultiplyByTransposed(int64_t features, int64_t dim, const float* t, float* transposed, float* z,
                          int64_t width) {
  for (int64_t j = 0; j < features; j += kPanelColumns) {
    PackPanel(t + j * dim, dim, true, dim, std::min<int64_t>(kPanelColumns, features - j), kPanelColumns,
              transposed + j * dim);
  }
  const int64_t tiles = Ceil(features, kTileRows);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const auto [begin, end] = TileRange(features, tile, tiles);
    for (int64_t j = 0; j < end; j += kPanelColumns) {
      const int64_t columns = VectorsOf(end - j) * kLanes;
      TileFor<false>(end - begin, columns)(dim, t + begin * dim, dim, transposed + j * dim, kPanelColumns,
                                           z + begin * width + j, width, columns, {});
    }
  }
}

// Products of a sample's features, then their triangle row by row.
void ForwardImpl(const DotInteraction& shape, int64_t rows, const float* t, float* r, Precision precision) {
  const int64_t dim = shape.dim, features = shape.features;
  const int64_t width = Ceil(features, kPanelColumns) * kPanelColumns;
  float* const transposed = Scratch(width * (dim + features));  // panels of Tᵀ
  float* const z = transposed + width * dim;                    // [features, width]
  SampleTiles amx(shape, precision);
  for (int64_t row = 0; row < rows; ++row) {
    const float* const sample = t + row * features * dim;
    float* out = r + row * shape.outputs();
    if (amx.present()) {
      amx.Multiply({.m = features,
                    .n = features,
                    .k = dim,
                    .a = sample,
                    .a_stride = dim,
                    .b = sample,
                    .b_stride = dim,
                    .b_transposed = true,
                    .c = z,
                    .c_stride = width});
    } else {
      MultiplyByTransposed(features, dim, sample, transposed, z, width);
    }
    Copy(sample, dim, out);
    out += dim;
    for (int64_t i = 0; i < features; ++i) {
      const int64_t pairs = shape.self ? i + 1 : i;
      Copy(z + i * width, pairs, out);
      out += pairs;
    }
  }
}

// S [features, features] of a sample's dZ, symmetric.
void Symmetric(const DotInteraction& shape, const float* dz, float* s) {
  const int64_t features = shape.features;
  for (int64_t i = 0; i < features; ++i) {
    Copy(dz, i, s + i * features);
    for (int64_t j = 0; j < i; ++j) s[j * features + i] = dz[j];
    // The derivative of |T_i|² is 2·T_i.
    s[i * features + i] = shape.self ? 2 * dz[i] : 0;
    dz += shape.self ? i + 1 : i;
  }
}

// out = S · T, tile by tile. `wide` has room for T with rows of whole vectors.
void MultiplySymmetric(int64_t features, int64_t dim, const float* s, const float* t, float* wide,
                       float* out) {
  const int64_t padded = Ceil(dim, kLanes) * kLanes;
  const float* b = t;
  if (padded != dim) {
    for (int64_t i = 0; i < features; ++i) Copy(t + i * dim, dim, wide + i * padded);
    b = wide;
  }
  const int64_t tiles = Ceil(features, kTileRows);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const auto [begin, end] = TileRange(features, tile, tiles);
    for (int64_t j = 0; j < dim; j += kPanelColumns) {
      const int64_t columns = std::min<int64_t>(kPanelColumns, dim - j);
      TileFor<false>(end - begin, columns)(features, s + begin * features, features, b + j, padded,
                                           out + begin * dim + j, dim, columns, {});
    }
  }
}

// dT = S · T with the symmetric S of the dZ.
void BackwardImpl(const DotInteraction& shape, int64_t rows, const float* t, const float* dr, float* dt,
                  Precision precision) {
  const Floats d;
  const int64_t dim = shape.dim, features = shape.features;
  float* const s = Scratch(features * (features + Ceil(dim, kLanes) * kLanes));
  float* const wide = s + features * features;
  SampleTiles amx(shape, precision);
  for (int64_t row = 0; row < rows; ++row) {
    const float* const sample = t + row * features * dim;
    const float* const dout = dr + row * shape.outputs();
    float* const out = dt + row * features * dim;
    Symmetric(shape, dout + dim, s);
    if (amx.present()) {
      amx.Multiply({.m = features,
                    .n = dim,
                    .k = features,
                    .a = s,
                    .a_stride = features,
                    .b = sample,
                    .b_stride = dim,
                    .c = out,
                    .c_stride = dim});
    } else {
      MultiplySymmetric(features, dim, s, sample, wide, out);
    }
    int64_t l = 0;
    for (; l + kLanes <= dim; l += kLanes)
      hn::StoreU(hn::Add(hn::LoadU(d, out + l), hn::LoadU(d, dout + l)), d, out + l);
    for (; l < dim; ++l) out[l] += dout[l];
  }
}

#else

// Eight partial sums, so that the compiler may keep them in vector registers without reassociating.
float Dot(const float* a, const float* b, int64_t dim) {
  float partial[8] = {};
  int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    for (int lane = 0; lane < 8; ++lane) partial[lane] += a[i + lane] * b[i + lane];
  }
  float sum = ((partial[0] + partial[4]) + (partial[2] + partial[6])) +
              ((partial[1] + partial[5]) + (partial[3] + partial[7]));
  for (; i < dim; ++i) sum += a[i] * b[i];
  return sum;
}

void ForwardImpl(const DotInteraction& shape, int64_t rows, const float* t, float* r, Precision) {
  const int64_t dim = shape.dim;
  for (int64_t row = 0; row < rows; ++row) {
    const float* features = t + row * shape.features * dim;
    float* out = std::copy(features, features + dim, r + row * shape.outputs());
    for (int64_t i = 0; i < shape.features; ++i) {
      const int64_t end = shape.self ? i + 1 : i;
      for (int64_t j = 0; j < end; ++j) *out++ = Dot(features + i * dim, features + j * dim, dim);
    }
  }
}

void BackwardImpl(const DotInteraction& shape, int64_t rows, const float* t, const float* dr, float* dt,
                  Precision) {
  const int64_t dim = shape.dim;
  for (int64_t row = 0; row < rows; ++row) {
    const float* features = t + row * shape.features * dim;
    const float* dout = dr + row * shape.outputs();
    float* dfeatures = dt + row * shape.features * dim;
    std::copy(dout, dout + dim, dfeatures);
    std::fill(dfeatures + dim, dfeatures + shape.features * dim, 0.0f);
    dout += dim;
    for (int64_t i = 0; i < shape.features; ++i) {
      const float* fi = features + i * dim;
      float* di = dfeatures + i * dim;
      const int64_t end = shape.self ? i + 1 : i;
      for (int64_t j = 0; j < end; ++j) {
        // For j = i both statements of the inner loop hit the same row: 2·dz·T_i, as the derivative of |T_i|²
        // is.
        const float dz = *dout++;
        const float* fj = features + j * dim;
        float* dj = dfeatures + j * dim;
        for (int64_t l = 0; l < dim; ++l) {
          di[l] += dz * fj[l];
          dj[l] += dz * fi[l];
        }
      }
    }
  }
}

#endif  // SDA_SIMD_TARGET

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::trainer {

HWY_EXPORT(ForwardImpl);
HWY_EXPORT(BackwardImpl);

void DotInteractionForward(const DotInteraction& shape, int64_t rows, const float* t, float* r,
                           Precision precision) {
  HWY_DYNAMIC_DISPATCH(ForwardImpl)(shape, rows, t, r, precision);
}

void DotInteractionBackward(const DotInteraction& shape, int64_t rows, const float* t, const float* dr,
                            float* dt, Precision precision) {
  HWY_DYNAMIC_DISPATCH(BackwardImpl)(shape, rows, t, dr, dt, precision);
}

}  // namespace sda::trainer
#endif
