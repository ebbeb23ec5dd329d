#include "services/preprocessing/core/pipeline/pipeline_yaml.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <absl/strings/str_cat.h>

#include "common/base/strings.h"
#include "common/base/utf8.h"
#include "common/yaml/yaml_fields.h"

namespace sda::preprocessing {
namespace {

using pipeline::Pipeline;
using pipeline::Step;

// Names of an operation's options.
class NameCollector {
 public:
  std::vector<std::string> names;

  template <class E, size_t N>
  void Enum(const char* name, const E&, const std::array<const char*, N>&) {
    names.emplace_back(name);
  }
  template <class E, size_t N>
  void Enums(const char* name, const std::vector<E>&, const std::array<const char*, N>&) {
    names.emplace_back(name);
  }
  void Flag(const char* name, bool) { names.emplace_back(name); }
  void Text(const char* name, const std::string&) { names.emplace_back(name); }
  void OptionalText(const char* name, const std::optional<std::string>&) { names.emplace_back(name); }
  void Texts(const char* name, const std::vector<std::string>&) { names.emplace_back(name); }
  void Integer(const char* name, int64_t, int64_t, int64_t) { names.emplace_back(name); }
  void Real(const char* name, double, double, double) { names.emplace_back(name); }
  void OptionalReal(const char* name, const std::optional<double>&) { names.emplace_back(name); }
  void Reals(const char* name, const std::vector<double>&) { names.emplace_back(name); }
};

// Reads options from a step's mapping.
class OptionReader {
 public:
  OptionReader(YamlFields& fields, const YamlFields::Mapping& step) : fields_(fields), step_(step) {}

  template <class E, size_t N>
  void Enum(const char* name, E& value, const std::array<const char*, N>& names) {
    if (const YamlField field = step_[name]) Named(field, value, names);
  }
  template <class E, size_t N>
  void Enums(const char* name, std::vector<E>& values, const std::array<const char*, N>& names) {
    for (const YamlField& item : Items(name)) {
      E value{};
      if (Named(item, value, names)) values.push_back(value);
    }
  }
  void Flag(const char* name, bool& value) {
    const YamlField field = step_[name];
    if (!field) return;
    if (const auto text = fields_.AsOneOf(field, {"true", "false"})) value = *text == "true";
  }
  void Text(const char* name, std::string& value) {
    if (const YamlField field = step_[name]) value = fields_.AsText(field).value_or(value);
  }
  void OptionalText(const char* name, std::optional<std::string>& value) {
    if (const YamlField field = step_[name]) value = fields_.AsText(field);
  }
  void Texts(const char* name, std::vector<std::string>& values) {
    for (const YamlField& item : Items(name)) {
      if (auto text = fields_.AsText(item)) values.push_back(*std::move(text));
    }
  }
  void Integer(const char* name, int64_t& value, int64_t min, int64_t max) {
    if (const YamlField field = step_[name]) value = fields_.AsInteger(field, min, max).value_or(value);
  }
  void Real(const char* name, double& value, double min, double max) {
    const YamlField field = step_[name];
    if (!field) return;
    const auto number = fields_.AsReal(field);
    if (number && !(*number >= min && *number <= max))
      fields_.Report(field, absl::StrCat("is ", *number, "; must be in [", min, ", ", max, "]"));
    value = number.value_or(value);
  }
  void OptionalReal(const char* name, std::optional<double>& value) {
    if (const YamlField field = step_[name]) value = fields_.AsReal(field);
  }
  void Reals(const char* name, std::vector<double>& values) {
    for (const YamlField& item : Items(name)) {
      if (const auto number = fields_.AsReal(item)) values.push_back(*number);
    }
  }

 private:
  std::vector<YamlField> Items(const char* name) {
    const YamlField field = step_[name];
    if (!field) return {};
    return fields_.AsList(field).value_or(std::vector<YamlField>{});
  }

