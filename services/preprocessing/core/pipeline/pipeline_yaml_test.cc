#include "services/preprocessing/core/pipeline/pipeline_yaml.h"

#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/pipeline/pipeline_json.h"
#include "common/pipeline/program.h"
#include "services/preprocessing/core/pipeline/ready_pipelines.h"

namespace sda::preprocessing {
namespace {

using ::testing::HasSubstr;

std::string Refusal(const std::string& yaml) {
  return DescribeViolations(ReadPipeline(yaml).violations, "p.yaml");
}

std::string WithSteps(const std::string& steps) {
  return "version: 1\nlabel: y\nsteps:\n" + steps;
}

// What is wrong once the columns are known, with the place in the text.
std::string Compiled(const std::string& yaml,
                     const std::vector<std::string>& columns = {"y", "a", "b", "c1", "c2"}) {
  const PipelineReading reading = ReadPipeline(yaml);
  if (!reading.pipeline) return DescribeViolations(reading.violations, "p.yaml");
  std::vector<YamlViolation> violations;
  for (const FieldViolation& violation : pipeline::Compile(*reading.pipeline, columns, 0).violations) {
    const auto [line, column] = reading.places.Find(violation.field);
    violations.push_back({line, column, violation.field, violation.description});
  }
  return DescribeViolations(violations, "p.yaml");
}

TEST(PipelineYamlTest, ReadsEveryPartOfAStep) {
  const PipelineReading reading = ReadPipeline(
      WithSteps("  - {operation: fill_missing, inputs: [a, \"c*\"], suffix: _f, strategy: median, indicator: "
                "true, fit_on: all}\n"
                "  - {operation: quantile_bucket, inputs: [a], bounds: [-1, 2.5], outputs: [q]}\n"
                "output: {features: [q], parquet: true, mlperf_binary: {integers: [a], categories: [q]}}\n"));
  ASSERT_TRUE(reading.pipeline) << DescribeViolations(reading.violations, "");
  const pipeline::Step& fill = reading.pipeline->steps[0];
  EXPECT_EQ(fill.inputs, (std::vector<std::string>{"a", "c*"}));
  EXPECT_EQ(fill.suffix, "_f");
  EXPECT_EQ(fill.fit_on, pipeline::FitOn::kAll);
  const auto& options = std::get<pipeline::FillMissing>(fill.operation);
  EXPECT_EQ(options.strategy, pipeline::FillMissing::Strategy::kMedian);
  EXPECT_TRUE(options.indicator);
  EXPECT_EQ(std::get<pipeline::QuantileBucket>(reading.pipeline->steps[1].operation).bounds,
            (std::vector<double>{-1, 2.5}));
  EXPECT_TRUE(reading.pipeline->output.parquet);
  ASSERT_TRUE(reading.pipeline->output.mlperf_binary);
  EXPECT_EQ(reading.pipeline->output.mlperf_binary->categories, std::vector<std::string>{"q"});
}

TEST(PipelineYamlTest, RefusesWithLineColumnPathAndRule) {
  EXPECT_EQ(Refusal(WithSteps("  - {operation: clip, inputs: [a], minimum: 0}\n")).substr(0, 34),
            "p.yaml:4:36: steps[0].minimum: is ");
  EXPECT_THAT(Refusal(WithSteps("  - {operation: clip, inputs: [a], min: x}\n")),
              HasSubstr("p.yaml:4:41: steps[0].min: is x; must be a number"));
  EXPECT_THAT(Refusal(WithSteps("  - {operation: clip, inputs: [a], min: .nan}\n")),
              HasSubstr("steps[0].min: is .nan; must be a finite number"));
  EXPECT_THAT(Refusal(WithSteps("  - {operation: clip, inputs: [a], min: 2, max: 1}\n")),
              HasSubstr("steps[0].min: is 2; must be at most max, 1"));
  EXPECT_THAT(Refusal(WithSteps("  - {operation: categorise, inputs: [a]}\n")),
              HasSubstr("did you mean \"categorify\""));
  EXPECT_THAT(Refusal(WithSteps("  - {inputs: [a]}\n")), HasSubstr("steps[0]: has no operation"));
  EXPECT_THAT(Refusal(WithSteps("  - {operation: hash, inputs: [a], buckets: 0}\n")),
              HasSubstr("must be in [1, "));
  EXPECT_THAT(Refusal(WithSteps("  - {operation: hash, inputs: [a], buckets: 1.5}\n")),
              HasSubstr("must be a whole number"));
  EXPECT_THAT(Refusal("steps: []\n"), HasSubstr("version: is missing"));
  EXPECT_THAT(Refusal("version: 2\nsteps: []\n"), HasSubstr("must be in [1, 1]"));
  EXPECT_THAT(Refusal("version: 1\nsteps: []\n"), HasSubstr("steps: is empty"));
  EXPECT_THAT(Refusal("version: 1\nsteps: &a []\n"), HasSubstr("anchors"));
  EXPECT_THAT(Refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(Refusal("\xff"), HasSubstr("not valid UTF-8"));
}

TEST(PipelineYamlTest, NamesEveryViolationOfAText) {
  const PipelineReading reading =
      ReadPipeline(WithSteps("  - {operation: clip, inputs: [a], min: x}\n"
                             "  - {operation: log, inputs: a}\n"
                             "  - {operation: nothing}\n"));
  EXPECT_EQ(reading.violations.size(), 3u);
}

TEST(PipelineCompileTest, RefusesWhatTheColumnsDoNotAllow) {
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [nowhere]}\n")),
              HasSubstr("p.yaml:4:31: steps[0].inputs[0]: names \"nowhere\", which is no column"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [\"z*\"]}\n")),
              HasSubstr("no column matches"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [y]}\n")), HasSubstr("leak"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [late]}\n"
                                 "  - {operation: log, inputs: [a], outputs: [late]}\n")),
              HasSubstr("which steps[1] makes only later"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [a], outputs: [b]}\n")),
              HasSubstr("there already"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [a, b], outputs: [x, x]}\n")),
              HasSubstr("twice"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [a, b], outputs: [x]}\n")),
              HasSubstr("1 names for 2"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [a], outputs: [y]}\n")),
              HasSubstr("label's name"));
  EXPECT_THAT(
      Compiled(WithSteps("  - {operation: log, inputs: [a]}\n  - {operation: categorify, inputs: [a]}\n")),
      HasSubstr("no stable key"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: multi_hot, inputs: [a], max_values: 2}\n")),
              HasSubstr("split_list"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: standardise, inputs: [a]}\n  - {operation: split}\n")),
              HasSubstr("learns from training rows"));
  EXPECT_THAT(
      Compiled(WithSteps("  - {operation: sample_negatives, keep_share: 0.5}\n  - {operation: split}\n"
                         "  - {operation: log, inputs: [a]}\n")),
      HasSubstr("not known yet"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: filter, inputs: [a], comparison: missing}\n")),
              HasSubstr("output.features: are none"));
  EXPECT_THAT(Compiled(WithSteps("  - {operation: log, inputs: [a]}\noutput: {features: [a, c1]}\n")),
              HasSubstr("p.yaml:5:20: output.features: name \"c1\", which is of type text"));
}

