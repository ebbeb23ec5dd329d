#include "services/optimizer/core/bayes/vector_math.h"

#include <algorithm>
#include <cmath>

// Highway compiles this file once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/optimizer/core/bayes/vector_math.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// After highway.h: its helpers are compiled with the same target.
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace sda::optimizer::bayes::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<double, 8>;
using V = hn::Vec<D>;

double DotImpl(const double* a, const double* b, size_t n) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, a + i + 2 * lanes), hn::LoadU(d, b + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, a + i + 3 * lanes), hn::LoadU(d, b + i + 3 * lanes), s3);
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
  double sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

void AddScaledImpl(double factor, const double* x, double* y, size_t n) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V f = hn::Set(d, factor);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::MulAdd(f, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  }
  for (; i < n; ++i) y[i] += factor * x[i];
}

// A block of 4 x 2 dot products: eight accumulators, six loads for eight multiplications.
void Tile(double factor, const double* a, size_t lda, const double* b, size_t ldb, double* c, size_t ldc,
          size_t depth) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V s00 = hn::Zero(d), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  size_t k = 0;
  for (; k + lanes <= depth; k += lanes) {
    const V b0 = hn::LoadU(d, b + k), b1 = hn::LoadU(d, b + ldb + k);
    const V a0 = hn::LoadU(d, a + k), a1 = hn::LoadU(d, a + lda + k);
    const V a2 = hn::LoadU(d, a + 2 * lda + k), a3 = hn::LoadU(d, a + 3 * lda + k);
    s00 = hn::MulAdd(a0, b0, s00);
    s01 = hn::MulAdd(a0, b1, s01);
    s10 = hn::MulAdd(a1, b0, s10);
    s11 = hn::MulAdd(a1, b1, s11);
    s20 = hn::MulAdd(a2, b0, s20);
    s21 = hn::MulAdd(a2, b1, s21);
    s30 = hn::MulAdd(a3, b0, s30);
    s31 = hn::MulAdd(a3, b1, s31);
  }
  double sums[8] = {
      hn::GetLane(hn::SumOfLanes(d, s00)), hn::GetLane(hn::SumOfLanes(d, s01)),
      hn::GetLane(hn::SumOfLanes(d, s10)), hn::GetLane(hn::SumOfLanes(d, s11)),
      hn::GetLane(hn::SumOfLanes(d, s20)), hn::GetLane(hn::SumOfLanes(d, s21)),
      hn::GetLane(hn::SumOfLanes(d, s30)), hn::GetLane(hn::SumOfLanes(d, s31)),
  };
  for (; k < depth; ++k) {
    for (size_t i = 0; i < 4; ++i) {
      sums[2 * i] += a[i * lda + k] * b[k];
      sums[2 * i + 1] += a[i * lda + k] * b[ldb + k];
    }
  }
  for (size_t i = 0; i < 4; ++i) {
    c[i * ldc] += factor * sums[2 * i];
    c[i * ldc + 1] += factor * sums[2 * i + 1];
  }
}

void AddProductImpl(double factor, const double* a, size_t lda, const double* b, size_t ldb, double* c,
                    size_t ldc, size_t rows, size_t columns, size_t depth) {
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    size_t j = 0;
    for (; j + 2 <= columns; j += 2) {
      Tile(factor, a + i * lda, lda, b + j * ldb, ldb, c + i * ldc + j, ldc, depth);
    }
    for (; j < columns; ++j) {
      for (size_t r = i; r < i + 4; ++r) c[r * ldc + j] += factor * DotImpl(a + r * lda, b + j * ldb, depth);
    }
  }
  for (; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) c[i * ldc + j] += factor * DotImpl(a + i * lda, b + j * ldb, depth);
  }
}

