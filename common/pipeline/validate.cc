#include <cmath>
#include <set>

#include <absl/strings/str_cat.h>

#include "common/base/strings.h"
#include "common/pipeline/definition.h"
#include "common/pipeline/number_range.h"

namespace sda::pipeline {
namespace {

// Ranges of single options, as Fields states them.
class RangeVisitor {
 public:
  RangeVisitor(std::string path, std::vector<FieldViolation>& violations)
      : path_(std::move(path)), violations_(violations) {}

  template <class E, size_t N>
  void Enum(const char*, const E&, const std::array<const char*, N>&) {}
  template <class E, size_t N>
  void Enums(const char* name, const std::vector<E>& values, const std::array<const char*, N>& names) {
    std::set<E> seen;
    if (std::string_view(name) == "compare" || std::string_view(name) == "orders") return;
    for (const E value : values) {
      if (!seen.insert(value).second) {
        Report(name,
               absl::StrCat("names ", names[static_cast<size_t>(value)], " twice; each may stand once"));
      }
    }
  }
  void Flag(const char*, bool) {}
  void Text(const char*, const std::string&) {}
  void OptionalText(const char*, const std::optional<std::string>&) {}
  void Texts(const char*, const std::vector<std::string>&) {}
  void Integer(const char* name, int64_t value, int64_t min, int64_t max) {
    if (value < min || value > max)
      Report(name, absl::StrCat("is ", value, "; must be in [", min, ", ", max, "]"));
  }
  void Real(const char* name, double value, double min, double max) {
    if (!(value >= min && value <= max))
      Report(name, absl::StrCat("is ", value, "; must be in [", min, ", ", max, "]"));
  }
  void OptionalReal(const char* name, const std::optional<double>& value) {
    if (value && !(std::abs(*value) <= kLargestNumber))
      Report(name, absl::StrCat("is ", *value, "; must be a number of at most ", kLargestNumber));
  }
  void Reals(const char* name, const std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!(std::abs(values[i]) <= kLargestNumber)) {
        Report(absl::StrCat(name, "[", i, "]").c_str(),
               absl::StrCat("is ", values[i], "; must be a number of at most ", kLargestNumber));
      }
    }
  }

 private:
  void Report(const char* name, std::string rule) {
    violations_.push_back({absl::StrCat(path_, ".", name), std::move(rule)});
  }

  const std::string path_;
  std::vector<FieldViolation>& violations_;
};

// Rules between the options of one step.
class StepRules {
 public:
  StepRules(const Step& step, std::string path, std::vector<FieldViolation>& violations)
      : step_(step), path_(std::move(path)), violations_(violations) {}

  void Check() {
    for (size_t i = 0; i < step_.inputs.size(); ++i)
      CheckName(absl::StrCat("inputs[", i, "]"), step_.inputs[i]);
    for (size_t i = 0; i < step_.outputs.size(); ++i)
      CheckName(absl::StrCat("outputs[", i, "]"), step_.outputs[i]);
    if (step_.inputs.size() > kMaxNames)
      Report("inputs", absl::StrCat("has more than ", kMaxNames, " names"));
    if (!step_.outputs.empty() && !step_.suffix.empty())
      Report("suffix", "stands beside outputs; give one of the two");
    std::visit([this](const auto& options) { CheckOperation(options); }, step_.operation);
  }

 private:
  void Report(std::string_view name, std::string rule) {
    violations_.push_back({absl::StrCat(path_, ".", ToAbsl(name)), std::move(rule)});
  }

  void CheckName(const std::string& field, const std::string& name) {
    if (name.empty()) Report(field, "is empty; must be a column's name");
  }

  void NeedInputs(size_t least, size_t most) {
    if (step_.inputs.empty() && least > 0) {
      Report("inputs", "is missing; name the columns");
    } else if (step_.inputs.size() > most) {
      Report("inputs", absl::StrCat("has ", step_.inputs.size(), " names; must have ",
                                    least == most ? "" : "at most ", most));
    }
  }
  void NoOutputs() {
    if (!step_.outputs.empty()) Report("outputs", "does not apply to this operation; remove it");
    if (!step_.suffix.empty()) Report("suffix", "does not apply to this operation; remove it");
  }
  void NoFitOn() {
    if (step_.fit_on != FitOn::kTrain) Report("fit_on", "does not apply to this operation; remove it");
  }
  void NeedOneOutput() {
    if (!step_.suffix.empty())
      Report("suffix", "does not apply where several columns become one; give outputs");
    if (step_.outputs.size() != 1)
      Report("outputs", absl::StrCat("has ", step_.outputs.size(), " names; must have 1"));
  }

