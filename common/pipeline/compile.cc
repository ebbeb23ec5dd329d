#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/pipeline/executor.h"
#include "common/pipeline/program.h"

namespace sda::pipeline {
namespace {

constexpr double kLargestWhole = 9007199254740992.0;  // 2^53

bool IsWhole(double value) {
  return std::floor(value) == value && std::abs(value) <= kLargestWhole;
}

// The table while steps are taken in order.
class Compiler {
 public:
  Compiler(const Pipeline& pipeline, const std::vector<std::string>& columns, int label)
      : pipeline_(pipeline) {
    program_.columns = columns;
    program_.label = label;
    for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
      program_.slots.push_back({columns[static_cast<size_t>(i)], ColumnType::kText});
      if (i != label) table_.push_back({columns[static_cast<size_t>(i)], i, false});
    }
  }

  Compilation Run() {
    Compilation result;
    result.violations = ValidatePipeline(pipeline_);
    if (!result.violations.empty()) return result;
    for (step_index_ = 0; step_index_ < static_cast<int>(pipeline_.steps.size()); ++step_index_) {
      path_ = absl::StrCat("steps[", step_index_, "]");
      CompileStep();
      // Later steps would only stumble over what this one did not make.
      if (!violations_.empty()) break;
    }
    if (violations_.empty()) CompileOutput();
    if (violations_.empty()) Prune();
    if (violations_.empty())
      result.program = std::move(program_);
    else
      result.violations = std::move(violations_);
    return result;
  }

 private:
  struct Entry {
    std::string name;
    int slot = 0;
    bool made = false;  // by a step
  };

  const Step& step() const { return pipeline_.steps[static_cast<size_t>(step_index_)]; }
  const Slot& slot(int index) const { return program_.slots[static_cast<size_t>(index)]; }

  void Report(std::string_view field, std::string rule) {
    violations_.push_back({absl::StrCat(path_, ".", std::string(field)), std::move(rule)});
  }

  // ---- names ----

  Entry* Find(std::string_view name) {
    const auto entry =
        std::find_if(table_.begin(), table_.end(), [&](const Entry& e) { return e.name == name; });
    return entry == table_.end() ? nullptr : &*entry;
  }

  bool IsLabel(std::string_view name) const {
    return program_.label >= 0 && program_.columns[static_cast<size_t>(program_.label)] == name;
  }

  std::string WhyUnknown(const std::string& name) const {
    if (IsLabel(name))
      return absl::StrCat("names \"", name,
                          "\", the label; only filter, sort and distinct may: a feature made of the "
                          "label is a leak");
    for (size_t i = static_cast<size_t>(step_index_); i < pipeline_.steps.size(); ++i) {
      const Step& later = pipeline_.steps[i];
      const bool listed = std::find(later.outputs.begin(), later.outputs.end(), name) != later.outputs.end();
      if (listed || (!later.suffix.empty() && absl::EndsWith(name, later.suffix))) {
        return absl::StrCat("names \"", name, "\", which steps[", i, "] makes only ",
                            static_cast<int>(i) == step_index_ ? "itself" : "later",
                            "; a step sees what stands before it");
      }
    }
    std::string known;
    for (size_t i = 0; i < table_.size() && i < 20; ++i)
      absl::StrAppend(&known, i == 0 ? "" : ", ", table_[i].name);
    return absl::StrCat("names \"", name, "\", which is no column here; there are ", known,
                        table_.size() > 20 ? ", …" : "");
  }

  // Columns of names and patterns, in order, each once.
  std::vector<Entry> Resolve(const std::vector<std::string>& names, const std::string& field,
                             bool label_allowed) {
    std::vector<Entry> entries;
    std::set<std::string> seen;
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string at = absl::StrCat(field, "[", i, "]");
      const std::string& name = names[i];
      if (const Entry* exact = Find(name)) {
        if (std::find(names.begin(), names.begin() + static_cast<int64_t>(i), name) !=
            names.begin() + static_cast<int64_t>(i)) {
          Report(at, absl::StrCat("names \"", name, "\" a second time; remove it"));
        }
        // A pattern before it may have taken it already.
        if (seen.insert(name).second) entries.push_back(*exact);
        continue;
      }
      if (label_allowed && IsLabel(name)) {
        entries.push_back({name, program_.label, false});
        continue;
      }
      if (name.find_first_of("*?") == std::string::npos) {
        Report(at, WhyUnknown(name));
        continue;
      }
      bool any = false;
      for (const Entry& entry : table_) {
        if (!MatchesPattern(name, entry.name)) continue;
        any = true;
        if (seen.insert(entry.name).second) entries.push_back(entry);
      }
      if (!any) Report(at, absl::StrCat("is the pattern \"", name, "\", which no column matches here"));
    }
    return entries;
  }

