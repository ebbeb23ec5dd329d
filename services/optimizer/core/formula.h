#ifndef SDA_SERVICES_OPTIMIZER_CORE_FORMULA_H_
#define SDA_SERVICES_OPTIMIZER_CORE_FORMULA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "services/optimizer/core/space.h"

namespace sda::optimizer {

// An arithmetic expression over the parameters of a space, e.g. what a trial is expected to cost:
//
//   4e-9 * epochs * (13 * width + width ^ 2) * (1 + is(optimizer, "adam"))
//
// Numbers; parameters by name, in backticks where the name is not [A-Za-z_][A-Za-z0-9_]*; + − * / and ^ (to
// the right, above unary minus); log, exp, sqrt of one value, min and max of two or more; is(NAME,
// "category") is 1 where the parameter has that category, else 0.
class Formula {
 public:
  // INVALID_ARGUMENT says what was wanted at which character.
  static absl::StatusOr<Formula> Parse(std::string_view text);

  // The first thing that the space does not have, in words; nothing where all is there.
  std::optional<std::string> Check(const Space& space) const;

  // NaN where a parameter has no value (it is not active) or the result is not finite.
  double Evaluate(const Assignments& assignments) const;

 private:
  friend class FormulaParser;

  enum class Step : uint8_t {
    kNumber,
    kParameter,
    kCategory,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kPower,
    kLog,
    kExp,
    kSqrt,
    kMin,
    kMax
  };
  // A step takes its operands from a stack and leaves its result there.
  struct Instruction {
    Step step = Step::kNumber;
    double number = 0;
    std::string name = {};
    std::string category = {};
  };
  std::vector<Instruction> program_;
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_CORE_FORMULA_H_
