#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_RANDOM_SPACE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_RANDOM_SPACE_H_

#include <string>

#include "common/numerics/rng.h"
#include "services/optimizer/core/space.h"

namespace sda::optimizer::bayes {

// A valid space of one to eight parameters of all kinds and scales, some conditional, and often a linear
// constraint that about half of the box keeps. For tests.
inline Space RandomSpace(Rng& rng) {
  Space space;
  const size_t count = 1 + rng.Below(8);
  for (size_t i = 0; i < count; ++i) {
    Parameter parameter;
    parameter.name = "p" + std::to_string(i);
    switch (rng.Below(6)) {
      case 0:
        parameter.domain = DoubleRange{-3, 2};
        break;
      case 1:
        parameter.domain = DoubleRange{1e-5, 10};
        parameter.scale = Scale::kLog;
        break;
      case 2:
        parameter.domain = DoubleRange{0.01, 0.999};
        parameter.scale = Scale::kLogit;
        break;
      case 3:
        parameter.domain = IntRange{1, 1 + static_cast<int64_t>(1 + rng.Below(3000))};
        if (rng.Below(2) == 0) parameter.scale = Scale::kLog;
        break;
      case 4:
        parameter.domain = Grid{{-1, 0.5, 2, 16}};
        break;
      default:
        parameter.domain = Categories{{"a", "b", "c"}};
    }
    // A condition on an earlier parameter with countable values.
    if (i > 0 && rng.Below(3) == 0) {
      const Parameter& parent = space.parameters[rng.Below(i)];
      Condition condition{.parameter = parent.name, .values = {}};
      if (std::holds_alternative<Categories>(parent.domain))
        condition.values = {std::string("b"), std::string("c")};
      if (std::holds_alternative<Grid>(parent.domain)) condition.values = {0.5};
      if (std::holds_alternative<IntRange>(parent.domain)) condition.values = {int64_t{1}, int64_t{2}};
      if (!condition.values.empty()) parameter.conditions.push_back(condition);
    }
    space.parameters.push_back(std::move(parameter));
  }
  if (rng.Below(2) == 0) {
    using Comparison = LinearConstraint::Comparison;
    LinearConstraint constraint{.comparison = rng.Below(2) == 0 ? Comparison::kAtMost : Comparison::kAtLeast};
    for (const Parameter& parameter : space.parameters) {
      if (std::holds_alternative<Categories>(parameter.domain) || !parameter.conditions.empty()) continue;
      double low = 0, high = 0;
      if (const auto* range = std::get_if<DoubleRange>(&parameter.domain)) {
        low = range->min;
        high = range->max;
      } else if (const auto* range = std::get_if<IntRange>(&parameter.domain)) {
        low = static_cast<double>(range->min);
        high = static_cast<double>(range->max);
      } else {
        low = -1;
        high = 16;
      }
      const double weight = (rng.Below(2) == 0 ? 1 : -1) / (high - low);
      constraint.terms.push_back({parameter.name, weight});
      constraint.bound += weight * 0.5 * (low + high);
    }
    if (!constraint.terms.empty()) space.constraints.push_back(std::move(constraint));
  }
  return space;
}

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_RANDOM_SPACE_H_
