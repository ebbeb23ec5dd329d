#include "services/optimizer/core/space.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/prior.h"

namespace sda::optimizer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Parameter Real(std::string name, double min, double max, Scale scale = Scale::kLinear) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.domain = DoubleRange{min, max};
  parameter.scale = scale;
  parameter.default_value = min;
  return parameter;
}

Parameter Choice(std::string name, std::vector<std::string> values) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.default_value = values.front();
  parameter.domain = Categories{std::move(values)};
  return parameter;
}

std::vector<std::string> Fields(const std::vector<FieldViolation>& violations) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : violations) fields.push_back(violation.field);
  return fields;
}

// Every kind of parameter, one of them conditional, and a constraint.
Space MixedSpace() {
  Space space;
  space.parameters = {Real("lr", 1e-4, 1e-1, Scale::kLog), Real("share", 0.1, 0.9, Scale::kLogit),
                      Choice("kind", {"a", "b", "c"})};
  Parameter layers;
  layers.name = "layers";
  layers.domain = IntRange{1, 4};
  layers.default_value = int64_t{2};
  layers.conditions = {{.parameter = "kind", .values = {std::string("a"), std::string("b")}}};
  Parameter batch;
  batch.name = "batch";
  batch.domain = Grid{{64, 128, 256}};
  batch.default_value = 128.0;
  space.parameters.push_back(layers);
  space.parameters.push_back(batch);
  space.constraints = {{.terms = {{"share", 100}, {"batch", 1}}, .bound = 300}};
  return space;
}

TEST(SpaceTest, AGoodSpaceKeepsEveryRule) {
  EXPECT_THAT(ValidateSpace(MixedSpace(), true), IsEmpty());
}

TEST(SpaceTest, BadDomainsAreNamedWithTheirPath) {
  Space space;
  space.parameters = {Real("a", 1, std::nan("")), Real("b", 2, 1), Real("c", 0, 1, Scale::kLog),
                      Real("a", 0, 1), Choice("d", {"x", "x"})};
  EXPECT_THAT(Fields(ValidateSpace(space, false)),
              ElementsAre("parameters[0].double_range.max", "parameters[1].double_range",
                          "parameters[2].scale", "parameters[3].name", "parameters[4].categories.values[1]"));
}

TEST(SpaceTest, NoParametersAreRefused) {
  EXPECT_THAT(Fields(ValidateSpace({}, false)), ElementsAre("parameters"));
}

TEST(SpaceTest, DefaultsMustLieInTheDomain) {
  Space space = MixedSpace();
  space.parameters[0].default_value = 1.0;
  space.parameters[2].default_value.reset();
  EXPECT_THAT(Fields(ValidateSpace(space, true)),
              ElementsAre("parameters[0].default_value", "parameters[2].default_value"));
  EXPECT_THAT(Fields(ValidateSpace(space, false)), ElementsAre("parameters[0].default_value"));
}

TEST(SpaceTest, ConditionsMustNotLeadInACircle) {
  Space space;
  space.parameters = {Choice("a", {"x", "y"}), Choice("b", {"x", "y"})};
  space.parameters[0].conditions = {{.parameter = "b", .values = {std::string("x")}}};
  space.parameters[1].conditions = {{.parameter = "a", .values = {std::string("x")}}};
  EXPECT_THAT(Fields(ValidateSpace(space, false)),
              ElementsAre("parameters[0].conditions", "parameters[1].conditions"));
}

TEST(SpaceTest, EveryPointOfTheCubeIsInsideTheSpace) {
  const Space space = MixedSpace();
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> unit(space.parameters.size());
    for (double& coordinate : unit)
      coordinate = i == 0 ? 0 : i == 1 ? std::nextafter(1.0, 0.0) : rng.Uniform();
    const Assignments assignments = FromUnit(space, unit);
    for (const auto& violation : CheckAssignments(space, assignments, "x")) {
      EXPECT_EQ(violation.description, "breaks a linear constraint of the experiment") << violation.field;
    }
    EXPECT_EQ(assignments.contains("layers"), assignments.at("kind") != Value(std::string("c")));
  }
}

TEST(SpaceTest, LogScaleIsEvenOnTheLogarithm) {
  Space space;
  space.parameters = {Real("lr", 1e-4, 1, Scale::kLog)};
  EXPECT_NEAR(std::get<double>(FromUnit(space, std::vector<double>{0.5}).at("lr")), 1e-2, 1e-12);
}

TEST(SpaceTest, AssignmentsAreCheckedByNameTypeAndRange) {
  const Space space = MixedSpace();
  Assignments assignments = Defaults(space);
  EXPECT_THAT(CheckAssignments(space, assignments, "trial.assignments"), IsEmpty());
  assignments["lr"] = 2.0;
  assignments["layers"] = 2.0;
  assignments["wat"] = 1.0;
  assignments.erase("batch");
  EXPECT_THAT(Fields(CheckAssignments(space, assignments, "trial.assignments")),
              ElementsAre("trial.assignments[layers]", "trial.assignments[lr]", "trial.assignments[wat]",
                          "trial.assignments[batch]"));
}

TEST(SpaceTest, ConstraintsAreJudgedWithinRounding) {
  Space space;
  space.parameters = {Real("a", 0, 1), Real("b", 0, 1)};
  space.constraints = {{.terms = {{"a", 1}, {"b", 1}}, .bound = 0.3}};
  EXPECT_TRUE(SatisfiesConstraints(space, {{"a", 0.1}, {"b", 0.2}}));
  EXPECT_FALSE(SatisfiesConstraints(space, {{"a", 0.1}, {"b", 0.2001}}));
}

// Values of the regularised incomplete beta function: I_x(2, 3) = 6x² − 8x³ + 3x⁴.
TEST(PriorTest, BetaDistributionIsThePolynomialItMustBe) {
  for (double x : {0.1, 0.3, 0.5, 0.9}) {
    EXPECT_NEAR(BetaCdf(2, 3, x), 6 * x * x - 8 * x * x * x + 3 * x * x * x * x, 1e-13);
  }
}

TEST(PriorTest, QuantilesFollowTheCutDistribution) {
  EXPECT_NEAR(PriorQuantile({Prior::Kind::kNormal, 0, 1}, -10, 10, 0.5), 0, 1e-9);
  EXPECT_NEAR(PriorQuantile({Prior::Kind::kNormal, 0, 1}, -10, 10, 0.8413447460685429), 1, 1e-9);
  EXPECT_NEAR(PriorQuantile({Prior::Kind::kNormal, 0, 1}, 0, 10, 0), 0, 1e-9);
  EXPECT_NEAR(PriorQuantile({Prior::Kind::kBeta, 1, 1}, 2, 4, 0.25), 2.5, 1e-9);
}

}  // namespace
}  // namespace sda::optimizer