  template <class E, size_t N>
  bool Named(const YamlField& field, E& value, const std::array<const char*, N>& names) {
    const auto text = fields_.AsOneOf(field, std::vector<std::string>(names.begin(), names.end()));
    if (!text) return false;
    value = static_cast<E>(std::find(names.begin(), names.end(), *text) - names.begin());
    return true;
  }

  YamlFields& fields_;
  const YamlFields::Mapping& step_;
};

class PipelineReader {
 public:
  std::optional<Pipeline> Read(const YamlNode& root) {
    const YamlField document{&root, ""};
    const auto mapping = fields_.AsMapping(
        document, {"version", "name", "label", "positive_values", "joins", "steps", "output"});
    if (!mapping) return std::nullopt;
    Pipeline pipeline;
    if (const YamlField version = fields_.Required(*mapping, "version", document, "write version: 1"))
      fields_.AsInteger(version, pipeline::kPipelineVersion, pipeline::kPipelineVersion);
    OptionReader texts(fields_, *mapping);
    texts.Text("name", pipeline.name);
    texts.Text("label", pipeline.label);
    texts.Texts("positive_values", pipeline.positive_values);
    if (const YamlField joins = (*mapping)["joins"]) ReadJoins(joins, pipeline);
    if (const YamlField steps = fields_.Required(*mapping, "steps", document, "list at least one step"))
      ReadSteps(steps, pipeline);
    if (const YamlField output = (*mapping)["output"]) ReadOutput(output, pipeline.output);
    return pipeline;
  }

  YamlFields& fields() { return fields_; }

 private:
  void ReadJoins(const YamlField& field, Pipeline& pipeline) {
    const auto items = fields_.AsList(field);
    if (!items) return;
    NameCollector known;
    const pipeline::Join any;
    pipeline::Join::Fields(any, known);
    for (size_t i = 0; i < items->size() && i <= pipeline::kMaxJoins; ++i) {
      const auto mapping = fields_.AsMapping((*items)[i], known.names);
      if (!mapping) continue;
      OptionReader reader(fields_, *mapping);
      pipeline::Join::Fields(pipeline.joins.emplace_back(), reader);
    }
  }

  void ReadSteps(const YamlField& field, Pipeline& pipeline) {
    const auto items = fields_.AsList(field);
    if (!items) return;
    if (items->size() > pipeline::kMaxSteps) {
      fields_.Report(field,
                     absl::StrCat("has ", items->size(), " steps; must have at most ", pipeline::kMaxSteps));
      return;
    }
    for (const YamlField& item : *items) ReadStep(item, pipeline.steps.emplace_back());
  }

  // The operation says which other keys there may be, so it is looked for first.
  std::optional<pipeline::Operation> ReadOperation(const YamlField& field) {
    if (field.node->kind != YamlNode::Kind::kMapping) {
      fields_.AsMapping(field, {"operation", "inputs"});
      return std::nullopt;
    }
    for (const auto& [key, value] : field.node->entries) {
      if (key.text != "operation") continue;
      const YamlField at = field.Child(value, key.text);
      const auto name = fields_.AsText(at);
      if (!name) return std::nullopt;
      auto operation = pipeline::OperationByName(*name);
      if (!operation) {
        std::string known;
        for (const std::string& each : pipeline::OperationNames())
          absl::StrAppend(&known, known.empty() ? "" : ", ", each);
        fields_.Report(at,
                       absl::StrCat("is ", Describe(value), ", which is no operation",
                                    DidYouMean(*name, pipeline::OperationNames()), "; there are ", known));
      }
      return operation;
    }
    fields_.Report(field, "has no operation; write operation: NAME");
    return std::nullopt;
  }

