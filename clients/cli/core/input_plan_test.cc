#include "clients/cli/core/input_plan.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sda::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InputPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sda_input_plan_XXXXXX";
    folder_ = mkdtemp(name);
    data_ = Write("clicks.csv", "click,a\n1,2\n");
    flags_.data = {data_};
    flags_.label = "click";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  std::string Error() {
    const auto plan = PlanInput(flags_, FileCheck::kHere);
    return plan.ok() ? "accepted" : std::string(plan.status().message());
  }

  std::string folder_, data_;
  InputFlags flags_;
};

TEST_F(InputPlanTest, DefaultsLeaveChoicesToTheServices) {
  const auto plan = PlanInput(flags_, FileCheck::kHere);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->data, ElementsAre(data_));
  EXPECT_EQ(plan->delimiter, "");
  EXPECT_EQ(plan->header, HeaderMode::kAuto);
  EXPECT_EQ(plan->split, SplitRule());
}

TEST_F(InputPlanTest, APipelineIsReadAndMayNameTheLabel) {
  flags_.label.reset();
  flags_.pipeline = Write("p.yaml", "version: 1\nlabel: click\nsteps:\n  - {operation: log, inputs: [a]}\n");
  const auto plan = PlanInput(flags_, FileCheck::kHere);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_TRUE(plan->pipeline);
  EXPECT_EQ(plan->pipeline->pipeline.steps.size(), 1u);
  EXPECT_EQ(WithPipelinePlace("job: pipeline.steps[0].inputs[0]: names \"a\"", plan->pipeline),
            *flags_.pipeline + ":4:31: steps[0].inputs[0]: names \"a\"");
  EXPECT_EQ(WithPipelinePlace("something else", plan->pipeline), "something else");
  flags_.pipeline = "criteo_dlrm";
  EXPECT_TRUE(PlanInput(flags_, FileCheck::kHere).ok());
  flags_.automatic = true;
  EXPECT_THAT(Error(), HasSubstr("--auto"));
}

TEST_F(InputPlanTest, ABadPipelineIsRefusedWithItsPlace) {
  flags_.pipeline = Write("p.yaml", "version: 1\nsteps:\n  - {operation: logg, inputs: [a]}\n");
  EXPECT_THAT(
      Error(),
      HasSubstr("p.yaml:3:17: steps[0].operation: is logg, which is no operation, did you mean \"log\""));
  flags_.pipeline = folder_ + "/nothing";
  EXPECT_THAT(Error(), HasSubstr("--pipeline"));
}

TEST_F(InputPlanTest, RelativePathsBecomeAbsolute) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  flags_.data = {"./clicks.csv"};
  const auto plan = PlanInput(flags_, FileCheck::kHere);
  std::filesystem::current_path(before);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(std::filesystem::canonical(plan->data[0]), std::filesystem::canonical(data_));
  EXPECT_EQ(plan->data[0].front(), '/');
}

TEST_F(InputPlanTest, BadFilesAreNamed) {
  flags_.data = {folder_ + "/none.csv"};
  EXPECT_THAT(Error(), HasSubstr("--data: '" + folder_ + "/none.csv' does not exist"));
  flags_.data = {Write("empty.csv", "")};
  EXPECT_THAT(Error(), HasSubstr("empty.csv' is empty"));
  flags_.data = {folder_ + "/*.tsv"};
  EXPECT_THAT(Error(), HasSubstr("*.tsv' matches no file"));
  std::filesystem::create_directory(folder_ + "/folder");
  flags_.data = {folder_ + "/folder"};
  EXPECT_THAT(Error(), HasSubstr("is a folder without files"));
  flags_.data = {data_};
  flags_.test = {folder_ + "/none.test"};
  EXPECT_THAT(Error(), HasSubstr("--test: '" + folder_ + "/none.test' does not exist"));
}

TEST_F(InputPlanTest, UnreadableFileIsNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read every file";
  chmod(data_.c_str(), 0);
  EXPECT_THAT(Error(), HasSubstr("clicks.csv' cannot be read: Permission denied"));
}

TEST_F(InputPlanTest, FilesElsewhereAreNotLookedAt) {
  flags_.data = {"/on/the/server.csv", "s3://bucket/part-*.csv"};
  EXPECT_THAT(PlanInput(flags_, FileCheck::kElsewhere)->data,
              ElementsAre("/on/the/server.csv", "s3://bucket/part-*.csv"));
}

TEST_F(InputPlanTest, ObjectStoresAreNotLookedAt) {
  flags_.data = {"s3://bucket/clicks.csv"};
  EXPECT_THAT(PlanInput(flags_, FileCheck::kHere)->data, ElementsAre("s3://bucket/clicks.csv"));
}

TEST_F(InputPlanTest, MissingDataOrLabelIsSaid) {
  flags_.label.reset();
  EXPECT_THAT(Error(), HasSubstr("--label: is missing"));
  flags_.data.clear();
  EXPECT_THAT(Error(), HasSubstr("--data: is missing"));
}

