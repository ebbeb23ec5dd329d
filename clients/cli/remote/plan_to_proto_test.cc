#include "clients/cli/remote/plan_to_proto.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/pipeline/pipeline_json.h"

namespace sda::cli {
namespace {

TEST(PlanToProtoTest, EverythingTheUserSaidArrives) {
  InputPlan plan;
  plan.data = {"/a.csv"};
  plan.test = {"/b.csv"};
  plan.label = "click";
  plan.positive_values = {">50K"};
  plan.delimiter = ", ";
  plan.header = HeaderMode::kNo;
  plan.null_values = {"?", ""};
  ColumnRule column;
  column.name = "age";
  column.use = ColumnUse::kDense;
  column.log = false;
  plan.columns = {column};
  plan.split.by = SplitBy::kHashColumn;
  plan.split.column = "user";
  plan.split.test_share = 0.1;
  plan.seed = 5;
  const preprocessing::v1::DatasetSpec spec = ToProto(plan);
  EXPECT_EQ(spec.data_uris(0), "/a.csv");
  EXPECT_EQ(spec.test_uris(0), "/b.csv");
  EXPECT_EQ(spec.format().delimiter(), ", ");
  EXPECT_EQ(spec.format().header(), preprocessing::v1::InputFormat::HEADER_NO);
  EXPECT_EQ(spec.format().null_values_size(), 2);
  EXPECT_TRUE(spec.columns(0).has_log());
  EXPECT_EQ(spec.split().hash_column(), "user");
  EXPECT_EQ(spec.split().test_share(), 0.1);
  EXPECT_EQ(spec.seed(), 5);
}

TEST(PlanToProtoTest, WhatWasLeftOutStaysUnset) {
  InputPlan plan;
  plan.data = {"/a.csv"};
  plan.label = "0";
  const preprocessing::v1::DatasetSpec spec = ToProto(plan);
  EXPECT_FALSE(spec.has_split());
  EXPECT_EQ(spec.format().header(), preprocessing::v1::InputFormat::HEADER_UNSPECIFIED);
}

TEST(PlanToProtoTest, AFractionOfZeroIsNotTheDefault) {
  InputPlan plan;
  plan.split.by = SplitBy::kFraction;
  EXPECT_TRUE(ToProto(plan).split().has_fraction());
}

constexpr char kEveryOption[] = R"(
version: 1
name: every option
label: y
positive_values: ["a", "b"]
steps:
  - {operation: cast, inputs: [a], to: integer}
  - {operation: fill_missing, inputs: [a], strategy: most_frequent, indicator: true, fit_on: all}
  - {operation: fill_missing, inputs: [a], value: -1.25}
  - {operation: fill_missing, inputs: [a], text: nobody}
  - {operation: clip, inputs: [a], min: -2, max: 3.5}
  - {operation: log, inputs: [a], suffix: _l}
  - {operation: standardise, inputs: [a], outputs: [s]}
  - {operation: quantile_bucket, inputs: [a], buckets: 3}
  - {operation: quantile_bucket, inputs: [a], bounds: [1, 2.5]}
  - {operation: hash, inputs: [a], buckets: 7, seed: -9223372036854775808}
  - {operation: hex_to_integer, inputs: [a], modulus: 9223372036854775807}
  - {operation: categorify, inputs: [a], frequency_threshold: 2, max_size: 5, order: first_appearance,
     reserve_missing: false, reserve_unknown: false}
  - {operation: group_categorify, inputs: [a, b], outputs: [g], frequency_threshold: 2, max_size: 5, order: first_appearance,
     reserve_missing: false, reserve_unknown: false}
  - {operation: count_encode, inputs: [a, b], outputs: [n], crossed: true}
  - {operation: frequency_encode, inputs: [a, b], outputs: [f], crossed: true}
  - {operation: target_encode, inputs: [a, b], outputs: [t], crossed: true, smoothing: 0, folds: 3, min_count: 2}
  - {operation: difference, inputs: [a, b], outputs: [d]}
  - {operation: ratio, inputs: [a, b], outputs: [r]}
  - {operation: date_parts, inputs: [a], unit: milliseconds, offset_minutes: -60, parts: [year, month, day, hour, minute,
     second, weekday, day_of_year, week, is_weekend, days, seconds]}
  - {operation: split_list, inputs: [a], separator: ";", trim: false}
  - {operation: truncate_list, inputs: [a], max_values: 3, keep: last}
  - {operation: hash_list, inputs: [a], buckets: 7, seed: 3}
  - {operation: multi_hot, inputs: [a], max_values: 4}
  - {operation: drop, inputs: [a]}
  - {operation: select, inputs: [b]}
  - {operation: filter, inputs: [a], comparison: less_or_equal, number: 4.5, splits: [train, validation, test]}
  - {operation: filter, inputs: [a], comparison: not_in, values: [x, z]}
  - {operation: sample_negatives, keep_share: 0.25, splits: [test]}
  - {operation: distinct, inputs: [a], splits: [train]}
  - {operation: sort, inputs: [a, b, c], compare: [text, number, time], orders: [ascending, descending, ascending]}
  - {operation: split, by: leave_last_out, inputs: [a, b], test_share: 0.5, validation_share: 0.25, test_rows: 2,
     validation_rows: 3, parts: 9}
output: {features: [a], parquet: true, mlperf_binary: {integers: [a], categories: [b]}}
)";

// The typed messages have a field for every option, of the same name and with the same values.
TEST(PlanToProtoTest, EveryOptionOfEveryOperationArrives) {
  const preprocessing::PipelineReading reading = preprocessing::ReadPipeline(kEveryOption);
  ASSERT_TRUE(reading.pipeline) << preprocessing::DescribeViolations(reading.violations, "");
  InputPlan plan;
  plan.pipeline = PipelineFile{"file", *reading.pipeline, {}};
  const preprocessing::v1::DatasetSpec spec = ToProto(plan);
  ASSERT_EQ(spec.pipeline().steps_size(), static_cast<int>(reading.pipeline->steps.size()));
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(spec.pipeline(), &json, options).ok());
  const auto back = pipeline::PipelineFromJson(nlohmann::ordered_json::parse(json));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, *reading.pipeline) << json;
  EXPECT_EQ(spec.pipeline().steps(4).clip().max(), 3.5);
}

TEST(PlanToProtoTest, GoalsBecomeMetrics) {
  const auto goal = ToProto(*ParseGoals({"auc>=0.8", "minimize train_seconds"}));
  ASSERT_EQ(goal.metrics_size(), 2);
  EXPECT_EQ(goal.metrics(0).strategy(), optimizer::v1::Metric::STRATEGY_CONSTRAINT);
  EXPECT_EQ(goal.metrics(0).threshold(), 0.8);
  EXPECT_EQ(goal.metrics(1).objective(), optimizer::v1::Metric::OBJECTIVE_MINIMIZE);
  EXPECT_FALSE(goal.metrics(1).has_threshold());
}

TEST(PlanToProtoTest, ARecipesRunHasNoGoalOfItsOwn) {
  RunPlan plan;
  plan.recipe = "recipes/r";
  plan.goals = *ParseGoals({});
  EXPECT_FALSE(ToProto(plan).has_goal());
  EXPECT_EQ(ToProto(plan).recipe(), "recipes/r");
}

}  // namespace
}  // namespace sda::cli
