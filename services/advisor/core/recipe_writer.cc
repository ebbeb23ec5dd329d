#include "services/advisor/core/recipe_writer.h"

#include <algorithm>
#include <cstdio>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

namespace sda::advisor {
namespace {

constexpr char kHeader[] =
    "# A plan for tuning a model. Edit it freely: it is checked line by line before anything is trained.\n"
    "# model, training and optimizer say the default trial, which always runs first; parameters say what is "
    "searched\n"
    "# around it. Fields that are left out have their documented defaults.\n";

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\x%02x", static_cast<unsigned char>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string FlowList(const std::vector<std::string>& values) {
  return absl::StrCat("[",
                      absl::StrJoin(values, ", ",
                                    [](std::string* out, const std::string& value) {
                                      absl::StrAppend(out, YamlText(value));
                                    }),
                      "]");
}

std::string ScalarText(const SpecValue& value, FieldType type) {
  return type == FieldType::kName ? YamlText(ToText(value)) : ToText(value);
}

class Writer {
 public:
  explicit Writer(const SpecRules& rules) : rules_(rules) {}

  std::string Write(const Recipe& recipe) {
    out_ = kHeader;
    Line(0, "recipe_version: 1");
    Line(0, "dataset: ", YamlText(recipe.dataset));
    Line(0, "budget:");
    Line(1, "trials: ", absl::StrCat(recipe.observation_budget));
    Line(1, "parallel: ", absl::StrCat(recipe.parallel_bandwidth));
    Line(0, "seed: ", absl::StrCat(recipe.seed));
    WriteMetrics(recipe.metrics);
    WriteSpec(recipe.spec);
    WriteParameters(recipe);
    WriteConstraints(recipe.linear_constraints);
    WriteEarlyStopping(recipe.early_stopping);
    WriteMachine(recipe.machine);
    if (recipe.memory_required_bytes > 0) {
      Gap();
      Line(0, "memory_required_bytes: ", absl::StrCat(recipe.memory_required_bytes),
           "  # of the largest trial, estimated");
    }
    return std::move(out_);
  }

 private:
  template <typename... Parts>
  void Line(int depth, const Parts&... parts) {
    out_.append(static_cast<size_t>(depth) * 2, ' ');
    absl::StrAppend(&out_, parts..., "\n");
  }
  void Gap() { out_ += '\n'; }

  void WriteMetrics(const std::vector<Metric>& metrics) {
    Gap();
    Line(0, "metrics:");
    for (const Metric& metric : metrics) {
      Line(1, "- name: ", YamlText(metric.name));
      Line(2, "strategy: ", std::string(StrategyName(metric.strategy)));
      Line(2, "objective: ", metric.minimize ? "minimize" : "maximize");
      if (metric.threshold) Line(2, "threshold: ", ToText(*metric.threshold));
      if (metric.noise_stddev) Line(2, "noise_stddev: ", ToText(*metric.noise_stddev));
    }
  }

  // Fields come in the order of the rules; those of one section stand together there.
  void WriteSpec(const SpecValues& values) {
    std::vector<std::string> open;
    for (const char* section : {"model", "training", "optimizer"}) {
      Gap();
      const std::string prefix = absl::StrCat(section, ".");
      const bool any = std::any_of(values.begin(), values.end(),
                                   [&](const auto& entry) { return absl::StartsWith(entry.first, prefix); });
      Line(0, section, any ? ":" : ": {}");
      open = {section};
      for (const SpecField& field : rules_.fields) {
        const auto found = values.find(field.path);
        if (found == values.end() || !absl::StartsWith(field.path, prefix)) continue;
        std::vector<std::string> parts = absl::StrSplit(field.path, '.');
        const std::string name = parts.back();
        parts.pop_back();
        const size_t common = static_cast<size_t>(
            std::mismatch(open.begin(), open.end(), parts.begin(), parts.end()).first - open.begin());
        for (size_t depth = common; depth < parts.size(); ++depth)
          Line(static_cast<int>(depth), parts[depth], ":");
        open = parts;
        Line(static_cast<int>(open.size()), name, ": ", ScalarText(found->second, field.type));
      }
    }
  }