  // The step's inputs, or nothing after a violation.
  std::vector<Entry> Inputs(bool label_allowed = false) {
    std::vector<Entry> entries = Resolve(step().inputs, "inputs", label_allowed);
    if (!violations_.empty()) entries.clear();
    return entries;
  }

  // ---- nodes ----

  int NewSlot(const std::string& name, ColumnType type) {
    program_.slots.push_back({name, type});
    return static_cast<int>(program_.slots.size()) - 1;
  }

  void AddNode(std::vector<int> inputs, std::vector<int> outputs) {
    program_.nodes.push_back({step_index_, Conversion::kNone, step().operation, step().fit_on,
                              std::move(inputs), std::move(outputs)});
  }

  int Converted(int from, Conversion conversion, ColumnType type) {
    const auto [found, is_new] = conversions_.emplace(std::make_pair(from, conversion), 0);
    if (is_new) {
      found->second = NewSlot(slot(from).name, type);
      program_.nodes.push_back({step_index_, conversion, {}, FitOn::kTrain, {from}, {found->second}});
    }
    return found->second;
  }

  void WrongType(const Entry& entry, std::string_view wanted) {
    Report("inputs", absl::StrCat("names \"", entry.name, "\", which is of type ",
                                  ColumnTypeName(slot(entry.slot).type), "; ",
                                  OperationName(step().operation), " takes ", std::string(wanted)));
  }

  int AsNumber(const Entry& entry) {
    switch (slot(entry.slot).type) {
      case ColumnType::kNumber:
        return entry.slot;
      case ColumnType::kText:
      case ColumnType::kInteger:
      case ColumnType::kId:
        return Converted(entry.slot, Conversion::kNumber, ColumnType::kNumber);
      default:
        WrongType(entry, "numbers");
        return entry.slot;
    }
  }

  int AsText(const Entry& entry) {
    switch (slot(entry.slot).type) {
      case ColumnType::kText:
        return entry.slot;
      case ColumnType::kInteger:
      case ColumnType::kId:
        return Converted(entry.slot, Conversion::kText, ColumnType::kText);
      case ColumnType::kNumber:
        WrongType(
            entry,
            "text, and the text of a fraction is no stable key; cast to integer or quantile_bucket first");
        return entry.slot;
      default:
        WrongType(entry, "text");
        return entry.slot;
    }
  }

  int AsTime(const Entry& entry) {
    if (slot(entry.slot).type == ColumnType::kText)
      return Converted(entry.slot, Conversion::kTime, ColumnType::kNumber);
    return AsNumber(entry);
  }

  int AsInteger(const Entry& entry) {
    switch (slot(entry.slot).type) {
      case ColumnType::kInteger:
        return entry.slot;
      case ColumnType::kText:
      case ColumnType::kNumber:
      case ColumnType::kId:
        return Converted(entry.slot, Conversion::kInteger, ColumnType::kInteger);
      default:
        WrongType(entry, "numbers");
        return entry.slot;
    }
  }

  // ---- outputs ----

  // Names of one output for each input.
  std::vector<std::string> OutputNames(const std::vector<Entry>& inputs) {
    std::vector<std::string> names;
    if (!step().outputs.empty()) {
      if (step().outputs.size() != inputs.size()) {
        Report("outputs", absl::StrCat("has ", step().outputs.size(), " names for ", inputs.size(),
                                       " inputs; must have one for each, or use suffix"));
      }
      names = step().outputs;
      names.resize(inputs.size());
    } else {
      for (const Entry& input : inputs) names.push_back(input.name + step().suffix);
    }
    return names;
  }

