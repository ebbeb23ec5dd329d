#include "services/advisor/core/recipe_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/advisor/core/recipe_reader.h"
#include "services/advisor/core/testing.h"

namespace sda::advisor {
namespace {

// Uses every part of a recipe.
Recipe FullRecipe() {
  Recipe recipe;
  recipe.dataset = "datasets/clicks";
  recipe.observation_budget = 30;
  recipe.parallel_bandwidth = 4;
  recipe.seed = -3;
  recipe.metrics = {{"auc", Strategy::kOptimize, false, 0.8, 0.01},
                    {"train_seconds", Strategy::kConstraint, true, 120, std::nullopt},
                    {"logloss", Strategy::kStore, true, std::nullopt, std::nullopt}};
  recipe.spec = {{"model.embedding_dim", int64_t{16}},
                 {"model.top_layers", std::string("[128, 64]")},
                 {"model.bottom_layers", std::string("[]")},
                 {"training.epochs", 1.5},
                 {"training.shuffle", true},
                 {"optimizer.dense.learning_rate", 1e-7},
                 {"optimizer.sparse.algorithm", std::string("adagrad")},
                 {"optimizer.sparse.learning_rate", 0.1},
                 {"optimizer.schedule.decay", std::string("none")}};
  recipe.parameters = {
      {"optimizer.dense.learning_rate",
       RealRange{1e-8, 0.1},
       Scale::kLog,
       NormalPrior{-7.25, 2},
       {},
       "say \"why\": #1\n\ttab \\ ü"},
      {"model.dropout", RealRange{0, 0.5}, Scale::kLinear, BetaPrior{2, 3}, {}, ""},
      {"model.embedding_dim", Grid{{4, 16, 64}}, Scale::kLinear, std::nullopt, {}, "plain"},
      {"training.batch_size", IntegerRange{64, 4096}, Scale::kLog, std::nullopt, {}, "true"},
      {"model.top_layers", Categories{{"[]", "[64]", "[128, 64]"}}, Scale::kLinear, std::nullopt, {}, "1.5"},
      {"optimizer.sparse.algorithm",
       Categories{{"adagrad", "adam"}},
       Scale::kLinear,
       std::nullopt,
       {},
       "null"},
      {"optimizer.sparse.learning_rate",
       RealRange{0.01, 1},
       Scale::kLinear,
       std::nullopt,
       {{"optimizer.sparse.algorithm", {"adagrad"}}, {"model.top_layers", {"[]", "[128, 64]"}}},
       "- no list"},
  };
  recipe.linear_constraints = {{{{"training.batch_size", 0.5}, {"model.embedding_dim", -2}}, true, -1e9}};
  recipe.early_stopping = MedianRule{"auc", 7, 100};
  recipe.machine = Machine{"Example CPU @ 2.1GHz: #4", 8, int64_t{1} << 40, {"avx2", "avx512f"}, 81.25, 11.5};
  recipe.memory_required_bytes = 123456789;
  return recipe;
}

TEST(RecipeWriterTest, WhatIsWrittenReadsBackTheSame) {
  const SpecRules rules = TestRules();
  const std::string yaml = WriteRecipe(FullRecipe(), rules);
  const RecipeReading reading = ReadRecipe(yaml, rules);
  ASSERT_TRUE(reading.recipe) << reading.violations[0].line << " " << reading.violations[0].description
                              << "\n"
                              << yaml;
  EXPECT_EQ(*reading.recipe, FullRecipe());
  EXPECT_EQ(WriteRecipe(*reading.recipe, rules), yaml);
}

TEST(RecipeWriterTest, AlmostEmptyRecipeReadsBackTheSame) {
  const SpecRules rules = TestRules();
  Recipe recipe;
  recipe.dataset = "datasets/d";
  recipe.metrics = {{"auc", Strategy::kOptimize, false, std::nullopt, std::nullopt}};
  recipe.parameters = {{"model.embedding_dim", Grid{{16}}, Scale::kLinear, std::nullopt, {}, ""}};
  recipe.early_stopping = HalvingRule{"", 10, 2};
  const std::string yaml = WriteRecipe(recipe, rules);
  const RecipeReading reading = ReadRecipe(yaml, rules);
  ASSERT_TRUE(reading.recipe) << reading.violations[0].description << "\n" << yaml;
  EXPECT_EQ(*reading.recipe, recipe);
  EXPECT_EQ(WriteRecipe(*reading.recipe, rules), yaml);
}

TEST(RecipeWriterTest, AdvisedRecipesReadBackTheSame) {
  const SpecRules rules = TestRules();
  for (const int64_t rows : {1'000, 50'000, 1'500'000, 100'000'000}) {
    for (const int64_t budget : {1, 8, 100}) {
      AdviceRequest request;
      request.profile = TestProfile(rows, 13, 26);
      request.worker = TestWorker();
      request.observation_budget = budget;
      const auto recipe = Advise(request);
      ASSERT_TRUE(recipe.ok()) << recipe.status();
      const std::string yaml = WriteRecipe(*recipe, rules);
      const RecipeReading reading = ReadRecipe(yaml, rules);
      ASSERT_TRUE(reading.recipe) << reading.violations[0].line << " " << reading.violations[0].field
                                  << reading.violations[0].description << "\n"
                                  << yaml;
      EXPECT_EQ(*reading.recipe, *recipe);
      EXPECT_EQ(WriteRecipe(*reading.recipe, rules), yaml);
    }
  }
}

TEST(RecipeWriterTest, TextThatLooksLikeSomethingElseIsQuoted) {
  for (const char* plain : {"adam", "datasets/clicks-1", "optimizer.dense.learning_rate"})
    EXPECT_EQ(YamlText(plain), plain);
  for (const char* other :
       {"", "true", "null", "1", "1e5", ".nan", "-x", "a b", "[1]", "a: b", "#x", "~", "é"}) {
    EXPECT_EQ(YamlText(other).front(), '"') << other;
  }
  EXPECT_EQ(YamlText("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\x01\"");
}

TEST(NumberTextTest, IsShortAndReadsBackTheSame) {
  EXPECT_EQ(ToText(0.0003), "0.0003");
  EXPECT_EQ(ToText(2048.0), "2048");
  EXPECT_EQ(ToText(1e-8), "1e-08");
  EXPECT_EQ(ToText(-0.1), "-0.1");
  EXPECT_EQ(ToText(1e22), "1e+22");
  for (const double value : {0.1, 1.0 / 3, 123456.789, 5e-324, 1.7976931348623157e308, -0.0}) {
    double back = 1;
    ASSERT_TRUE(ParseReal(ToText(value), &back));
    EXPECT_EQ(back, value);
  }
}

TEST(NumberTextTest, OnlyNumbersAreNumbers) {
  double value = 0;
  for (const char* bad :
       {"", " ", "1 ", "0x10", "1_000", "infinity", "nan(1)", "+-1", "--1", "1e", ".", "abc"}) {
    EXPECT_FALSE(ParseReal(bad, &value)) << bad;
  }
  for (const char* good : {"1", "+1", "-1", "1.", ".5", "1e5", "1E-5", ".nan", "-.INF"})
    EXPECT_TRUE(ParseReal(good, &value)) << good;
  int64_t integer = 0;
  for (const char* bad : {"", "1.0", "1e3", "9223372036854775808", "+-1", "x"})
    EXPECT_FALSE(ParseInteger(bad, &integer)) << bad;
  std::vector<int64_t> items;
  EXPECT_TRUE(ParseList(" [ 512,256 ] ", &items));
  EXPECT_EQ(ListText(items), "[512, 256]");
  EXPECT_TRUE(ParseList("[]", &items));
  for (const char* bad : {"", "[", "[1,]", "[,1]", "[1 2]", "1, 2", "[1.5]"})
    EXPECT_FALSE(ParseList(bad, &items)) << bad;
}

}  // namespace
}  // namespace sda::advisor