  void WriteParameters(const Recipe& recipe) {
    Gap();
    Line(0, "parameters:");
    for (const Parameter& parameter : recipe.parameters) {
      const auto value = ValueOrDefault(rules_, recipe.spec, parameter.name);
      Line(1, "- name: ", YamlText(parameter.name),
           value ? absl::StrCat("  # default ", ToText(*value)) : "");
      WriteDomain(parameter.domain);
      if (parameter.scale != Scale::kLinear) Line(2, "scale: ", std::string(ScaleName(parameter.scale)));
      if (parameter.prior) WritePrior(*parameter.prior);
      if (!parameter.conditions.empty()) Line(2, "conditions:");
      for (const Condition& condition : parameter.conditions) {
        Line(3, "- parameter: ", YamlText(condition.parameter));
        Line(4, "values: ", FlowList(condition.values));
      }
      if (!parameter.reason.empty()) Line(2, "reason: ", YamlText(parameter.reason));
    }
  }

  void WriteDomain(const Domain& domain) {
    if (const auto* real = std::get_if<RealRange>(&domain)) {
      Line(2, "bounds: {min: ", ToText(real->min), ", max: ", ToText(real->max), "}");
    } else if (const auto* integer = std::get_if<IntegerRange>(&domain)) {
      Line(2, "bounds: {min: ", integer->min, ", max: ", integer->max, "}");
    } else if (const auto* grid = std::get_if<Grid>(&domain)) {
      Line(2, "grid: [",
           absl::StrJoin(grid->values, ", ",
                         [](std::string* out, double value) { absl::StrAppend(out, ToText(value)); }),
           "]");
    } else {
      Line(2, "categories: ", FlowList(std::get<Categories>(domain).values));
    }
  }

  void WritePrior(const Prior& prior) {
    if (const auto* normal = std::get_if<NormalPrior>(&prior)) {
      return Line(2, "prior: {normal: {mean: ", ToText(normal->mean), ", stddev: ", ToText(normal->stddev),
                  "}}");
    }
    const auto& beta = std::get<BetaPrior>(prior);
    Line(2, "prior: {beta: {alpha: ", ToText(beta.alpha), ", beta: ", ToText(beta.beta), "}}");
  }

  void WriteConstraints(const std::vector<LinearConstraint>& constraints) {
    if (constraints.empty()) return;
    Gap();
    Line(0, "linear_constraints:");
    for (const LinearConstraint& constraint : constraints) {
      Line(1, "- terms:");
      for (const LinearConstraint::Term& term : constraint.terms) {
        Line(3, "- {parameter: ", YamlText(term.parameter), ", weight: ", ToText(term.weight), "}");
      }
      Line(2, "comparison: ", constraint.at_least ? "at_least" : "at_most");
      Line(2, "bound: ", ToText(constraint.bound));
    }
  }

  void WriteEarlyStopping(const std::optional<EarlyStopping>& stopping) {
    if (!stopping) return;
    Gap();
    Line(0, "early_stopping:");
    if (const auto* median = std::get_if<MedianRule>(&*stopping)) {
      Line(1, "median:");
      if (!median->metric.empty()) Line(2, "metric: ", YamlText(median->metric));
      Line(2, "min_trials: ", median->min_trials);
      Line(2, "min_steps: ", median->min_steps);
      return;
    }
    const auto& halving = std::get<HalvingRule>(*stopping);
    Line(1, "halving:");
    if (!halving.metric.empty()) Line(2, "metric: ", YamlText(halving.metric));
    Line(2, "min_steps: ", halving.min_steps);
    Line(2, "factor: ", halving.factor);
  }

  void WriteMachine(const std::optional<Machine>& machine) {
    if (!machine) return;
    Gap();
    Line(0, "machine:  # that the ranges were chosen for");
    if (!machine->cpu_model.empty()) Line(1, "cpu_model: ", YamlText(machine->cpu_model));
    Line(1, "core_count: ", machine->core_count);
    if (machine->memory_bytes > 0) Line(1, "memory_bytes: ", machine->memory_bytes);
    if (!machine->isa.empty()) Line(1, "isa: ", FlowList(machine->isa));
    if (machine->matmul_gflops > 0) Line(1, "matmul_gflops: ", ToText(machine->matmul_gflops));
    if (machine->memory_gb_per_second > 0)
      Line(1, "memory_gb_per_second: ", ToText(machine->memory_gb_per_second));
  }

  const SpecRules& rules_;
  std::string out_;
};

}  // namespace

std::string YamlText(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-';
  };
  double number = 0;
  const bool special = text == "true" || text == "false" || text == "null" || text == "Null" ||
                       text == "NULL" || text == "yes" || text == "no" || text == "on" || text == "off";
  if (text.empty() || special || !std::all_of(text.begin(), text.end(), plain) || text[0] == '-' ||
      ParseReal(text, &number)) {
    return Quoted(text);
  }
  return text;
}

std::string WriteRecipe(const Recipe& recipe, const SpecRules& rules) {
  return Writer(rules).Write(recipe);
}

}  // namespace sda::advisor
