#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_COVARIANCE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_COVARIANCE_H_

#include <cstddef>
#include <span>
#include <vector>

#include "services/optimizer/core/bayes/vector_math.h"

namespace sda::optimizer::bayes {

// What the coordinates of a point mean to the kernel: numeric ones first, then categories, which are equal
// or not. Coordinates may share a length scale.
struct Layout {
  size_t coordinates = 0;
  size_t numeric = 0;
  size_t lengths = 0;
  std::vector<size_t> length_of;  // [coordinate]
};

// How the coordinates act on a value.
enum class Structure {
  kJoint,     // all together: any function of them
  kAdditive,  // each by itself: a sum of functions of one coordinate (Duvenaud et al. 2011, "Additive
              // Gaussian processes", first order)
};

// Prior covariance of a process: signal·kernel(r) + offset with r² = Σ (Δ_c/ℓ_c)²; where the structure is
// additive signal times the mean over c of kernel(Δ_c/ℓ_c), + offset.
class Covariance {
 public:
  // `known` are the points that rows will be of.
  Covariance(const Layout& layout, Kernel kernel, Structure structure, std::span<const double> log_length,
             double log_signal, double offset, const PointSet& known);

  const Layout& layout() const { return layout_; }
  double signal() const { return signal_; }
  // Of a value by itself.
  double variance() const { return signal_ + offset_; }
  // Kernels it is made of.
  size_t parts() const { return structure_ == Structure::kJoint ? 1 : layout_.coordinates; }

  // The sets below are the known points or the first of them.
  //
  // k[i] with point i of the set, and, unless null, what the derivatives are made of: slopes [parts][n].
  void Row(const PointSet& set, const double* point, double* k, double* slopes) const;
  // out[c] += Σ_i factor[i]·∂k[i]/∂point[c] for the numeric coordinates.
  void AddByPoint(const PointSet& set, const double* point, const double* slopes, const double* factor,
                  double* out) const;
  // out[length] += Σ_i factor[i]·∂k[i]/∂log ℓ.
  void AddByLength(const PointSet& set, const double* point, const double* slopes, const double* factor,
                   double* out) const;

 private:
  using AddWeighted = void (*)(const PointSet&, const double*, const double*, double*);
  // By coordinate what `add` makes of the factors times the slopes.
  const std::vector<double>& Sums(AddWeighted add, const PointSet& set, const double* point,
                                  const double* slopes, const double* factor) const;
  // The coordinates of a part, as a set of points of their own.
  PointSet PartOf(const PointSet& set, size_t part) const;
  // Whether part c is a Matérn kernel over numeric coordinate c.
  bool HasDecays(size_t part) const;

  const Layout layout_;
  const Kernel kernel_;
  const Structure structure_;
  const double signal_, offset_;
  std::vector<double> weight_;       // [coordinate] 1/ℓ²
  size_t known_ = 0;                 // points
  std::vector<double> rise_, fall_;  // [coordinate][known_] of the Decays; empty where no part has them
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_COVARIANCE_H_
