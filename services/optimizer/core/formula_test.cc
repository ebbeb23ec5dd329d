#include "services/optimizer/core/formula.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::optimizer {
namespace {

using ::testing::HasSubstr;

double Value(std::string_view text, const Assignments& assignments = {}) {
  const auto formula = Formula::Parse(text);
  EXPECT_TRUE(formula.ok()) << text << ": " << formula.status();
  return formula.ok() ? formula->Evaluate(assignments) : 0;
}

std::string Complaint(std::string_view text) {
  const auto formula = Formula::Parse(text);
  EXPECT_FALSE(formula.ok()) << text;
  return std::string(formula.status().message());
}

Space TestSpace() {
  return {.parameters = {{.name = "width", .domain = IntRange{1, 512}},
                         {.name = "learning-rate", .domain = DoubleRange{1e-4, 1}},
                         {.name = "optimizer", .domain = Categories{{"sgd", "adam"}}}},
          .constraints = {}};
}

TEST(FormulaTest, Precedence) {
  EXPECT_EQ(Value("1 + 2 * 3"), 7);
  EXPECT_EQ(Value("(1 + 2) * 3"), 9);
  EXPECT_EQ(Value("2 - 3 - 4"), -5);
  EXPECT_EQ(Value("16 / 4 / 2"), 2);
  EXPECT_EQ(Value("2 ^ 3 ^ 2"), 512);
  EXPECT_EQ(Value("-2 ^ 2"), -4);
  EXPECT_EQ(Value("2 ^ -1"), 0.5);
  EXPECT_EQ(Value("2 * -3"), -6);
  EXPECT_EQ(Value("1.5e-3*2E+3"), 3);
}

TEST(FormulaTest, Functions) {
  EXPECT_DOUBLE_EQ(Value("log(exp(2)) + sqrt(9)"), 5);
  EXPECT_EQ(Value("min(3, 1, 2) + max(4, 5)"), 6);
}

TEST(FormulaTest, Parameters) {
  const Assignments point = {
      {"width", int64_t{64}}, {"learning-rate", 0.5}, {"optimizer", std::string("adam")}};
  EXPECT_EQ(Value("width ^ 2 + `learning-rate`", point), 4096.5);
  EXPECT_EQ(Value("10 * (1 + is(optimizer, \"adam\") - is(optimizer, \"sgd\"))", point), 20);
  // As the advisor writes them.
  const Assignments model = {{"model.top_layers", std::string("[64, 32]")}, {"model.embedding_dim", 8.0}};
  EXPECT_DOUBLE_EQ(Value("is(`model.top_layers`, \"[64, 32]\") * (1.5 + -2.5e-01 * `model.embedding_dim`) + "
                         "is(`model.top_layers`, \"[8]\") * (7)",
                         model),
                   -0.5);
  EXPECT_TRUE(std::isnan(Value("width + depth", point))) << "has no value";
  EXPECT_TRUE(std::isnan(Value("optimizer", point)));
}

TEST(FormulaTest, WhatIsNotFiniteIsUnknown) {
  EXPECT_TRUE(std::isnan(Value("1 / 0")));
  EXPECT_TRUE(std::isnan(Value("log(-1)")));
  EXPECT_TRUE(std::isnan(Value("max(log(-1), 1)")));
  EXPECT_TRUE(std::isnan(Value("10 ^ 400")));
}

TEST(FormulaTest, MistakesAreNamed) {
  EXPECT_EQ(Complaint(""), "wants a value at character 1");
  EXPECT_EQ(Complaint("1 + "), "wants a value at character 5");
  EXPECT_EQ(Complaint("1 2"), "wants an operator or the end at character 3");
  EXPECT_EQ(Complaint("(1"), "wants a closing bracket at character 3");
  EXPECT_EQ(Complaint("1e999"), "wants a number at character 1");
  EXPECT_EQ(Complaint("1.2.3"), "wants a number at character 1");
  EXPECT_EQ(Complaint("min(1)"), "wants a comma at character 6");
  EXPECT_EQ(Complaint("`a"), "wants a closing backtick at character 3");
  EXPECT_EQ(Complaint("is(a, b)"), "wants a category in quotes at character 7");
  EXPECT_THAT(Complaint("sin(1)"), HasSubstr("there are log, exp"));
  EXPECT_THAT(Complaint(std::string(10'000, '(')), HasSubstr("nested deeper"));
  EXPECT_THAT(Complaint(std::string(10'000, '-')), HasSubstr("nested deeper"));
  EXPECT_THAT(Complaint("2" + std::string(5'000, '^')), HasSubstr("wants a value"));
}

TEST(FormulaTest, WhatTheSpaceLacksIsNamed) {
  const auto check = [](std::string_view text) {
    const auto formula = Formula::Parse(text);
    EXPECT_TRUE(formula.ok()) << formula.status();
    return formula->Check(TestSpace()).value_or("");
  };
  EXPECT_EQ(check("width * `learning-rate` * is(optimizer, \"sgd\")"), "");
  EXPECT_EQ(check("depth"), "names depth, which is no parameter");
  EXPECT_THAT(check("optimizer + 1"), HasSubstr("ask is(optimizer"));
  EXPECT_THAT(check("is(width, \"8\")"), HasSubstr("has none"));
  EXPECT_THAT(check("is(optimizer, \"lamb\")"), HasSubstr("none of its categories"));
}

}  // namespace
}  // namespace sda::optimizer
