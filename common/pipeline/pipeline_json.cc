#include "common/pipeline/pipeline_json.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"

namespace sda::pipeline {
namespace {

using Json = nlohmann::ordered_json;

class Writer {
 public:
  Json json = Json::object();

  template <class E, size_t N>
  void Enum(const char* name, E value, const std::array<const char*, N>& names) {
    json[name] = ProtoEnumName(name, names[static_cast<size_t>(value)], false);
  }
  template <class E, size_t N>
  void Enums(const char* name, const std::vector<E>& values, const std::array<const char*, N>& names) {
    for (const E value : values)
      json[name].push_back(ProtoEnumName(name, names[static_cast<size_t>(value)], true));
  }
  void Flag(const char* name, bool value) { json[name] = value; }
  void Text(const char* name, const std::string& value) { json[name] = value; }
  void OptionalText(const char* name, const std::optional<std::string>& value) {
    if (value) json[name] = *value;
  }
  void Texts(const char* name, const std::vector<std::string>& values) {
    if (!values.empty()) json[name] = values;
  }
  void Integer(const char* name, int64_t value, int64_t, int64_t) { json[name] = value; }
  void Real(const char* name, double value, double, double) { json[name] = value; }
  void OptionalReal(const char* name, const std::optional<double>& value) {
    if (value) json[name] = *value;
  }
  void Reals(const char* name, const std::vector<double>& values) {
    if (!values.empty()) json[name] = values;
  }
};

// Reads what is there; the first field of a wrong type is kept.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}

  const std::string& problem() const { return problem_; }

  template <class E, size_t N>
  void Enum(const char* name, E& value, const std::array<const char*, N>& names) {
    if (const Json* found = Find(name)) Named(name, *found, value, names, false);
  }
  template <class E, size_t N>
  void Enums(const char* name, std::vector<E>& values, const std::array<const char*, N>& names) {
    const Json* found = Find(name);
    if (found == nullptr || !Check(name, found->is_array())) return;
    for (const Json& item : *found) Named(name, item, values.emplace_back(), names, true);
  }
  void Flag(const char* name, bool& value) {
    const Json* found = Find(name);
    if (found != nullptr && Check(name, found->is_boolean())) value = found->get<bool>();
  }
  void Text(const char* name, std::string& value) {
    const Json* found = Find(name);
    if (found != nullptr && Check(name, found->is_string())) value = found->get<std::string>();
  }
  void OptionalText(const char* name, std::optional<std::string>& value) {
    if (Find(name) != nullptr) Text(name, value.emplace());
  }
  void Texts(const char* name, std::vector<std::string>& values) {
    const Json* found = Find(name);
    if (found == nullptr || !Check(name, found->is_array())) return;
    for (const Json& item : *found) {
      if (Check(name, item.is_string())) values.push_back(item.get<std::string>());
    }
  }
  void Integer(const char* name, int64_t& value, int64_t, int64_t) {
    const Json* found = Find(name);
    if (found == nullptr) return;
    // Protobuf writes 64-bit integers as text.
    const bool text = found->is_string() && absl::SimpleAtoi(found->get<std::string>(), &value);
    if (!text && Check(name, found->is_number_integer())) value = found->get<int64_t>();
  }
  void Real(const char* name, double& value, double, double) {
    if (const Json* found = Find(name)) Number(name, *found, value);
  }
  void OptionalReal(const char* name, std::optional<double>& value) {
    if (Find(name) != nullptr) Real(name, value.emplace(), 0, 0);
  }
  void Reals(const char* name, std::vector<double>& values) {
    const Json* found = Find(name);
    if (found == nullptr || !Check(name, found->is_array())) return;
    for (const Json& item : *found) Number(name, item, values.emplace_back());
  }