  template <class Options>
  void CheckOperation(const Options&) {
    NeedInputs(1, kMaxNames);
  }
  void CheckOperation(const FillMissing& o) {
    NeedInputs(1, kMaxNames);
    const bool constant = o.strategy == FillMissing::Strategy::kConstant;
    if (constant && o.value.has_value() == o.text.has_value())
      Report("value", "must be given, or text: one of the two, for the strategy constant");
    if (!constant && (o.value || o.text))
      Report(o.value ? "value" : "text", "applies to the strategy constant alone; remove it");
  }
  void CheckOperation(const Clip& o) {
    NeedInputs(1, kMaxNames);
    if (!o.min && !o.max) Report("min", "is missing, as is max; give at least one of them");
    if (o.min && o.max && *o.min > *o.max)
      Report("min", absl::StrCat("is ", *o.min, "; must be at most max, ", *o.max));
  }
  void CheckOperation(const QuantileBucket& o) {
    NeedInputs(1, kMaxNames);
    if ((o.buckets == 0) == o.bounds.empty())
      Report("buckets", "must be given, or bounds: one of the two");
    else if (o.buckets == 1)
      Report("buckets", "is 1; must be in [2, 65536]");
    for (size_t i = 1; i < o.bounds.size(); ++i) {
      if (!(o.bounds[i - 1] < o.bounds[i])) {
        Report(absl::StrCat("bounds[", i, "]"),
               absl::StrCat("is ", o.bounds[i], "; must be above ", o.bounds[i - 1]));
      }
    }
  }
  void CheckOperation(const GroupCategorify&) {
    NeedInputs(1, kMaxNames);
    NeedOneOutput();
  }
  void CheckCrossed(bool crossed) {
    NeedInputs(1, kMaxNames);
    if (crossed) NeedOneOutput();
  }
  void CheckOperation(const CountEncode& o) { CheckCrossed(o.crossed); }
  void CheckOperation(const FrequencyEncode& o) { CheckCrossed(o.crossed); }
  void CheckOperation(const TargetEncode& o) {
    CheckCrossed(o.crossed);
    if (step_.fit_on != FitOn::kTrain)
      Report("fit_on", "is all; a target encoding learns from training rows alone");
  }
  void CheckOperation(const Difference&) {
    NeedInputs(2, 2);
    NeedOneOutput();
  }
  void CheckOperation(const Ratio&) {
    NeedInputs(2, 2);
    NeedOneOutput();
  }
  void CheckOperation(const DateParts& o) {
    NeedInputs(1, kMaxNames);
    NoOutputs();
    if (o.parts.empty()) Report("parts", "is missing; name at least one part");
  }
  void CheckOperation(const SplitList& o) {
    NeedInputs(1, kMaxNames);
    if (o.separator.empty() || o.separator.size() > 8)
      Report("separator", absl::StrCat("has ", o.separator.size(), " bytes; must have 1 to 8"));
  }
  void CheckOperation(const MultiHot&) {
    NeedInputs(1, kMaxNames);
    NoOutputs();
  }
  void CheckOperation(const Drop&) {
    NeedInputs(1, kMaxNames);
    NoOutputs();
  }
  void CheckOperation(const Select&) {
    NeedInputs(1, kMaxNames);
    NoOutputs();
  }
  void CheckOperation(const Filter& o) {
    using C = Filter::Comparison;
    NeedInputs(1, 1);
    NoOutputs();
    NoFitOn();
    const C c = o.comparison;
    const bool none = c == C::kMissing || c == C::kNotMissing;
    const bool list = c == C::kIn || c == C::kNotIn;
    const bool either = c == C::kEqual || c == C::kNotEqual;
    if (none && (o.number || !o.values.empty()))
      Report(o.number ? "number" : "values", "does not apply to this comparison; remove it");
    if (list && (o.number || o.values.empty()))
      Report("values", "must be given, and number must not, for a list");
    if (either && o.number.has_value() == !o.values.empty())
      Report("number", "must be given, or values: one of the two");
    if (either && o.values.size() > 1)
      Report("values", absl::StrCat("has ", o.values.size(), " items; must have 1, or use in or not_in"));
    if (!none && !list && !either && (!o.number || !o.values.empty()))
      Report("number", "must be given, and values must not, for this comparison");
  }
  void CheckOperation(const SampleNegatives& o) {
    NeedInputs(0, 0);
    NoOutputs();
    NoFitOn();
    if (!(o.keep_share > 0)) Report("keep_share", absl::StrCat("is ", o.keep_share, "; must be in (0, 1]"));
  }
  void CheckOperation(const Distinct&) {
    NeedInputs(0, kMaxNames);
    NoOutputs();
    NoFitOn();
  }
  void CheckOperation(const Sort& o) {
    NeedInputs(1, kMaxNames);
    NoOutputs();
    NoFitOn();
    if (!o.compare.empty() && o.compare.size() != step_.inputs.size())
      Report("compare", absl::StrCat("has ", o.compare.size(), " items; must have one for each input"));
    if (!o.orders.empty() && o.orders.size() != step_.inputs.size())
      Report("orders", absl::StrCat("has ", o.orders.size(), " items; must have one for each input"));
  }
  void CheckOperation(const SplitRows& o) {
    using By = SplitRows::By;
    const size_t inputs = o.by == By::kLeaveLastOut ? 2 : o.by == By::kHash || o.by == By::kTime ? 1 : 0;
    NeedInputs(inputs, inputs);
    NoOutputs();
    NoFitOn();
    if (!(o.validation_share > 0))
      Report("validation_share", absl::StrCat("is ", o.validation_share, "; must be in (0, 0.5]"));
  }