  void ReadStep(const YamlField& field, Step& step) {
    auto operation = ReadOperation(field);
    if (!operation) return;
    step.operation = *std::move(operation);
    std::visit(
        [&](auto& options) {
          NameCollector collector;
          std::decay_t<decltype(options)>::Fields(options, collector);
          std::vector<std::string> known = {"operation", "inputs", "outputs", "suffix", "fit_on"};
          known.insert(known.end(), collector.names.begin(), collector.names.end());
          const auto mapping = fields_.AsMapping(field, known);
          if (!mapping) return;
          OptionReader reader(fields_, *mapping);
          reader.Texts("inputs", step.inputs);
          reader.Texts("outputs", step.outputs);
          reader.Text("suffix", step.suffix);
          reader.Enum("fit_on", step.fit_on, pipeline::kFitOnNames);
          std::decay_t<decltype(options)>::Fields(options, reader);
        },
        step.operation);
  }

  void ReadOutput(const YamlField& field, pipeline::Output& output) {
    const auto mapping = fields_.AsMapping(field, {"features", "parquet", "mlperf_binary"});
    if (!mapping) return;
    OptionReader reader(fields_, *mapping);
    reader.Texts("features", output.features);
    reader.Flag("parquet", output.parquet);
    const YamlField binary = (*mapping)["mlperf_binary"];
    if (!binary) return;
    const auto columns = fields_.AsMapping(binary, {"integers", "categories"});
    if (!columns) return;
    OptionReader names(fields_, *columns);
    names.Texts("integers", output.mlperf_binary.emplace().integers);
    names.Texts("categories", output.mlperf_binary->categories);
  }

  YamlFields fields_;
};

void AddPlaces(const YamlNode& node, const std::string& path, YamlPlaces& places) {
  if (!path.empty()) places.Add(path, node.line, node.column);
  for (size_t i = 0; i < node.items.size(); ++i)
    AddPlaces(node.items[i], absl::StrCat(path, "[", i, "]"), places);
  for (const auto& [key, value] : node.entries)
    AddPlaces(value, path.empty() ? key.text : absl::StrCat(path, ".", key.text), places);
}

}  // namespace

std::pair<int, int> YamlPlaces::Find(std::string_view path) const {
  while (!path.empty()) {
    const auto found = places_.find(path);
    if (found != places_.end()) return found->second;
    const size_t cut = path.find_last_of(".[");
    path = cut == std::string_view::npos ? "" : path.substr(0, cut);
  }
  return {0, 0};
}

PipelineReading ReadPipeline(const std::string& yaml) {
  PipelineReading reading;
  if (yaml.size() > kMaxPipelineBytes) {
    reading.violations.push_back(
        {0, 0, "", absl::StrCat("has ", yaml.size(), " bytes; a pipeline has at most ", kMaxPipelineBytes)});
    return reading;
  }
  if (ToValidUtf8(yaml) != yaml) {
    reading.violations.push_back({0, 0, "", "is not valid UTF-8"});
    return reading;
  }
  YamlReading document = ParseYaml(yaml, {"pipelines", "is empty; write a pipeline, or have one written"});
  if (document.problem) {
    reading.violations.push_back(*document.problem);
    return reading;
  }
  PipelineReader reader;
  auto pipeline = reader.Read(*document.root);
  AddPlaces(*document.root, "", reading.places);
  reading.violations = reader.fields().TakeViolations();
  if (!reading.violations.empty() || !pipeline) return reading;
  for (const FieldViolation& violation : pipeline::ValidatePipeline(*pipeline)) {
    const auto [line, column] = reading.places.Find(violation.field);
    reading.violations.push_back({line, column, violation.field, violation.description});
  }
  std::stable_sort(reading.violations.begin(), reading.violations.end(), [](const auto& a, const auto& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  if (reading.violations.empty()) reading.pipeline = *std::move(pipeline);
  return reading;
}

std::string DescribeViolations(const std::vector<YamlViolation>& violations, std::string_view file) {
  std::string text;
  for (const YamlViolation& violation : violations) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", ToAbsl(file));
    if (violation.line > 0) absl::StrAppend(&text, ":", violation.line, ":", violation.column);
    absl::StrAppend(&text, ": ", violation.field, violation.field.empty() ? "" : ": ", violation.description);
  }
  return text;
}

}  // namespace sda::preprocessing