TEST_F(InputPlanTest, SplitForms) {
  flags_.split = "fraction=0.25";
  EXPECT_EQ(PlanInput(flags_, FileCheck::kHere)->split.fraction, 0.25);
  flags_.split = "hash:user_id";
  flags_.test_share = "0.1";
  EXPECT_EQ(PlanInput(flags_, FileCheck::kHere)->split.column, "user_id");
  EXPECT_EQ(PlanInput(flags_, FileCheck::kHere)->split.test_share, 0.1);
  flags_.test_share.reset();
  flags_.split = "time:day";
  EXPECT_EQ(PlanInput(flags_, FileCheck::kHere)->split.by, SplitBy::kTimeColumn);
  for (const char* bad : {"", "half", "fraction=", "fraction=nan", "fraction=0.95", "hash:", "time:"}) {
    flags_.split = bad;
    EXPECT_THAT(Error(), HasSubstr("--split: '")) << bad;
  }
}

TEST_F(InputPlanTest, SplitAndTestFilesExcludeEachOther) {
  flags_.test = {data_};
  flags_.split = "fraction=0.2";
  EXPECT_THAT(Error(), HasSubstr("--split: does not go with --test"));
}

TEST_F(InputPlanTest, SchemaFileIsRead) {
  flags_.schema = Write("schema.yaml",
                        "columns:\n"
                        "  - name: a\n"
                        "    role: dense\n"
                        "    log: true\n"
                        "  - {name: b, role: categorical, frequency_threshold: 5}\n"
                        "  - {name: c, role: ignored}\n"
                        "  - {name: d, list_separator: '|', list_max_values: 20}\n");
  const auto plan = PlanInput(flags_, FileCheck::kHere);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->columns.size(), 4u);
  EXPECT_EQ(plan->columns[0].log, true);
  EXPECT_EQ(plan->columns[1].frequency_threshold, 5);
  EXPECT_EQ(plan->columns[2].use, ColumnUse::kIgnored);
  EXPECT_EQ(plan->columns[3].use, ColumnUse::kCategorical);
  EXPECT_EQ(plan->columns[3].list_separator, "|");
  EXPECT_EQ(plan->columns[3].list_max_values, 20);
}

TEST_F(InputPlanTest, SchemaErrorsNameFileLineAndColumn) {
  const auto error_of = [&](const std::string& text) {
    flags_.schema = Write("schema.yaml", text);
    return Error();
  };
  EXPECT_THAT(error_of("columns:\n  - name: a\n    rôle: dense\n"),
              HasSubstr("schema.yaml:3:5: columns[0].rôle: 'rôle' is not a key of a column"));
  EXPECT_THAT(error_of("columns:\n  - name: a\n    role: number\n"),
              HasSubstr("schema.yaml:3:11: columns[0].role: 'number' is not one"));
  EXPECT_THAT(error_of("columns:\n  - role: dense\n"), HasSubstr("columns[0].name: is missing"));
  EXPECT_THAT(error_of("columns:\n  - {name: a}\n  - {name: a}\n"), HasSubstr("'a' is named twice"));
  EXPECT_THAT(error_of("columns:\n  - {name: a, log: true}\n"), HasSubstr("goes with role: dense only"));
  EXPECT_THAT(error_of("rows: 3\n"), HasSubstr("schema.yaml:1:1: rows: 'rows' is not a key of a schema"));
  EXPECT_THAT(error_of("columns: [\n"), HasSubstr("is not YAML"));
  EXPECT_THAT(error_of(""), HasSubstr("columns: is missing"));
  EXPECT_THAT(error_of("columns:\n  - {name: a, role: categorical, frequency_threshold: -1}\n"),
              HasSubstr("from 0 to"));
  EXPECT_THAT(error_of("columns:\n  - {name: a, role: dense, list_separator: '|'}\n"),
              HasSubstr("columns[0].list_separator: goes with role: categorical only"));
  EXPECT_THAT(error_of("columns:\n  - {name: a, list_separator: ''}\n"), HasSubstr("1 to 8 bytes"));
  EXPECT_THAT(error_of("columns:\n  - {name: a, list_max_values: 3}\n"),
              HasSubstr("goes with list_separator only"));
}

TEST_F(InputPlanTest, WeightIsAColumnOtherThanTheLabel) {
  EXPECT_EQ(PlanInput(flags_, FileCheck::kHere)->weight, "");
  flags_.weight = "importance";
  EXPECT_EQ(PlanInput(flags_, FileCheck::kHere)->weight, "importance");
  flags_.weight = flags_.label;
  EXPECT_THAT(Error(), HasSubstr("--weight: must name a column other than the label"));
}

TEST_F(InputPlanTest, PositiveAndNullLists) {
  flags_.positive = ">50K,>50K.";
  flags_.null_values = "?,";
  const auto plan = PlanInput(flags_, FileCheck::kHere);
  EXPECT_THAT(plan->positive_values, ElementsAre(">50K", ">50K."));
  EXPECT_THAT(plan->null_values, ElementsAre("?", ""));
  flags_.positive = "a,,b";
  EXPECT_THAT(Error(), HasSubstr("--positive: 'a,,b' has an empty value"));
}

}  // namespace
}  // namespace sda::cli