  // Puts a made column into the table, in the place of its own name where that is an input's.
  void Publish(const std::string& name, int made, const std::vector<Entry>& inputs) {
    if (!published_.insert(name).second) {
      Report("outputs", absl::StrCat("makes \"", name, "\" twice; names must differ"));
      return;
    }
    if (IsLabel(name)) {
      Report("outputs", absl::StrCat("makes \"", name, "\", which is the label's name; choose another"));
      return;
    }
    if (Entry* existing = Find(name)) {
      const bool own =
          std::any_of(inputs.begin(), inputs.end(), [&](const Entry& e) { return e.name == name; });
      if (!own) {
        Report("outputs", absl::StrCat("makes \"", name,
                                       "\", which is there already and no input of this step; "
                                       "choose another name, or drop that column first"));
        return;
      }
      existing->slot = made;
      existing->made = true;
      return;
    }
    table_.push_back({name, made, true});
  }

  // One node for each input: `prepare` gives the input's slot and the output's type.
  template <class Prepare>
  void EachInput(const Prepare& prepare) {
    const std::vector<Entry> inputs = Inputs();
    const std::vector<std::string> names = OutputNames(inputs);
    for (size_t i = 0; i < inputs.size() && violations_.empty(); ++i) {
      const auto [from, type] = prepare(inputs[i]);
      if (!violations_.empty()) return;
      const int made = NewSlot(names[i], type);
      AddNode({from}, {made});
      Publish(names[i], made, inputs);
    }
  }

  // One node of all inputs.
  void AllInputs(ColumnType type, bool numbers) {
    const std::vector<Entry> inputs = Inputs();
    std::vector<int> from;
    for (const Entry& input : inputs) from.push_back(numbers ? AsNumber(input) : AsText(input));
    if (!violations_.empty()) return;
    const int made = NewSlot(step().outputs[0], type);
    AddNode(std::move(from), {made});
    Publish(step().outputs[0], made, inputs);
  }

  // ---- operations ----

  using Prepared = std::pair<int, ColumnType>;

  void CompileStep() {
    published_.clear();
    std::visit([this](const auto& options) { CompileOperation(options); }, step().operation);
  }

  void CompileOperation(const Cast& o) {
    EachInput([&](const Entry& e) -> Prepared {
      switch (o.to) {
        case Cast::To::kNumber:
          return {AsNumber(e), ColumnType::kNumber};
        case Cast::To::kInteger:
          return {AsInteger(e), ColumnType::kInteger};
        case Cast::To::kText:
          return {AsText(e), ColumnType::kText};
      }
      return {e.slot, ColumnType::kText};
    });
  }

  void CompileOperation(const FillMissing& o) {
    using Strategy = FillMissing::Strategy;
    const std::vector<Entry> inputs = Inputs();
    const std::vector<std::string> names = OutputNames(inputs);
    for (size_t i = 0; i < inputs.size() && violations_.empty(); ++i) {
      const ColumnType type = slot(inputs[i].slot).type;
      if (type == ColumnType::kId || type == ColumnType::kTextList || type == ColumnType::kIdList) {
        WrongType(inputs[i], "text and numbers; values of this type are never missing");
        return;
      }
      int from = inputs[i].slot;
      if (o.strategy == Strategy::kConstant && o.text) {
        from = AsText(inputs[i]);
      } else if (o.strategy != Strategy::kMostFrequent &&
                 !(type == ColumnType::kInteger && o.value && IsWhole(*o.value))) {
        from = AsNumber(inputs[i]);
      }
      if (!violations_.empty()) return;
      const int made = NewSlot(names[i], slot(from).type);
      std::vector<int> outputs{made};
      if (o.indicator) outputs.push_back(NewSlot(names[i] + "_missing", ColumnType::kInteger));
      AddNode({from}, outputs);
      Publish(names[i], made, inputs);
      if (o.indicator) Publish(names[i] + "_missing", outputs[1], inputs);
    }
  }

  void CompileOperation(const Clip& o) {
    EachInput([&](const Entry& e) -> Prepared {
      const bool whole = IsWhole(o.min.value_or(0)) && IsWhole(o.max.value_or(0));
      if (slot(e.slot).type == ColumnType::kInteger && whole) return {e.slot, ColumnType::kInteger};
      return {AsNumber(e), ColumnType::kNumber};
    });
  }

  void NumberToNumber() {
    EachInput([&](const Entry& e) -> Prepared { return {AsNumber(e), ColumnType::kNumber}; });
  }
  void CompileOperation(const Log&) { NumberToNumber(); }
  void CompileOperation(const Standardise&) { NumberToNumber(); }
  void CompileOperation(const QuantileBucket&) {
    EachInput([&](const Entry& e) -> Prepared { return {AsNumber(e), ColumnType::kId}; });
  }
  void CompileOperation(const Hash&) {
    EachInput([&](const Entry& e) -> Prepared { return {AsText(e), ColumnType::kId}; });
  }
  void CompileOperation(const HexToInteger&) {
    EachInput([&](const Entry& e) -> Prepared { return {AsText(e), ColumnType::kInteger}; });
  }