// Squared distances of the lanes from i on.
V Distances(const PointSet& set, const double* point, const double* weight, size_t i, bool whole) {
  const D d;
  V sum = hn::Zero(d);
  double buffer[8] = {};
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < set.coordinates; ++c) {
    const double* from = set.points + c * set.ld + i;
    if (!whole) {
      for (size_t l = 0; l < lanes; ++l) buffer[l] = i + l < set.n ? from[l] : point[c];
      from = buffer;
    }
    const V x = hn::LoadU(d, from), p = hn::Set(d, point[c]), w = hn::Set(d, weight[c]);
    if (c < set.numeric) {
      const V difference = hn::Sub(x, p);
      sum = hn::MulAdd(hn::Mul(difference, difference), w, sum);
    } else {
      sum = hn::Add(sum, hn::IfThenElseZero(hn::Ne(x, p), w));
    }
  }
  return sum;
}

// Beyond e^-700 nothing is left but denormals.
V Decay(V exponent) {
  const D d;
  return hn::Exp(d, hn::Neg(hn::Min(exponent, hn::Set(d, 700.0))));
}

void KernelRowImpl(Kernel kernel, const PointSet& set, const double* point, const double* weight,
                   double signal, double offset, double* k, double* slope) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V one = hn::Set(d, 1.0), third = hn::Set(d, 1.0 / 3), five = hn::Set(d, 5.0);
  const V vs = hn::Set(d, signal), vo = hn::Set(d, offset), vs53 = hn::Set(d, signal * 5 / 3);
  for (size_t i = 0; i < set.n; i += lanes) {
    const bool whole = i + lanes <= set.n;
    const V squares = Distances(set, point, weight, i, whole);
    V value, fall;
    if (kernel == Kernel::kMatern52) {
      const V five_squares = hn::Mul(five, squares);
      const V t = hn::Sqrt(five_squares);
      const V e = Decay(t);
      const V linear = hn::Add(one, t);
      value = hn::MulAdd(hn::Mul(vs, e), hn::MulAdd(five_squares, third, linear), vo);
      fall = hn::Mul(hn::Mul(vs53, e), linear);
    } else {
      fall = hn::Mul(vs, Decay(hn::Mul(squares, hn::Set(d, 0.5))));
      value = hn::Add(fall, vo);
    }
    if (whole) {
      hn::StoreU(value, d, k + i);
      if (slope != nullptr) hn::StoreU(fall, d, slope + i);
    } else {
      double buffer[8];
      hn::StoreU(value, d, buffer);
      for (size_t l = 0; i + l < set.n; ++l) k[i + l] = buffer[l];
      if (slope == nullptr) continue;
      hn::StoreU(fall, d, buffer);
      for (size_t l = 0; i + l < set.n; ++l) slope[i + l] = buffer[l];
    }
  }
}

void AddMaternRowImpl(const Decays& points, const Decays& at, double scale, double signal, double* k,
                      double* slope) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V one = hn::Set(d, 1.0), third = hn::Set(d, 1.0 / 3), a = hn::Set(d, scale), x = hn::Set(d, at.x[0]);
  const V rise = hn::Set(d, at.rise[0]), fall = hn::Set(d, at.fall[0]);
  const V vs = hn::Set(d, signal), vs53 = hn::Set(d, signal * 5 / 3);
  size_t i = 0;
  for (; i + lanes <= points.n; i += lanes) {
    const V t = hn::Mul(a, hn::Abs(hn::Sub(hn::LoadU(d, points.x + i), x)));
    const V e =
        hn::Min(hn::Mul(hn::LoadU(d, points.rise + i), fall), hn::Mul(hn::LoadU(d, points.fall + i), rise));
    const V linear = hn::Add(one, t);
    const V value = hn::MulAdd(hn::Mul(t, t), third, linear);
    hn::StoreU(hn::MulAdd(hn::Mul(vs, e), value, hn::LoadU(d, k + i)), d, k + i);
    if (slope != nullptr) hn::StoreU(hn::Mul(hn::Mul(vs53, e), linear), d, slope + i);
  }
  for (; i < points.n; ++i) {
    const double t = scale * std::abs(points.x[i] - at.x[0]);
    const double e = std::min(points.rise[i] * at.fall[0], points.fall[i] * at.rise[0]);
    k[i] += signal * e * (t * t * (1.0 / 3) + (1 + t));
    if (slope != nullptr) slope[i] = signal * 5 / 3 * e * (1 + t);
  }
}

