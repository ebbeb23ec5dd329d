#include "services/optimizer/core/formula.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"

namespace sda::optimizer {
namespace {

// Of brackets and signs, so that hostile text cannot exhaust the stack.
constexpr int kMaxDepth = 100;

bool BeginsName(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_';
}

bool ContinuesName(char c) {
  return BeginsName(c) || absl::ascii_isdigit(static_cast<unsigned char>(c));
}

}  // namespace

// Recursive descent, one function a level of precedence.
class FormulaParser {
 public:
  explicit FormulaParser(std::string_view text) : text_(text) {}

  absl::StatusOr<Formula> Run() {
    SDA_RETURN_IF_ERROR(Sum());
    SkipBlanks();
    if (at_ != text_.size()) return Wanted("an operator or the end");
    return std::move(formula_);
  }

 private:
  using Step = Formula::Step;

  struct Function {
    std::string_view name;
    Step step;
    bool many;
  };
  static constexpr std::array<Function, 5> kFunctions = {{{"log", Step::kLog, false},
                                                          {"exp", Step::kExp, false},
                                                          {"sqrt", Step::kSqrt, false},
                                                          {"min", Step::kMin, true},
                                                          {"max", Step::kMax, true}}};

  absl::Status Wanted(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("wants ", std::string(what), " at character ", at_ + 1));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void Add(Step step) { formula_.program_.push_back({.step = step}); }

  absl::Status Sum() {
    if (++depth_ > kMaxDepth)
      return absl::InvalidArgumentError(absl::StrCat("is nested deeper than ", kMaxDepth));
    SDA_RETURN_IF_ERROR(Product());
    while (true) {
      const bool plus = Take('+');
      if (!plus && !Take('-')) break;
      SDA_RETURN_IF_ERROR(Product());
      Add(plus ? Step::kAdd : Step::kSubtract);
    }
    --depth_;
    return absl::OkStatus();
  }

  absl::Status Product() {
    SDA_RETURN_IF_ERROR(Signed());
    while (true) {
      const bool times = Take('*');
      if (!times && !Take('/')) return absl::OkStatus();
      SDA_RETURN_IF_ERROR(Signed());
      Add(times ? Step::kMultiply : Step::kDivide);
    }
  }

  absl::Status Signed() {
    if (++depth_ > kMaxDepth)
      return absl::InvalidArgumentError(absl::StrCat("is nested deeper than ", kMaxDepth));
    if (Take('-')) {
      SDA_RETURN_IF_ERROR(Signed());
      Add(Step::kNegate);
    } else {
      SDA_RETURN_IF_ERROR(Atom());
      if (Take('^')) {
        SDA_RETURN_IF_ERROR(Signed());
        Add(Step::kPower);
      }
    }
    --depth_;
    return absl::OkStatus();
  }

  absl::Status Atom() {
    if (Take('(')) {
      SDA_RETURN_IF_ERROR(Sum());
      return Take(')') ? absl::OkStatus() : Wanted("a closing bracket");
    }
    SkipBlanks();
    if (at_ == text_.size()) return Wanted("a value");
    const char c = text_[at_];
    if (absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.') return Number();
    if (c != '`' && !BeginsName(c)) return Wanted("a value");
    SDA_ASSIGN_OR_RETURN(std::string name, Name());
    if (c != '`' && Take('(')) return Call(name);
    formula_.program_.push_back({.step = Step::kParameter, .name = std::move(name)});
    return absl::OkStatus();
  }

  absl::Status Number() {
    size_t end = at_;
    while (end < text_.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(text_[end])) || text_[end] == '.' ||
            ((text_[end] == '+' || text_[end] == '-') && (text_[end - 1] == 'e' || text_[end - 1] == 'E')))) {
      ++end;
    }
    double value = 0;
    if (!absl::SimpleAtod(absl::string_view(text_.data() + at_, end - at_), &value) || !std::isfinite(value))
      return Wanted("a number");
    at_ = end;
    formula_.program_.push_back({.step = Step::kNumber, .number = value});
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Name() {
    if (Take('`')) return Until('`', "a closing backtick");
    SkipBlanks();
    const size_t begin = at_;
    if (at_ == text_.size() || !BeginsName(text_[at_])) return Wanted("a name");
    while (at_ < text_.size() && ContinuesName(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  absl::StatusOr<std::string> Until(char end, std::string_view what) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) {
      at_ = text_.size();
      return Wanted(what);
    }
    const size_t begin = std::exchange(at_, found + 1);
    return std::string(text_.substr(begin, found - begin));
  }

  // After the opening bracket.
  absl::Status Call(const std::string& function) {
    if (function == "is") return Is();
    const auto found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                    [&](const Function& known) { return known.name == function; });
    if (found == kFunctions.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("calls ", function, "; there are log, exp, sqrt, min, max and is"));
    }
    SDA_RETURN_IF_ERROR(Sum());
    if (!found->many) {
      Add(found->step);
      return Take(')') ? absl::OkStatus() : Wanted("a closing bracket");
    }
    do {
      if (!Take(',')) return Wanted("a comma");
      SDA_RETURN_IF_ERROR(Sum());
      Add(found->step);
    } while (!Take(')'));
    return absl::OkStatus();
  }