  void CompileOperation(const Categorify& o) {
    EachInput([&](const Entry& e) -> Prepared {
      if (slot(e.slot).type == ColumnType::kTextList) {
        if (!o.reserve_missing)
          Report("reserve_missing",
                 "is false; a list's empty value needs the id of missing, it must be true");
        return {e.slot, ColumnType::kIdList};
      }
      return {AsText(e), ColumnType::kId};
    });
  }
  void CompileOperation(const GroupCategorify&) {
    if (Inputs().size() == 1 && violations_.empty())
      Report("inputs", "has 1 column; crossing takes at least 2, use categorify for one");
    if (violations_.empty()) AllInputs(ColumnType::kId, false);
  }

  void Encode(bool crossed, ColumnType type) {
    if (crossed)
      AllInputs(type, false);
    else
      EachInput([&](const Entry& e) -> Prepared { return {AsText(e), type}; });
  }
  void CompileOperation(const CountEncode& o) { Encode(o.crossed, ColumnType::kInteger); }
  void CompileOperation(const FrequencyEncode& o) { Encode(o.crossed, ColumnType::kNumber); }
  void CompileOperation(const TargetEncode& o) { Encode(o.crossed, ColumnType::kNumber); }

  void TwoNumbers() {
    const std::vector<Entry> inputs = Inputs();
    if (violations_.empty() && inputs.size() != 2)
      Report("inputs", absl::StrCat("are ", inputs.size(), " columns; must be 2"));
    if (violations_.empty()) AllInputs(ColumnType::kNumber, true);
  }
  void CompileOperation(const Difference&) { TwoNumbers(); }
  void CompileOperation(const Ratio&) { TwoNumbers(); }

  void CompileOperation(const DateParts& o) {
    const std::vector<Entry> inputs = Inputs();
    for (const Entry& input : inputs) {
      const int from = slot(input.slot).type == ColumnType::kText ? input.slot : AsNumber(input);
      if (!violations_.empty()) return;
      std::vector<int> outputs;
      for (const DateParts::Part part : o.parts) {
        outputs.push_back(
            NewSlot(absl::StrCat(input.name, "_", DateParts::kPartNames[static_cast<size_t>(part)]),
                    ColumnType::kInteger));
      }
      AddNode({from}, outputs);
      for (const int made : outputs) Publish(std::string(slot(made).name), made, inputs);
    }
  }

  void CompileOperation(const SplitList&) {
    EachInput([&](const Entry& e) -> Prepared { return {AsText(e), ColumnType::kTextList}; });
  }
  void CompileOperation(const TruncateList&) {
    EachInput([&](const Entry& e) -> Prepared {
      const ColumnType type = slot(e.slot).type;
      if (type != ColumnType::kTextList && type != ColumnType::kIdList) WrongType(e, "lists");
      return {e.slot, type};
    });
  }
  void CompileOperation(const HashList&) {
    EachInput([&](const Entry& e) -> Prepared {
      if (slot(e.slot).type != ColumnType::kTextList) WrongType(e, "text lists; split_list makes them");
      return {e.slot, ColumnType::kIdList};
    });
  }
  void CompileOperation(const MultiHot& o) {
    const std::vector<Entry> inputs = Inputs();
    for (const Entry& input : inputs) {
      if (slot(input.slot).type != ColumnType::kTextList) {
        WrongType(input, "text lists; split_list makes them");
        return;
      }
      std::vector<int> outputs;
      for (int64_t i = 1; i <= o.max_values; ++i)
        outputs.push_back(NewSlot(absl::StrCat(input.name, "_", i), ColumnType::kInteger));
      AddNode({input.slot}, outputs);
      for (const int made : outputs) Publish(std::string(slot(made).name), made, inputs);
    }
  }

  void CompileOperation(const Drop&) {
    for (const Entry& input : Inputs())
      std::erase_if(table_, [&](const Entry& e) { return e.name == input.name; });
  }
  void CompileOperation(const Select&) {
    std::set<std::string> kept;
    const std::vector<Entry> inputs = Inputs();
    for (const Entry& input : inputs) kept.insert(input.name);
    if (violations_.empty()) std::erase_if(table_, [&](const Entry& e) { return !kept.contains(e.name); });
  }