void AddWeightedSquaresImpl(const PointSet& set, const double* point, const double* factor, double* out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < set.coordinates; ++c) {
    const double* x = set.points + c * set.ld;
    const V p = hn::Set(d, point[c]);
    V sum = hn::Zero(d);
    size_t i = 0;
    double rest = 0;
    if (c < set.numeric) {
      for (; i + lanes <= set.n; i += lanes) {
        const V difference = hn::Sub(hn::LoadU(d, x + i), p);
        sum = hn::MulAdd(hn::Mul(difference, difference), hn::LoadU(d, factor + i), sum);
      }
      for (; i < set.n; ++i) rest += factor[i] * (x[i] - point[c]) * (x[i] - point[c]);
    } else {
      for (; i + lanes <= set.n; i += lanes) {
        const V differ = hn::IfThenElseZero(hn::Ne(hn::LoadU(d, x + i), p), hn::LoadU(d, factor + i));
        sum = hn::Add(sum, differ);
      }
      for (; i < set.n; ++i) rest += x[i] != point[c] ? factor[i] : 0;
    }
    out[c] += rest + hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

void AddWeightedDifferencesImpl(const PointSet& set, const double* point, const double* factor, double* out) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < set.numeric; ++c) {
    const double* x = set.points + c * set.ld;
    const V p = hn::Set(d, point[c]);
    V sum = hn::Zero(d);
    size_t i = 0;
    for (; i + lanes <= set.n; i += lanes) {
      sum = hn::MulAdd(hn::Sub(hn::LoadU(d, x + i), p), hn::LoadU(d, factor + i), sum);
    }
    double rest = 0;
    for (; i < set.n; ++i) rest += factor[i] * (x[i] - point[c]);
    out[c] += rest + hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

}  // namespace sda::optimizer::bayes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::optimizer::bayes {

HWY_EXPORT(DotImpl);
HWY_EXPORT(AddScaledImpl);
HWY_EXPORT(AddProductImpl);
HWY_EXPORT(KernelRowImpl);
HWY_EXPORT(AddMaternRowImpl);
HWY_EXPORT(AddWeightedSquaresImpl);
HWY_EXPORT(AddWeightedDifferencesImpl);

double Dot(const double* a, const double* b, size_t n) {
  return HWY_DYNAMIC_DISPATCH(DotImpl)(a, b, n);
}

void AddScaled(double factor, const double* x, double* y, size_t n) {
  HWY_DYNAMIC_DISPATCH(AddScaledImpl)(factor, x, y, n);
}

void AddProduct(double factor, const double* a, size_t lda, const double* b, size_t ldb, double* c,
                size_t ldc, size_t rows, size_t columns, size_t depth) {
  HWY_DYNAMIC_DISPATCH(AddProductImpl)(factor, a, lda, b, ldb, c, ldc, rows, columns, depth);
}

void KernelRow(Kernel kernel, const PointSet& set, const double* point, const double* weight, double signal,
               double offset, double* k, double* slope) {
  HWY_DYNAMIC_DISPATCH(KernelRowImpl)(kernel, set, point, weight, signal, offset, k, slope);
}

void AddMaternRow(const Decays& points, const Decays& at, double scale, double signal, double* k,
                  double* slope) {
  HWY_DYNAMIC_DISPATCH(AddMaternRowImpl)(points, at, scale, signal, k, slope);
}

void AddWeightedSquares(const PointSet& set, const double* point, const double* factor, double* out) {
  HWY_DYNAMIC_DISPATCH(AddWeightedSquaresImpl)(set, point, factor, out);
}

void AddWeightedDifferences(const PointSet& set, const double* point, const double* factor, double* out) {
  HWY_DYNAMIC_DISPATCH(AddWeightedDifferencesImpl)(set, point, factor, out);
}

}  // namespace sda::optimizer::bayes
#endif  // HWY_ONCE
