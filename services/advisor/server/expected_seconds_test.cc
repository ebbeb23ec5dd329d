#include "services/advisor/server/expected_seconds.h"

#include <map>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/advisor/core/cost_model.h"

namespace sda::advisor {
namespace {

using preprocessing::v1::ColumnSpec;
using ::testing::HasSubstr;

preprocessing::v1::Dataset SomeDataset() {
  preprocessing::v1::Dataset dataset;
  (*dataset.mutable_profile()->mutable_splits())["train"].set_rows_count(1'000'000);
  for (int i = 0; i < 4; ++i) {
    auto* column = dataset.mutable_profile()->add_columns();
    column->set_role(i == 0 ? ColumnSpec::ROLE_DENSE : ColumnSpec::ROLE_CATEGORICAL);
    column->set_table_rows_count(100);
  }
  return dataset;
}

v1::Recipe SomeRecipe() {
  v1::Recipe recipe;
  auto* model = recipe.mutable_spec()->mutable_model();
  model->set_architecture(trainer::v1::ModelConfig::ARCHITECTURE_DLRM);
  model->set_embedding_dim(8);
  model->add_bottom_layers(32);
  model->add_top_layers(64);
  recipe.mutable_spec()->mutable_training()->set_epochs(3);
  return recipe;
}

void AddGrid(v1::Recipe& recipe, const std::string& name) {
  auto* parameter = recipe.add_parameters();
  parameter->set_name(name);
  for (const double value : {4, 8, 16}) parameter->mutable_grid()->add_values(value);
}

void AddCategories(v1::Recipe& recipe, const std::string& name, const std::vector<std::string>& values) {
  auto* parameter = recipe.add_parameters();
  parameter->set_name(name);
  for (const std::string& value : values) parameter->mutable_categories()->add_values(value);
}

double Seconds(int64_t dim, std::vector<int64_t> bottom, std::vector<int64_t> top, bool dot, double rows) {
  ModelShape shape;
  shape.dense_columns = 1;
  shape.table_rows = {100, 100, 100};
  shape.embedding_dim = dim;
  shape.bottom_layers = std::move(bottom);
  shape.top_layers = std::move(top);
  shape.dot = dot;
  return TrainingSeconds(shape, rows, {});
}

// The sum of the terms "is(…) * … * (a + b * `model.embedding_dim`)" whose conditions hold.
double Evaluate(const std::string& formula, const std::map<std::string, std::string>& chosen, double dim) {
  static const std::regex term(
      R"re(((?:is\(`[^`]*`, "[^"]*"\) \* )*)\(([-0-9.e+]+)(?: \+ ([-0-9.e+]+) \* `model\.embedding_dim`)?\))re");
  static const std::regex condition(R"re(is\(`([^`]*)`, "([^"]*)"\))re");
  double sum = 0;
  for (std::sregex_iterator at(formula.begin(), formula.end(), term), end; at != end; ++at) {
    const std::string conditions = (*at)[1];
    bool holds = true;
    for (std::sregex_iterator c(conditions.begin(), conditions.end(), condition), none; c != none; ++c)
      holds = holds && chosen.at((*c)[1]) == (*c)[2];
    if (holds) sum += std::stod((*at)[2]) + ((*at)[3].matched ? dim * std::stod((*at)[3]) : 0);
  }
  return sum;
}

TEST(ExpectedSecondsTest, FollowsTheCostModelOverEveryChoice) {
  v1::Recipe recipe = SomeRecipe();
  AddGrid(recipe, "model.embedding_dim");
  AddCategories(recipe, "model.top_layers", {"[64]", "[256, 128]"});
  AddCategories(recipe, "model.interaction", {"dot", "cat"});
  AddCategories(recipe, "model.bottom_layers", {"[32]", "[16]"});
  const std::string formula = ExpectedSeconds(recipe, SomeDataset());
  const std::map<std::string, std::vector<int64_t>> layers = {
      {"[64]", {64}}, {"[256, 128]", {256, 128}}, {"[32]", {32}}, {"[16]", {16}}};
  for (const int64_t dim : {4, 16}) {
    for (const std::string top : {"[64]", "[256, 128]"}) {
      for (const std::string interaction : {"dot", "cat"}) {
        for (const std::string bottom : {"[32]", "[16]"}) {
          const double expected = Seconds(dim, layers.at(bottom), layers.at(top), interaction == "dot", 3e6);
          // Numbers have four digits.
          EXPECT_NEAR(Evaluate(formula,
                               {{"model.top_layers", top},
                                {"model.interaction", interaction},
                                {"model.bottom_layers", bottom}},
                               static_cast<double>(dim)),
                      expected, 2e-3 * expected)
              << formula;
        }
      }
    }
  }
}

TEST(ExpectedSecondsTest, SearchedEpochsMultiplyOnePass) {
  v1::Recipe recipe = SomeRecipe();
  auto* epochs = recipe.add_parameters();
  epochs->set_name("training.epochs");
  const std::string formula = ExpectedSeconds(recipe, SomeDataset());
  EXPECT_THAT(formula, HasSubstr("`training.epochs` * ("));
  const double expected = Seconds(8, {32}, {64}, true, 1e6);
  EXPECT_NEAR(Evaluate(formula, {}, 0), expected, 1e-3 * expected) << formula;
}

TEST(ExpectedSecondsTest, IsEmptyWhereNothingSearchedCostsTime) {
  v1::Recipe recipe = SomeRecipe();
  recipe.add_parameters()->set_name("optimizer.dense.learning_rate");
  EXPECT_EQ(ExpectedSeconds(recipe, SomeDataset()), "");
  // Nor where a choice exists only sometimes.
  AddCategories(recipe, "model.top_layers", {"[64]", "[256]"});
  recipe.mutable_parameters(1)->add_conditions()->set_parameter("optimizer.dense.learning_rate");
  EXPECT_EQ(ExpectedSeconds(recipe, SomeDataset()), "");
}

}  // namespace
}  // namespace sda::advisor