  // ---- row operations ----

  void CheckBeforeSort() {
    for (const Node& node : program_.nodes) {
      if (std::holds_alternative<Sort>(node.operation) && node.conversion == Conversion::kNone)
        Report("operation",
               absl::StrCat("stands after sort, steps[", node.step, "]; rows go before they are sorted"));
    }
  }

  // `splits` that name fewer than all splits need to know them.
  void CheckSplits(bool partial) {
    if (!partial) return;
    for (size_t i = static_cast<size_t>(step_index_) + 1; i < pipeline_.steps.size(); ++i) {
      if (std::holds_alternative<SplitRows>(pipeline_.steps[i].operation)) {
        Report("splits",
               absl::StrCat("are not known yet: the split is steps[", i, "]; move this step behind it"));
      }
    }
  }

  static bool IsPartial(const std::vector<SplitName>& splits) { return !splits.empty() && splits.size() < 3; }

  void CompileOperation(const Filter& o) {
    CheckBeforeSort();
    CheckSplits(IsPartial(o.splits));
    const std::vector<Entry> inputs = Inputs(/*label_allowed=*/true);
    if (violations_.empty() && inputs.size() != 1)
      Report("inputs", absl::StrCat("are ", inputs.size(), " columns; must be 1"));
    if (!violations_.empty()) return;
    const Entry& input = inputs[0];
    const bool list =
        slot(input.slot).type == ColumnType::kTextList || slot(input.slot).type == ColumnType::kIdList;
    if (list) WrongType(input, "no lists");
    const bool unary =
        o.comparison == Filter::Comparison::kMissing || o.comparison == Filter::Comparison::kNotMissing;
    const int from = unary ? input.slot : o.number ? AsNumber(input) : AsText(input);
    if (violations_.empty()) AddNode({from}, {});
  }

  void CompileOperation(const SampleNegatives& o) {
    CheckBeforeSort();
    CheckSplits(o.splits.empty() || IsPartial(o.splits));
    AddNode({}, {});
  }

  void CompileOperation(const Distinct& o) {
    CheckBeforeSort();
    CheckSplits(IsPartial(o.splits));
    std::vector<int> from;
    if (step().inputs.empty()) {
      for (int i = 0; i < static_cast<int>(program_.columns.size()); ++i) from.push_back(i);
    }
    for (const Entry& input : Inputs(/*label_allowed=*/true)) from.push_back(AsText(input));
    if (violations_.empty()) AddNode(std::move(from), {});
  }

  void CompileOperation(const Sort& o) {
    CheckBeforeSort();
    const std::vector<Entry> inputs = Inputs(/*label_allowed=*/true);
    if (violations_.empty() && ((!o.compare.empty() && inputs.size() != o.compare.size()) ||
                                (!o.orders.empty() && inputs.size() != o.orders.size()))) {
      Report("inputs",
             absl::StrCat("are ", inputs.size(), " columns; compare and orders must have one item for each"));
    }
    std::vector<int> from;
    for (size_t i = 0; i < inputs.size() && violations_.empty(); ++i) {
      const Sort::Compare compare = o.compare.empty() ? Sort::Compare::kText : o.compare[i];
      from.push_back(compare == Sort::Compare::kText     ? AsText(inputs[i])
                     : compare == Sort::Compare::kNumber ? AsNumber(inputs[i])
                                                         : AsTime(inputs[i]));
    }
    if (violations_.empty()) AddNode(std::move(from), {});
  }

  void CompileOperation(const SplitRows& o) {
    CheckBeforeSort();
    for (const Node& node : program_.nodes) {
      if (node.conversion != Conversion::kNone) continue;
      if (std::holds_alternative<SplitRows>(node.operation)) {
        Report("operation",
               absl::StrCat("is a second split, after steps[", node.step, "]; there may be one"));
        return;
      }
      if (node.learns() && !node.is_row_operation()) {
        Report("operation", absl::StrCat("stands after ", program_.Describe(node),
                                         ", which learns from training rows; move the split before it"));
        return;
      }
    }
    using By = SplitRows::By;
    const std::vector<Entry> inputs = Inputs();
    if (!violations_.empty()) return;
    const size_t wanted = o.by == By::kLeaveLastOut ? 2 : o.by == By::kHash || o.by == By::kTime ? 1 : 0;
    if (inputs.size() != wanted) {
      Report("inputs", absl::StrCat("are ", inputs.size(), " columns; must be ", wanted));
      return;
    }
    std::vector<int> from;
    if (o.by == By::kHash) from = {AsText(inputs[0])};
    if (o.by == By::kTime) from = {AsTime(inputs[0])};
    if (o.by == By::kLeaveLastOut) {
      from.push_back(AsText(inputs[0]));
      from.push_back(AsTime(inputs[1]));
    }
    if (violations_.empty()) AddNode(std::move(from), {});
  }

