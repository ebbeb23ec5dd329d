#include "services/preprocessing/core/pipeline/auto_pipeline.h"

#include <vector>

#include <absl/strings/str_cat.h>

#include "services/preprocessing/core/pipeline/chosen_steps.h"

namespace sda::preprocessing {
namespace {

constexpr double kWideNumber = 1000;

class Writer {
 public:
  void Say(const std::string& name, const std::string& reason) { yaml_ += StepComment(name, reason); }
  void Step(const std::string& operation, const std::vector<std::string>& inputs,
            const std::string& options = "") {
    yaml_ += StepInYaml(operation, inputs, options);
  }
  const std::string& yaml() const { return yaml_; }

 private:
  std::string yaml_;
};

void WriteDense(const Column& column, const ColumnSample& sample, int64_t rows, Writer& out) {
  const std::string& name = column.name;
  const bool telling =
      static_cast<double>(sample.missing()) > kTellingMissingShare * static_cast<double>(rows);
  const bool wide = sample.values() > 0 && sample.min() >= 0 && sample.max() >= kWideNumber;
  std::string reason = absl::StrCat(column.reason, "; median for missing values");
  if (telling)
    absl::StrAppend(&reason, ", of which there are ", sample.missing(), " in ", rows,
                    " rows, enough to tell of them");
  if (wide)
    absl::StrAppend(&reason, "; values from ", sample.min(), " to ", sample.max(),
                    ", so the logarithm is taken");
  out.Say(column.name, reason);
  out.Step("fill_missing", {name}, absl::StrCat("strategy: median", telling ? ", indicator: true" : ""));
  if (wide) out.Step("log", {name});
  out.Step("standardise", {name});
}

void WriteCategorical(const Column& column, const ColumnSample& sample, Writer& out) {
  const std::string& name = column.name;
  const bool many = sample.distinct() >= kManyValues;
  out.Say(column.name,
          absl::StrCat(column.reason, many ? absl::StrCat("; with ", sample.distinct(),
                                                          " values in the sample counts and label rates "
                                                          "tell of those that ids have seen too rarely")
                                           : ""));
  if (many) {
    out.Step("count_encode", {name}, "suffix: _count");
    out.Step("log", {name + "_count"});
    out.Step("standardise", {name + "_count"});
    out.Step("target_encode", {name}, "suffix: _rate");
    out.Step("standardise", {name + "_rate"});
  }
  out.Step("categorify", {name});
}

void WriteTimes(const Column& column, Writer& out) {
  out.Say(column.name, "dates or times; habits follow hour and weekday");
  out.Step("date_parts", {column.name}, "parts: [hour, weekday, is_weekend]");
  out.Step("categorify", {column.name + "_hour", column.name + "_weekday", column.name + "_is_weekend"},
           "frequency_threshold: 1");
}

}  // namespace

std::string AutoPipelineYaml(const Schema& schema, const InputSample& sample) {
  Writer out;
  std::string label;
  for (size_t i = 0; i < schema.size(); ++i) {
    const ColumnSample& values = sample.columns[i];
    switch (schema[i].role) {
      case Role::kLabel:
        label = schema[i].name;
        break;
      case Role::kDense:
        WriteDense(schema[i], values, sample.rows, out);
        break;
      case Role::kCategorical:
        WriteCategorical(schema[i], values, out);
        break;
      case Role::kIgnored:
        if (values.values() > 0 && values.all_times())
          WriteTimes(schema[i], out);
        else
          out.Say(schema[i].name, absl::StrCat("left out: ", schema[i].reason));
        break;
    }
  }
  return absl::StrCat("# Chosen from the first ", sample.rows,
                      " rows; edit it as you like.\nversion: 1\nname: auto\nlabel: ", QuotedInYaml(label),
                      "\nsteps:\n", out.yaml());
}

}  // namespace sda::preprocessing
