#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_ENCODING_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_ENCODING_H_

#include <cstddef>
#include <span>
#include <vector>

#include "services/optimizer/core/bayes/gp.h"
#include "services/optimizer/core/space.h"

namespace sda::optimizer::bayes {

// A point of the space as the search moves it: one number a parameter. Numeric parameters at their place
// between the ends of their range on their scale, in [0, 1]; categories as their index. Parameters that are
// not active keep a number that is ignored.
using Place = std::vector<double>;

// A parameter as the model sees it.
struct Axis {
  enum class Kind { kReal, kLattice, kCategory };
  Kind kind = Kind::kReal;
  Scale scale = Scale::kLinear;
  double low = 0, high = 1;        // ends of the range on the scale
  double lowest = 0, highest = 0;  // ends as values
  std::vector<double> lattice;  // places of the values of kLattice, rising; empty: all integers of the range
  size_t count = 0;             // values of kLattice and kCategory
  bool conditional = false;
  size_t first_coordinate = 0;  // of the kernel
};

// Translates between assignments, places and the kernel's coordinates. The space must outlive it.
//
// Inactive parameters: a numeric one that is active in some configurations only is laid on an arc, and
// "inactive" is the arc's centre, equally far from every value (after Swersky et al. 2013, "Raiders of the
// lost architecture"); a category gets one more value. So distances stay Euclidean and the kernel valid.
class Encoding {
 public:
  explicit Encoding(const Space& space);

  size_t size() const { return axes_.size(); }
  const Axis& axis(size_t i) const { return axes_[i]; }
  const Layout& layout() const { return layout_; }
  const Space& space() const { return space_; }

  Place FromAssignments(const Assignments& assignments) const;
  // Values exactly of the domains.
  Assignments ToAssignments(const Place& place) const;

  // Even over each parameter's scale; `unit` in [0, 1).
  void FromCube(std::span<const double> unit, Place& place) const;
  // Moves every coordinate into its range and onto an allowed value.
  void Settle(Place& place) const;
  // The allowed place nearest to x on the axis.
  double Nearest(size_t axis, double x) const;
  // The k-th allowed place of a lattice or category, k < count.
  double At(size_t axis, size_t k) const;
  // The index of an allowed place.
  size_t IndexOf(size_t axis, double x) const;

  void ActiveAxes(const Place& place, std::vector<char>& active) const;
  void Coordinates(const Place& place, std::span<const char> active, double* out) const;
  // From the gradient by coordinates to that by places; 0 for categories and inactive axes.
  void GradientOfPlace(const Place& place, std::span<const char> active, const double* by_coordinate,
                       std::span<double> out) const;

  double ValueAt(size_t axis, double x) const;
  // Place of a value; outside the range for values outside.
  double PlaceOf(size_t axis, double value) const;

 private:
  struct Requirement {
    size_t parent = 0;
    std::vector<char> allowed = {};  // by index
  };

  const Space& space_;
  std::vector<Axis> axes_;
  std::vector<std::vector<Requirement>> requirements_;
  std::vector<size_t> order_;  // parents before children
  Layout layout_;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_ENCODING_H_