  // ---- output ----

  static bool IsDense(ColumnType type) { return type == ColumnType::kNumber || type == ColumnType::kInteger; }
  static bool IsCategorical(ColumnType type) {
    return type == ColumnType::kId || type == ColumnType::kIdList;
  }

  void CompileOutput() {
    path_ = "output";
    step_index_ = static_cast<int>(pipeline_.steps.size());
    std::vector<Entry> chosen = Resolve(pipeline_.output.features, "features", false);
    for (const Entry& entry : chosen) {
      const ColumnType type = slot(entry.slot).type;
      if (!IsDense(type) && !IsCategorical(type)) {
        Report("features", absl::StrCat("name \"", entry.name, "\", which is of type ", ColumnTypeName(type),
                                        "; features are numbers or ids: categorify it, hash it or cast it"));
      }
    }
    const auto is_chosen = [&](const Entry& entry) {
      if (pipeline_.output.features.empty()) return entry.made;
      return std::any_of(chosen.begin(), chosen.end(), [&](const Entry& e) { return e.name == entry.name; });
    };
    for (const Entry& entry : table_) {
      if (is_chosen(entry) && IsDense(slot(entry.slot).type)) program_.features.push_back(entry.slot);
    }
    program_.dense_features = program_.features.size();
    for (const Entry& entry : table_) {
      if (is_chosen(entry) && IsCategorical(slot(entry.slot).type)) program_.features.push_back(entry.slot);
    }
    if (program_.features.empty() && violations_.empty())
      Report("features", "are none; the steps must make at least one number or id");
    if (!pipeline_.output.mlperf_binary) return;
    program_.mlperf_integers =
        MlperfColumns(pipeline_.output.mlperf_binary->integers, "mlperf_binary.integers");
    program_.mlperf_categories =
        MlperfColumns(pipeline_.output.mlperf_binary->categories, "mlperf_binary.categories");
    if (program_.mlperf_integers.empty() && program_.mlperf_categories.empty() && violations_.empty())
      Report("mlperf_binary", "names no columns; give integers, categories or both");
  }

  // Takes away what neither the output nor a row operation looks at.
  void Prune() {
    std::vector<int> wanted = program_.features;
    wanted.insert(wanted.end(), program_.mlperf_integers.begin(), program_.mlperf_integers.end());
    wanted.insert(wanted.end(), program_.mlperf_categories.begin(), program_.mlperf_categories.end());
    for (const Node& node : program_.nodes) {
      if (node.is_row_operation()) wanted.insert(wanted.end(), node.inputs.begin(), node.inputs.end());
    }
    const std::vector<bool> needed = NodesFor(program_, wanted);
    std::vector<Node> kept;
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      if (needed[i] || program_.nodes[i].is_row_operation()) kept.push_back(std::move(program_.nodes[i]));
    }
    program_.nodes = std::move(kept);
  }

  std::vector<int> MlperfColumns(const std::vector<std::string>& names, const std::string& field) {
    std::vector<int> slots;
    for (const Entry& entry : Resolve(names, field, false)) {
      const ColumnType type = slot(entry.slot).type;
      if (type != ColumnType::kInteger && type != ColumnType::kId) {
        Report(field, absl::StrCat("name \"", entry.name, "\", which is of type ", ColumnTypeName(type),
                                   "; must be integers or ids: cast it"));
      }
      slots.push_back(entry.slot);
    }
    return slots;
  }

  const Pipeline& pipeline_;
  Program program_;
  std::vector<Entry> table_;
  std::map<std::pair<int, Conversion>, int> conversions_;
  std::set<std::string> published_;  // by the present step
  int step_index_ = 0;
  std::string path_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

Compilation Compile(const Pipeline& pipeline, const std::vector<std::string>& columns, int label) {
  return Compiler(pipeline, columns, label).Run();
}

}  // namespace sda::pipeline