TEST(PipelineYamlTest, ReadyPipelinesAreGood) {
  for (const ReadyPipeline& ready : ReadyPipelines()) {
    const PipelineReading reading = ReadPipeline(ready.yaml);
    ASSERT_TRUE(reading.pipeline) << ready.name << "\n" << DescribeViolations(reading.violations, ready.name);
    const auto back = pipeline::PipelineFromJson(pipeline::PipelineToJson(*reading.pipeline));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, *reading.pipeline) << ready.name;
  }
}

// Random cuts and changes of a good text: never a crash, always either a pipeline or a reason.
TEST(PipelineYamlTest, AnyTextIsEitherReadOrRefused) {
  std::string seeds;
  for (const ReadyPipeline& ready : ReadyPipelines()) seeds += ready.yaml;
  constexpr uint32_t kSeed = 7;
  std::mt19937 random(kSeed);
  const std::vector<std::string> columns = {"y", "label", "I1", "C1", "c0", "c1", "c2", "c3", "c14"};
  for (int i = 0; i < 3000; ++i) {
    const std::string& base = ReadyPipelines()[random() % ReadyPipelines().size()].yaml;
    std::string text = base;
    for (uint32_t edits = 1 + random() % 4; edits > 0; --edits) {
      const size_t at = random() % (text.size() + 1);
      switch (random() % 4) {
        case 0:
          text.erase(at, random() % 20);
          break;
        case 1:
          text.insert(at, 1, static_cast<char>(random() % 256));
          break;
        case 2:
          text.insert(at, seeds.substr(random() % seeds.size(), random() % 40));
          break;
        default:
          text = text.substr(0, at);
      }
    }
    const PipelineReading reading = ReadPipeline(text);
    ASSERT_EQ(reading.pipeline.has_value(), reading.violations.empty()) << text;
    if (!reading.pipeline) continue;
    const pipeline::Compilation compiled = pipeline::Compile(*reading.pipeline, columns, 1);
    ASSERT_EQ(compiled.program.has_value(), compiled.violations.empty()) << text;
  }
}

TEST(PatternTest, StarsAndQuestionMarks) {
  EXPECT_TRUE(pipeline::MatchesPattern("C*", "C26"));
  EXPECT_TRUE(pipeline::MatchesPattern("*", ""));
  EXPECT_TRUE(pipeline::MatchesPattern("*a*b", "xxabab"));
  EXPECT_TRUE(pipeline::MatchesPattern("I??", "I10"));
  EXPECT_FALSE(pipeline::MatchesPattern("I?", "I10"));
  EXPECT_FALSE(pipeline::MatchesPattern("C*", "I1"));
}

}  // namespace
}  // namespace sda::preprocessing