  const Step& step_;
  const std::string path_;
  std::vector<FieldViolation>& violations_;
};

void CheckJoin(const Join& join, const std::string& path, std::vector<FieldViolation>& violations) {
  const auto report = [&](std::string_view name, std::string rule) {
    violations.push_back({absl::StrCat(path, ".", ToAbsl(name)), std::move(rule)});
  };
  const auto check_names = [&](const char* list, const std::vector<std::string>& names) {
    if (names.size() > kMaxNames) report(list, absl::StrCat("has more than ", kMaxNames, " names"));
    for (size_t i = 0; i < names.size() && i < kMaxNames; ++i) {
      if (names[i].empty()) report(absl::StrCat(list, "[", i, "]"), "is empty");
    }
  };
  if (join.files.empty()) report("files", "is missing; name the files with the rows to join");
  check_names("files", join.files);
  if (join.key.empty()) report("key", "is missing; name the log's column with the keys");
  check_names("columns", join.columns);
  if (join.delimiter.size() > kMaxJoinDelimiterBytes)
    report("delimiter",
           absl::StrCat("has ", join.delimiter.size(), " bytes; must have at most ", kMaxJoinDelimiterBytes));
  if (join.delimiter.find_first_of("\r\n\"") != std::string::npos)
    report("delimiter", "must not contain a line end or a quote");
}

}  // namespace

std::vector<FieldViolation> ValidatePipeline(const Pipeline& pipeline) {
  std::vector<FieldViolation> violations;
  if (pipeline.joins.size() > kMaxJoins)
    violations.push_back(
        {"joins", absl::StrCat("has ", pipeline.joins.size(), " joins; must have at most ", kMaxJoins)});
  for (size_t i = 0; i < pipeline.joins.size() && i < kMaxJoins; ++i)
    CheckJoin(pipeline.joins[i], absl::StrCat("joins[", i, "]"), violations);
  if (pipeline.steps.empty()) violations.push_back({"steps", "is empty; must hold at least one step"});
  if (pipeline.steps.size() > kMaxSteps)
    violations.push_back(
        {"steps", absl::StrCat("has ", pipeline.steps.size(), " steps; must have at most ", kMaxSteps)});
  for (size_t i = 0; i < pipeline.steps.size() && i < kMaxSteps; ++i) {
    const Step& step = pipeline.steps[i];
    const std::string path = absl::StrCat("steps[", i, "]");
    RangeVisitor ranges(path, violations);
    std::visit([&](const auto& options) { std::decay_t<decltype(options)>::Fields(options, ranges); },
               step.operation);
    StepRules(step, path, violations).Check();
  }
  return violations;
}

}  // namespace sda::pipeline
