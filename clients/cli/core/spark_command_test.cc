#include "clients/cli/core/spark_command.h"

#include <map>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SparkCommandTest, OptionsOfSparkNeedItsEngine) {
  SparkFlags flags;
  EXPECT_EQ(WantsSpark(flags).value(), false);
  flags.master = "local[2]";
  EXPECT_THAT(std::string(WantsSpark(flags).status().message()), HasSubstr("--master"));
  flags.engine = "spark";
  EXPECT_EQ(WantsSpark(flags).value(), true);
  flags.engine = "flink";
  EXPECT_THAT(std::string(WantsSpark(flags).status().message()), HasSubstr("'flink' is not one of sda"));
}

TEST(SparkCommandTest, ArgumentsAreThoseOfSparkSubmit) {
  SparkFlags flags;
  flags.master = "yarn";
  flags.deploy_mode = "cluster";
  flags.conf = {"spark.executor.instances=16"};
  EXPECT_THAT(SparkSubmitArgs(flags, "/opt/spark", "s3://b/sda", "datasets/d/spark-1", "datasets/d").value(),
              ElementsAre("--master", "yarn", "--deploy-mode", "cluster", "--name", "sda datasets/d",
                          "--py-files", "/opt/spark/sda_spark.zip", "--conf", "spark.executor.instances=16",
                          "/opt/spark/sda_spark_job.py", "s3://b/sda", "datasets/d/spark-1"));
  flags.conf = {"spark.executor.instances"};
  EXPECT_THAT(std::string(SparkSubmitArgs(flags, "", "", "", "").status().message()), HasSubstr("KEY=VALUE"));
  flags.conf.clear();
  flags.deploy_mode = "here";
  EXPECT_THAT(std::string(SparkSubmitArgs(flags, "", "", "", "").status().message()),
              HasSubstr("--deploy-mode"));
}

TEST(SparkCommandTest, TheProgramIsTheOptionElseOfSparkHomeElseOnThePath) {
  std::map<std::string, std::string> variables = {{"SPARK_HOME", "/spark"}, {"PATH", "/a::/b"}};
  std::string there;
  const auto find = [&](const SparkFlags& flags) {
    return FindSparkSubmit(
        flags,
        [&](const std::string& name) {
          const auto found = variables.find(name);
          return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
        },
        [&](const std::string& path) { return path == there; });
  };
  there = "/spark/bin/spark-submit";
  EXPECT_EQ(find({}).value(), there);
  there = "/b/spark-submit";
  EXPECT_EQ(find({}).value(), there);
  variables.erase("SPARK_HOME");
  EXPECT_EQ(find({}).value(), there);
  SparkFlags flags;
  flags.submit = "/mine";
  EXPECT_THAT(std::string(find(flags).status().message()), HasSubstr("'/mine' is no program"));
  there = "/mine";
  EXPECT_EQ(find(flags).value(), there);
  EXPECT_TRUE(absl::IsFailedPrecondition(find({}).status()));
}

TEST(SparkCommandTest, ProgressIsReadFromMarkedLines) {
  const auto view =
      ReadSparkProgress(R"(@sda {"step": 2, "steps": 4, "stage": "fit 1", "done": 3, "total": 8})");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->step, 2);
  EXPECT_EQ(view->steps, 4);
  EXPECT_EQ(view->what, "fit 1");
  EXPECT_EQ(view->done, 3);
  EXPECT_EQ(view->total, 8);
  EXPECT_FALSE(ReadSparkProgress("26/01/01 INFO SparkContext: Running"));
  EXPECT_FALSE(ReadSparkProgress("@sda {"));
  EXPECT_FALSE(ReadSparkProgress("@sda [1]"));
}

TEST(SparkCommandTest, TheSpecSaysWhatThePlanSays) {
  InputPlan plan;
  plan.data = {"/logs"};
  plan.label = "y";
  plan.header = HeaderMode::kNo;
  plan.null_values = {"-"};
  plan.split = {SplitBy::kTimeColumn, 0, "when", 0.3, 0.05};
  plan.seed = 7;
  plan.bad_rows = BadRowsRule::kNull;
  const preprocessing::DatasetSpec spec = ToSpec(plan);
  EXPECT_EQ(spec.data_uris, plan.data);
  EXPECT_EQ(spec.format.header, preprocessing::FormatSpec::Header::kNo);
  EXPECT_EQ(spec.format.null_values, plan.null_values);
  EXPECT_EQ(spec.split.kind, preprocessing::SplitSpec::Kind::kTime);
  EXPECT_EQ(spec.split.column, "when");
  EXPECT_EQ(spec.split.test_share, 0.3);
  EXPECT_EQ(spec.split.validation_share, 0.05);
  EXPECT_EQ(spec.seed, 7);
  EXPECT_EQ(spec.bad_rows, preprocessing::BadRowPolicy::kNull);
  // What nobody asked for stays the default.
  EXPECT_EQ(ToSpec(InputPlan()).split, preprocessing::SplitSpec());
}

}  // namespace
}  // namespace sda::cli