  absl::Status Is() {
    SDA_ASSIGN_OR_RETURN(std::string name, Name());
    if (!Take(',')) return Wanted("a comma");
    if (!Take('"')) return Wanted("a category in quotes");
    SDA_ASSIGN_OR_RETURN(std::string category, Until('"', "a closing quote"));
    formula_.program_.push_back(
        {.step = Step::kCategory, .name = std::move(name), .category = std::move(category)});
    return Take(')') ? absl::OkStatus() : Wanted("a closing bracket");
  }

  const std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  Formula formula_;
};

absl::StatusOr<Formula> Formula::Parse(std::string_view text) {
  return FormulaParser(text).Run();
}

std::optional<std::string> Formula::Check(const Space& space) const {
  for (const Instruction& instruction : program_) {
    const bool category = instruction.step == Step::kCategory;
    if (!category && instruction.step != Step::kParameter) continue;
    const Parameter* const parameter = space.Find(instruction.name);
    if (parameter == nullptr) return absl::StrCat("names ", instruction.name, ", which is no parameter");
    const auto* const categories = std::get_if<Categories>(&parameter->domain);
    if (!category && categories != nullptr) {
      return absl::StrCat("counts with ", instruction.name, ", whose values are categories; ask is(",
                          instruction.name, ", \"…\")");
    }
    if (!category) continue;
    if (categories == nullptr)
      return absl::StrCat("asks for a category of ", instruction.name, ", which has none");
    if (std::find(categories->values.begin(), categories->values.end(), instruction.category) ==
        categories->values.end()) {
      return absl::StrCat("asks whether ", instruction.name, " is \"", instruction.category,
                          "\", which is none of its categories");
    }
  }
  return std::nullopt;
}

double Formula::Evaluate(const Assignments& assignments) const {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> stack;
  const auto binary = [&](const auto& apply) {
    const double right = stack.back();
    stack.pop_back();
    stack.back() = apply(stack.back(), right);
  };
  // Unlike std::min, a NaN on either side stays.
  const auto unless_nan = [](double a, double b, double chosen) {
    return std::isnan(a) || std::isnan(b) ? kUnknown : chosen;
  };
  for (const Instruction& instruction : program_) {
    switch (instruction.step) {
      case Step::kNumber:
        stack.push_back(instruction.number);
        break;
      case Step::kParameter:
      case Step::kCategory: {
        const auto found = assignments.find(instruction.name);
        if (found == assignments.end()) return kUnknown;
        if (instruction.step == Step::kCategory) {
          const auto* const category = std::get_if<std::string>(&found->second);
          stack.push_back(category != nullptr && *category == instruction.category ? 1 : 0);
        } else if (const auto* const whole = std::get_if<int64_t>(&found->second)) {
          stack.push_back(static_cast<double>(*whole));
        } else if (const auto* const number = std::get_if<double>(&found->second)) {
          stack.push_back(*number);
        } else {
          return kUnknown;
        }
        break;
      }
      case Step::kNegate:
        stack.back() = -stack.back();
        break;
      case Step::kAdd:
        binary([](double a, double b) { return a + b; });
        break;
      case Step::kSubtract:
        binary([](double a, double b) { return a - b; });
        break;
      case Step::kMultiply:
        binary([](double a, double b) { return a * b; });
        break;
      case Step::kDivide:
        binary([](double a, double b) { return a / b; });
        break;
      case Step::kPower:
        binary([](double a, double b) { return std::pow(a, b); });
        break;
      case Step::kLog:
        stack.back() = std::log(stack.back());
        break;
      case Step::kExp:
        stack.back() = std::exp(stack.back());
        break;
      case Step::kSqrt:
        stack.back() = std::sqrt(stack.back());
        break;
      case Step::kMin:
        binary([&](double a, double b) { return unless_nan(a, b, std::min(a, b)); });
        break;
      case Step::kMax:
        binary([&](double a, double b) { return unless_nan(a, b, std::max(a, b)); });
        break;
    }
  }
  const double result = stack.back();
  return std::isfinite(result) ? result : kUnknown;
}

}  // namespace sda::optimizer
