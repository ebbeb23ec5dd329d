#include "services/optimizer/core/bayes/encoding.h"

#include <algorithm>
#include <cmath>

namespace sda::optimizer::bayes {
namespace {

// An arc of two radians whose ends are 1 apart.
constexpr double kArc = 2.0;
const double kRadius = 0.5 / std::sin(0.5 * kArc);
// Integer ranges up to this size are searched value by value.
constexpr int64_t kMaxListed = 1000;

double ToScale(Scale scale, double value) {
  if (scale == Scale::kLog) return std::log(value);
  if (scale == Scale::kLogit) return std::log(value / (1 - value));
  return value;
}

double FromScale(Scale scale, double value) {
  if (scale == Scale::kLog) return std::exp(value);
  if (scale == Scale::kLogit) return 1 / (1 + std::exp(-value));
  return value;
}

// How uneven the steps between values are: standard deviation over mean.
double Unevenness(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  const auto steps = static_cast<double>(values.size() - 1);
  for (size_t i = 1; i < values.size(); ++i) {
    sum += values[i] - values[i - 1];
    squares += (values[i] - values[i - 1]) * (values[i] - values[i - 1]);
  }
  const double mean = sum / steps;
  return std::sqrt(std::max(squares / steps - mean * mean, 0.0)) / mean;
}

// Grids like 16, 32, 64 are meant logarithmically even where nobody says so.
Scale GridScale(const Parameter& parameter, const std::vector<double>& values) {
  const bool positive = values.front() > 0;
  if (parameter.scale == Scale::kLog && positive) return Scale::kLog;
  if (parameter.scale != Scale::kLinear || !positive || values.size() < 3) return Scale::kLinear;
  std::vector<double> logs(values.size());
  std::transform(values.begin(), values.end(), logs.begin(), [](double v) { return std::log(v); });
  return Unevenness(logs) < Unevenness(values) - 1e-9 ? Scale::kLog : Scale::kLinear;
}

Axis MakeAxis(const Parameter& parameter) {
  Axis axis;
  axis.conditional = !parameter.conditions.empty();
  axis.scale = parameter.scale;
  if (const auto* range = std::get_if<DoubleRange>(&parameter.domain)) {
    axis.lowest = range->min;
    axis.highest = range->max;
  } else if (const auto* range = std::get_if<IntRange>(&parameter.domain)) {
    axis.kind = Axis::Kind::kLattice;
    axis.lowest = static_cast<double>(range->min);
    axis.highest = static_cast<double>(range->max);
    axis.count = static_cast<size_t>(range->max - range->min) + 1;
  } else if (const auto* grid = std::get_if<Grid>(&parameter.domain)) {
    axis.kind = Axis::Kind::kLattice;
    axis.scale = GridScale(parameter, grid->values);
    axis.lowest = grid->values.front();
    axis.highest = grid->values.back();
    axis.count = grid->values.size();
  } else {
    axis.kind = Axis::Kind::kCategory;
    axis.count = std::get<Categories>(parameter.domain).values.size();
    return axis;
  }
  axis.low = ToScale(axis.scale, axis.lowest);
  axis.high = ToScale(axis.scale, axis.highest);
  return axis;
}

}  // namespace

Encoding::Encoding(const Space& space) : space_(space) {
  const auto index_of = [&](const std::string& name) {
    return static_cast<size_t>(space.Find(name) - space.parameters.data());
  };
  for (const Parameter& parameter : space.parameters) axes_.push_back(MakeAxis(parameter));
  for (size_t i = 0; i < axes_.size(); ++i) {
    Axis& axis = axes_[i];
    if (axis.kind != Axis::Kind::kLattice) continue;
    if (const auto* grid = std::get_if<Grid>(&space.parameters[i].domain)) {
      for (const double value : grid->values) axis.lattice.push_back(PlaceOf(i, value));
    } else if (axis.count <= kMaxListed) {
      for (size_t k = 0; k < axis.count; ++k)
        axis.lattice.push_back(PlaceOf(i, axis.lowest + static_cast<double>(k)));
    }
  }
  // Numeric coordinates first.
  layout_.lengths = axes_.size();
  for (const bool numeric : {true, false}) {
    for (size_t i = 0; i < axes_.size(); ++i) {
      if ((axes_[i].kind != Axis::Kind::kCategory) != numeric) continue;
      axes_[i].first_coordinate = layout_.length_of.size();
      layout_.length_of.push_back(i);
      if (numeric && axes_[i].conditional) layout_.length_of.push_back(i);
    }
    if (numeric) layout_.numeric = layout_.length_of.size();
  }
  layout_.coordinates = layout_.length_of.size();

  requirements_.resize(axes_.size());
  for (size_t i = 0; i < axes_.size(); ++i) {
    for (const Condition& condition : space.parameters[i].conditions) {
      Requirement requirement{.parent = index_of(condition.parameter)};
      const Axis& parent = axes_[requirement.parent];
      const Domain& domain = space.parameters[requirement.parent].domain;
      if (const auto* range = std::get_if<IntRange>(&domain)) {
        // Indices of the listed values only; a parent may have millions of integers.
        size_t largest = 0;
        for (const Value& value : condition.values)
          largest = std::max(largest, static_cast<size_t>(std::get<int64_t>(value) - range->min));
        requirement.allowed.assign(std::min(largest + 1, parent.count), 0);
        for (const Value& value : condition.values)
          requirement.allowed[static_cast<size_t>(std::get<int64_t>(value) - range->min)] = 1;
      } else {
        requirement.allowed.assign(parent.count, 0);
        for (size_t k = 0; k < parent.count; ++k) {
          Value value;
          if (const auto* grid = std::get_if<Grid>(&domain)) {
            value = grid->values[k];
          } else {
            value = std::get<Categories>(domain).values[k];
          }
          requirement.allowed[k] =
              std::find(condition.values.begin(), condition.values.end(), value) != condition.values.end();
        }
      }
      requirements_[i].push_back(std::move(requirement));
    }
  }
  std::vector<char> settled(axes_.size(), 0);
  for (bool progress = true; progress;) {
    progress = false;
    for (size_t i = 0; i < axes_.size(); ++i) {
      if (settled[i]) continue;
      const bool ready = std::all_of(requirements_[i].begin(), requirements_[i].end(),
                                     [&](const Requirement& r) { return settled[r.parent] != 0; });
      if (!ready) continue;
      settled[i] = 1;
      order_.push_back(i);
      progress = true;
    }
  }
}

double Encoding::PlaceOf(size_t i, double value) const {
  const Axis& axis = axes_[i];
  if (!(axis.high > axis.low)) return 0.5;
  return (ToScale(axis.scale, value) - axis.low) / (axis.high - axis.low);
}

double Encoding::ValueAt(size_t i, double x) const {
  const Axis& axis = axes_[i];
  if (!(axis.high > axis.low)) return axis.lowest;
  const double value = FromScale(axis.scale, axis.low + x * (axis.high - axis.low));
  return std::clamp(value, axis.lowest, axis.highest);
}

size_t Encoding::IndexOf(size_t i, double x) const {
  const Axis& axis = axes_[i];
  if (axis.kind == Axis::Kind::kCategory) {
    return std::min(static_cast<size_t>(std::max(std::lround(x), 0L)), axis.count - 1);
  }
  if (axis.lattice.empty()) return static_cast<size_t>(std::llround(ValueAt(i, x) - axis.lowest));
  const auto after = std::lower_bound(axis.lattice.begin(), axis.lattice.end(), x);
  if (after == axis.lattice.begin()) return 0;
  if (after == axis.lattice.end()) return axis.count - 1;
  const auto index = static_cast<size_t>(after - axis.lattice.begin());
  return x - axis.lattice[index - 1] < axis.lattice[index] - x ? index - 1 : index;
}

double Encoding::At(size_t i, size_t k) const {
  const Axis& axis = axes_[i];
  if (axis.kind == Axis::Kind::kCategory) return static_cast<double>(k);
  return axis.lattice.empty() ? PlaceOf(i, axis.lowest + static_cast<double>(k)) : axis.lattice[k];
}

double Encoding::Nearest(size_t i, double x) const {
  if (axes_[i].kind == Axis::Kind::kReal) return std::clamp(x, 0.0, 1.0);
  return At(i, IndexOf(i, x));
}

void Encoding::Settle(Place& place) const {
  for (size_t i = 0; i < axes_.size(); ++i) place[i] = Nearest(i, place[i]);
}

void Encoding::FromCube(std::span<const double> unit, Place& place) const {
  place.resize(axes_.size());
  for (size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    const auto share = [&](size_t count) {
      return std::min(static_cast<size_t>(unit[i] * static_cast<double>(count)), count - 1);
    };
    if (axis.kind == Axis::Kind::kReal) {
      place[i] = unit[i];
    } else if (axis.kind == Axis::Kind::kCategory || (!axis.lattice.empty() && axis.scale != Scale::kLog)) {
      place[i] = At(i, share(axis.count));
    } else {
      place[i] = Nearest(i, unit[i]);
    }
  }
}

void Encoding::ActiveAxes(const Place& place, std::vector<char>& active) const {
  active.assign(axes_.size(), 1);
  for (const size_t i : order_) {
    for (const Requirement& requirement : requirements_[i]) {
      const size_t index = IndexOf(requirement.parent, place[requirement.parent]);
      if (!active[requirement.parent] || index >= requirement.allowed.size() || !requirement.allowed[index])
        active[i] = 0;
    }
  }
}

void Encoding::Coordinates(const Place& place, std::span<const char> active, double* out) const {
  for (size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    double* const to = out + axis.first_coordinate;
    if (axis.kind == Axis::Kind::kCategory) {
      to[0] = active[i] ? std::round(place[i]) : -1;
    } else if (!axis.conditional) {
      to[0] = place[i];
    } else if (active[i]) {
      const double angle = kArc * (place[i] - 0.5);
      to[0] = kRadius * std::sin(angle);
      to[1] = kRadius * std::cos(angle);
    } else {
      to[0] = to[1] = 0;
    }
  }
}

void Encoding::GradientOfPlace(const Place& place, std::span<const char> active, const double* by_coordinate,
                               std::span<double> out) const {
  for (size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    const double* const by = by_coordinate + axis.first_coordinate;
    out[i] = 0;
    if (axis.kind == Axis::Kind::kCategory || !active[i]) continue;
    if (!axis.conditional) {
      out[i] = by[0];
    } else {
      const double angle = kArc * (place[i] - 0.5);
      out[i] = kArc * kRadius * (by[0] * std::cos(angle) - by[1] * std::sin(angle));
    }
  }
}

Place Encoding::FromAssignments(const Assignments& assignments) const {
  Place place(axes_.size(), 0.5);
  for (size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    if (axis.kind == Axis::Kind::kCategory) place[i] = 0;
    const auto found = assignments.find(space_.parameters[i].name);
    if (found == assignments.end()) {
      place[i] = Nearest(i, place[i]);
      continue;
    }
    const Value& value = found->second;
    if (const auto* name = std::get_if<std::string>(&value)) {
      const auto& names = std::get<Categories>(space_.parameters[i].domain).values;
      place[i] = static_cast<double>(std::find(names.begin(), names.end(), *name) - names.begin());
    } else {
      const auto* number = std::get_if<double>(&value);
      const double x =
          PlaceOf(i, number != nullptr ? *number : static_cast<double>(std::get<int64_t>(value)));
      // A trial made before the range was narrowed may lie outside; the model takes it as it is.
      place[i] = std::isfinite(x) ? std::clamp(x, -1.0, 2.0) : 0.5;
    }
  }
  return place;
}

Assignments Encoding::ToAssignments(const Place& place) const {
  std::vector<char> active;
  ActiveAxes(place, active);
  Assignments assignments;
  for (size_t i = 0; i < axes_.size(); ++i) {
    if (!active[i]) continue;
    const Parameter& parameter = space_.parameters[i];
    Value& value = assignments[parameter.name];
    if (std::holds_alternative<DoubleRange>(parameter.domain)) {
      value = ValueAt(i, place[i]);
    } else if (const auto* range = std::get_if<IntRange>(&parameter.domain)) {
      value = range->min + static_cast<int64_t>(IndexOf(i, place[i]));
    } else if (const auto* grid = std::get_if<Grid>(&parameter.domain)) {
      value = grid->values[IndexOf(i, place[i])];
    } else {
      value = std::get<Categories>(parameter.domain).values[IndexOf(i, place[i])];
    }
  }
  return assignments;
}

}  // namespace sda::optimizer::bayes
