#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_VECTOR_MATH_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_VECTOR_MATH_H_

#include <cstddef>

// The loops in which the Bayesian engine spends its time, compiled once for every instruction set of the
// processor family and chosen at run time. All arrays are of doubles, need no alignment and do not overlap
// unless said otherwise. Sums are taken in an order that depends on the vector width, so results differ in
// the last bits between machines, never between runs on one.
namespace sda::optimizer::bayes {

// Σ a[i]·b[i], i < n.
double Dot(const double* a, const double* b, size_t n);

// y[i] += factor · x[i], i < n.
void AddScaled(double factor, const double* x, double* y, size_t n);

// c[i·ldc + j] += factor · Σ_k a[i·lda + k] · b[j·ldb + k] for i < rows, j < columns, k < depth: C += factor
// · A·Bᵀ. `a` and `b` may be the same.
void AddProduct(double factor, const double* a, size_t lda, const double* b, size_t ldb, double* c,
                size_t ldc, size_t rows, size_t columns, size_t depth);

// Squared scaled distances, from one point to n others. Coordinate c of the others is at points + c · ld, of
// the one at point[c]; a coordinate c < numeric adds weight[c]·(difference)², the others, which are
// categories, weight[c] where they differ.
struct PointSet {
  const double* points = nullptr;
  size_t ld = 0;
  size_t n = 0;
  size_t coordinates = 0;
  size_t numeric = 0;
};

// How alike the values of two points are, by their scaled distance r.
enum class Kernel {
  kMatern52,            // (1 + √5·r + 5r²/3)·e^(−√5·r): twice differentiable
  kSquaredExponential,  // e^(−r²/2): smooth
};

// k[i] = offset + signal·kernel(r), and, unless `slope` is null, slope[i] = −dk/d(r²) · 2: for Matérn-5/2
// signal·(5/3)·(1 + √5·r)·e^(−√5·r), for the squared exponential signal·e^(−r²/2).
void KernelRow(Kernel kernel, const PointSet& set, const double* point, const double* weight, double signal,
               double offset, double* k, double* slope);

// What a Matérn-5/2 kernel over one numeric coordinate needs of n points at x[i]: with rise[i] = e^(a·x[i])
// and fall[i] = e^(−a·x[i]), a = √5/ℓ, the exponential of −a times a distance is the smaller of rise·fall and
// fall·rise of the two points, so that no pair needs one of its own.
struct Decays {
  const double* x = nullptr;
  const double* rise = nullptr;
  const double* fall = nullptr;
  size_t n = 0;
};

// KernelRow of kMatern52 for one numeric coordinate, with k[i] added to; `at` is the one point and `scale` a.
void AddMaternRow(const Decays& points, const Decays& at, double scale, double signal, double* k,
                  double* slope);

// out[c] += Σ_i factor[i]·(difference of coordinate c)², i < n; for categories Σ factor[i]·[they differ].
void AddWeightedSquares(const PointSet& set, const double* point, const double* factor, double* out);

// out[c] += Σ_i factor[i]·(points[c][i] − point[c]) for the numeric coordinates.
void AddWeightedDifferences(const PointSet& set, const double* point, const double* factor, double* out);

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_VECTOR_MATH_H_