 private:
  const Json* Find(const char* name) {
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  // Protobuf writes numbers that are not finite as "NaN" and "Infinity"; they are refused where ranges are.
  void Number(const char* name, const Json& json, double& value) {
    const bool text = json.is_string() && absl::SimpleAtod(json.get<std::string>(), &value);
    if (!text && Check(name, json.is_number())) value = json.get<double>();
  }
  bool Check(const char* name, bool right) {
    if (!right && problem_.empty()) problem_ = absl::StrCat(name, " has no value that this version knows");
    return right;
  }
  template <class E, size_t N>
  void Named(const char* field, const Json& json, E& value, const std::array<const char*, N>& names,
             bool list) {
    if (!Check(field, json.is_string())) return;
    for (size_t i = 0; i < N; ++i) {
      if (ProtoEnumName(field, names[i], list) == json.get<std::string>()) {
        value = static_cast<E>(i);
        return;
      }
    }
    Check(field, false);
  }

  const Json& json_;
  std::string problem_;
};

Json StepToJson(const Step& step) {
  Writer writer;
  writer.Texts("inputs", step.inputs);
  writer.Texts("outputs", step.outputs);
  if (!step.suffix.empty()) writer.Text("suffix", step.suffix);
  if (step.fit_on != FitOn::kTrain) writer.Enum("fit_on", step.fit_on, kFitOnNames);
  std::visit(
      [&](const auto& options) {
        using Options = std::decay_t<decltype(options)>;
        Writer fields;
        Options::Fields(options, fields);
        writer.json[Options::kName] = std::move(fields.json);
      },
      step.operation);
  return std::move(writer.json);
}

Json JoinToJson(const Join& join) {
  Writer writer;
  Join::Fields(join, writer);
  for (const char* name : {"file_key", "prefix", "delimiter"}) {
    if (writer.json[name] == "") writer.json.erase(name);
  }
  if (join.header == Join::Header::kAuto) writer.json.erase("header");
  return std::move(writer.json);
}

absl::StatusOr<Join> JoinFromJson(const Json& json, const std::string& path) {
  if (!json.is_object()) return InvalidField(path, "is no object");
  Join join;
  Reader reader(json);
  Join::Fields(join, reader);
  if (!reader.problem().empty()) return InvalidField(path, reader.problem());
  return join;
}

absl::StatusOr<Step> StepFromJson(const Json& json, const std::string& path) {
  if (!json.is_object()) return InvalidField(path, "is no object");
  Step step;
  Reader reader(json);
  reader.Texts("inputs", step.inputs);
  reader.Texts("outputs", step.outputs);
  reader.Text("suffix", step.suffix);
  reader.Enum("fit_on", step.fit_on, kFitOnNames);
  if (!reader.problem().empty()) return InvalidField(path, reader.problem());
  for (const auto& item : json.items()) {
    auto operation = OperationByName(item.key());
    if (!operation) continue;
    if (!item.value().is_object()) return InvalidField(absl::StrCat(path, ".", item.key()), "is no object");
    std::string problem;
    std::visit(
        [&](auto& options) {
          Reader fields(item.value());
          std::decay_t<decltype(options)>::Fields(options, fields);
          problem = fields.problem();
        },
        *operation);
    if (!problem.empty()) return InvalidField(path, absl::StrCat(item.key(), ": ", problem));
    step.operation = *std::move(operation);
    return step;
  }
  return InvalidField(path, "has no operation that this version knows");
}

}  // namespace

std::string ProtoEnumName(std::string_view field, std::string_view name, bool list) {
  if (list && field.ends_with('s')) field.remove_suffix(1);
  return absl::AsciiStrToUpper(absl::StrCat(ToAbsl(field), "_", ToAbsl(name)));
}

nlohmann::ordered_json PipelineToJson(const Pipeline& pipeline) {
  Writer writer;
  if (!pipeline.name.empty()) writer.Text("name", pipeline.name);
  if (!pipeline.label.empty()) writer.Text("label", pipeline.label);
  writer.Texts("positive_values", pipeline.positive_values);
  for (const Join& join : pipeline.joins) writer.json["joins"].push_back(JoinToJson(join));
  writer.json["steps"] = Json::array();
  for (const Step& step : pipeline.steps) writer.json["steps"].push_back(StepToJson(step));
  Writer output;
  output.Texts("features", pipeline.output.features);
  if (pipeline.output.parquet) output.Flag("parquet", true);
  if (pipeline.output.mlperf_binary) {
    Writer binary;
    binary.Texts("integers", pipeline.output.mlperf_binary->integers);
    binary.Texts("categories", pipeline.output.mlperf_binary->categories);
    output.json["mlperf_binary"] = std::move(binary.json);
  }
  if (!output.json.empty()) writer.json["output"] = std::move(output.json);
  return std::move(writer.json);
}

absl::StatusOr<Pipeline> PipelineFromJson(const nlohmann::ordered_json& json) {
  if (!json.is_object()) return InvalidField("pipeline", "is no object");
  Pipeline pipeline;
  Reader reader(json);
  reader.Text("name", pipeline.name);
  reader.Text("label", pipeline.label);
  reader.Texts("positive_values", pipeline.positive_values);
  if (!reader.problem().empty()) return InvalidField("pipeline", reader.problem());
  if (const auto joins = json.find("joins"); joins != json.end()) {
    if (!joins->is_array()) return InvalidField("pipeline.joins", "is no list");
    for (const Json& item : *joins) {
      SDA_ASSIGN_OR_RETURN(Join join, JoinFromJson(item, absl::StrCat("joins[", pipeline.joins.size(), "]")));
      pipeline.joins.push_back(std::move(join));
    }
  }
  const auto steps = json.find("steps");
  if (steps == json.end() || !steps->is_array()) return InvalidField("pipeline.steps", "is no list");
  for (const Json& item : *steps) {
    SDA_ASSIGN_OR_RETURN(Step step, StepFromJson(item, absl::StrCat("steps[", pipeline.steps.size(), "]")));
    pipeline.steps.push_back(std::move(step));
  }
  const auto output = json.find("output");
  if (output == json.end()) return pipeline;
  if (!output->is_object()) return InvalidField("pipeline.output", "is no object");
  Reader fields(*output);
  fields.Texts("features", pipeline.output.features);
  fields.Flag("parquet", pipeline.output.parquet);
  const auto binary = output->find("mlperf_binary");
  if (binary != output->end() && binary->is_object()) {
    Reader names(*binary);
    names.Texts("integers", pipeline.output.mlperf_binary.emplace().integers);
    names.Texts("categories", pipeline.output.mlperf_binary->categories);
    if (!names.problem().empty()) return InvalidField("pipeline.output.mlperf_binary", names.problem());
  }
  if (!fields.problem().empty()) return InvalidField("pipeline.output", fields.problem());
  return pipeline;
}

}  // namespace sda::pipeline
