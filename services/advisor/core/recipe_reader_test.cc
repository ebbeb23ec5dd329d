#include "services/advisor/core/recipe_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/advisor/core/testing.h"

namespace sda::advisor {
namespace {

using ::testing::HasSubstr;

// Every section once; the cases below replace a piece of it.
constexpr char kGood[] = R"(recipe_version: 1
dataset: datasets/clicks
budget:
  trials: 8
  parallel: 2
seed: 7
metrics:
  - name: auc
    threshold: 0.8
  - {name: train_seconds, strategy: store}
model:
  embedding_dim: 16
  top_layers: [128, 64]
  dropout: 0.1
training: {epochs: 2, shuffle: false}
optimizer:
  dense:
    algorithm: adam
    learning_rate: 0.001
parameters:
  - name: optimizer.dense.learning_rate
    bounds: {min: 0.0001, max: 0.01}
    scale: log
    reason: why not
  - name: model.embedding_dim
    grid: [8, 16, 32]
  - name: model.top_layers
    categories: ["[64]", "[128,64]"]
  - name: training.batch_size
    bounds: {min: 64, max: 4096}
  - name: optimizer.sparse.algorithm
    categories: [adagrad, adam]
  - name: optimizer.sparse.learning_rate
    bounds: {min: 0.001, max: 0.1}
    prior: {normal: {mean: -4, stddev: 1}}
    conditions:
      - parameter: optimizer.sparse.algorithm
        values: [adagrad]
linear_constraints:
  - terms:
      - {parameter: training.batch_size, weight: 1}
      - {parameter: model.embedding_dim, weight: 10}
    comparison: at_most
    bound: 5000
early_stopping:
  halving: {metric: auc, min_steps: 100, factor: 3}
machine: {core_count: 2, memory_bytes: 8000000000, isa: [avx2]}
memory_required_bytes: 1000
)";

std::string Replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  if (at == std::string::npos) return "the test's text is not in the recipe: " + from;
  return text.replace(at, from.size(), to);
}

std::string Printed(const std::vector<RecipeViolation>& violations) {
  std::string out;
  for (const RecipeViolation& v : violations) {
    absl::StrAppend(&out, v.line, ":", v.column, " ", v.field, " ", v.description, "\n");
  }
  return out;
}

TEST(RecipeReaderTest, ReadsEverySection) {
  const RecipeReading reading = ReadRecipe(kGood, TestRules());
  ASSERT_TRUE(reading.recipe) << Printed(reading.violations);
  const Recipe& recipe = *reading.recipe;
  EXPECT_EQ(recipe.dataset, "datasets/clicks");
  EXPECT_EQ(recipe.observation_budget, 8);
  EXPECT_EQ(recipe.parallel_bandwidth, 2);
  EXPECT_EQ(recipe.seed, 7);
  ASSERT_EQ(recipe.metrics.size(), 2u);
  EXPECT_EQ(recipe.metrics[0].threshold, 0.8);
  EXPECT_EQ(recipe.metrics[1].strategy, Strategy::kStore);
  EXPECT_TRUE(recipe.metrics[1].minimize);  // the direction a known metric has
  EXPECT_EQ(recipe.spec.at("model.top_layers"), SpecValue(std::string("[128, 64]")));
  EXPECT_EQ(recipe.spec.at("training.epochs"), SpecValue(2.0));
  EXPECT_EQ(recipe.spec.at("training.shuffle"), SpecValue(false));
  ASSERT_EQ(recipe.parameters.size(), 6u);
  EXPECT_EQ(recipe.parameters[0].domain, Domain(RealRange{0.0001, 0.01}));
  EXPECT_EQ(recipe.parameters[0].scale, Scale::kLog);
  EXPECT_EQ(recipe.parameters[0].reason, "why not");
  EXPECT_EQ(recipe.parameters[1].domain, Domain(Grid{{8, 16, 32}}));
  EXPECT_EQ(recipe.parameters[2].domain, Domain(Categories{{"[64]", "[128, 64]"}}));
  EXPECT_EQ(recipe.parameters[3].domain, Domain(IntegerRange{64, 4096}));
  EXPECT_EQ(recipe.parameters[5].prior, Prior(NormalPrior{-4, 1}));
  EXPECT_EQ(recipe.parameters[5].conditions[0], (Condition{"optimizer.sparse.algorithm", {"adagrad"}}));
  EXPECT_EQ(recipe.linear_constraints[0].terms[1], (LinearConstraint::Term{"model.embedding_dim", 10}));
  EXPECT_EQ(recipe.early_stopping, EarlyStopping(HalvingRule{"auc", 100, 3}));
  EXPECT_EQ(recipe.machine->core_count, 2);
  EXPECT_EQ(recipe.memory_required_bytes, 1000);
}

struct BadCase {
  const char* name;
  const char* from;
  const char* to;
  int line, column;
  const char* field;
  const char* description;  // part of it
};

void PrintTo(const BadCase& bad, std::ostream* out) {
  *out << bad.name;
}

class BadRecipeTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadRecipeTest, IsNamedWithLineColumnPathAndRule) {
  const BadCase& bad = GetParam();
  const RecipeReading reading = ReadRecipe(Replaced(bad.from, bad.to), TestRules());
  EXPECT_FALSE(reading.recipe);
  ASSERT_EQ(reading.violations.size(), 1u) << Printed(reading.violations);
  const RecipeViolation& violation = reading.violations[0];
  EXPECT_EQ(violation.line, bad.line);
  EXPECT_EQ(violation.column, bad.column);
  EXPECT_EQ(violation.field, bad.field);
  EXPECT_THAT(violation.description, HasSubstr(bad.description));
}

const BadCase kBadCases[] = {
    // What stands in a section.
    {"UnknownKey", "seed: 7", "sead: 7", 6, 1, "sead", "is not a known key, did you mean \"seed\""},
    {"UnknownNestedKey", "  dropout: 0.1", "  drop_out: 0.1", 14, 3, "model.drop_out",
     "did you mean \"dropout\""},
    {"DuplicateKey", "seed: 7", "seed: 7\nseed: 8", 7, 1, "seed", "second time, first in line 6"},
    {"DuplicateNestedKey", "  dropout: 0.1", "  dropout: 0.1\n  embedding_dim: 8", 15, 3,
     "model.embedding_dim", "first in line 12"},
    {"EmptyValue", "seed: 7", "seed:", 6, 1, "seed", "is empty"},
    {"MissingSection", "model:\n  embedding_dim: 16\n  top_layers: [128, 64]\n  dropout: 0.1\n", "", 0, 0,
     "model", "is missing"},
    {"SectionOfWrongKind", "training: {epochs: 2, shuffle: false}", "training: [1]", 15, 11, "training",
     "is a list; must be a mapping"},
    {"FutureVersion", "recipe_version: 1", "recipe_version: 2", 1, 17, "recipe_version", "is 2"},
    {"BadDatasetName", "datasets/clicks", "clicks", 2, 10, "dataset", "must be datasets/{id}"},
    // Numbers.
    {"BudgetOfZero", "trials: 8", "trials: 0", 4, 11, "budget.trials", "is 0; must be in [1, 1000000]"},
    {"FractionForWholeNumber", "trials: 8", "trials: 8.5", 4, 11, "budget.trials",
     "is 8.5; must be a whole number"},
    {"TextForNumber", "embedding_dim: 16", "embedding_dim: wide", 12, 18, "model.embedding_dim",
     "is wide; must be a whole number"},
    {"QuotedNumber", "epochs: 2", "epochs: \"2\"", 15, 20, "training.epochs",
     "is the text \"2\"; must be a number"},
    {"NumberOutOfRange", "epochs: 2", "epochs: 200", 15, 20, "training.epochs", "must be in [0, 100]"},
    {"HexNumber", "seed: 7", "seed: 0x7", 6, 7, "seed", "must be a whole number"},
    {"NoFlag", "shuffle: false", "shuffle: maybe", 15, 32, "training.shuffle", "must be one of true, false"},
    {"ListOfText", "top_layers: [128, 64]", "top_layers: [128, x]", 13, 21, "model.top_layers[1]",
     "is x; must be a whole number"},
    {"UnknownName", "algorithm: adam\n    learning", "algorithm: adamw\n    learning", 18, 16,
     "optimizer.dense.algorithm", "is \"adamw\""},
    {"RuleBetweenFields", "algorithm: adam\n    learning", "algorithm: rowwise_adagrad\n    learning", 18, 16,
     "optimizer.dense.algorithm", "rows only for embeddings"},
    // Parameters.
    {"InvertedRange", "{min: 0.0001, max: 0.01}", "{min: 0.01, max: 0.0001}", 22, 13, "parameters[0].bounds",
     "inverted"},
    {"EmptyRange", "{min: 64, max: 4096}", "{min: 2048, max: 2048}", 30, 13, "parameters[3].bounds",
     "min must be below max"},
    {"NanBound", "{min: 0.0001, max: 0.01}", "{min: .nan, max: 0.01}", 22, 19, "parameters[0].bounds.min",
     "is .nan; must be a finite number"},
    {"PlainNanBound", "{min: 0.0001, max: 0.01}", "{min: 0.0001, max: NaN}", 22, 32,
     "parameters[0].bounds.max", "is NaN; must be a finite number"},
    {"InfiniteBound", "{min: 0.0001, max: 0.01}", "{min: 0.0001, max: .inf}", 22, 32,
     "parameters[0].bounds.max", "must be a finite number"},
    {"HugeBound", "{min: 0.0001, max: 0.01}", "{min: 0.0001, max: 1e999}", 22, 32, "parameters[0].bounds.max",
     "must be a finite number"},
    {"MissingBound", "{min: 0.0001, max: 0.01}", "{min: 0.0001}", 22, 13, "parameters[0].bounds.max",
     "is missing"},
    {"BoundOutsideTheFieldsRange", "{min: 0.0001, max: 0.01}", "{min: 0.0001, max: 1000}", 22, 32,
     "parameters[0].bounds.max", "must be in [0, 100]"},
    {"UnknownParameterPath", "name: optimizer.dense.learning_rate", "name: optimizer.dense.learning_rat", 21,
     11, "parameters[0].name", "did you mean \"optimizer.dense.learning_rate\""},
    {"SectionAsParameter", "name: optimizer.dense.learning_rate", "name: optimizer.dense", 21, 11,
     "parameters[0].name", "must be the path of a field"},
    {"MissingName", "  - name: optimizer.dense.learning_rate\n    bounds", "  - bounds", 21, 5,
     "parameters[0].name", "is missing"},
    {"TwoDomains", "    scale: log\n", "    grid: [0.001]\n", 21, 5, "parameters[0]",
     "has 2 of bounds, grid and categories"},
    {"NoDomain", "    grid: [8, 16, 32]\n", "", 25, 5, "parameters[1]",
     "has 0 of bounds, grid and categories"},
    {"EmptyGrid", "grid: [8, 16, 32]", "grid: []", 26, 11, "parameters[1].grid", "is empty"},
    {"FallingGrid", "grid: [8, 16, 32]", "grid: [8, 32, 16]", 26, 19, "parameters[1].grid[2]", "must rise"},
    {"EmptyCategories", "categories: [adagrad, adam]", "categories: []", 32, 17, "parameters[4].categories",
     "is empty"},
    {"RepeatedCategory", "\"[64]\", \"[128,64]\"", "\"[64]\", \"[128, 64]\", \"[128,64]\"", 28, 39,
     "parameters[2].categories[2]", "second time"},
    {"BadCategory", "categories: [adagrad, adam]", "categories: [adagrad, lamb]", 32, 27,
     "parameters[4].categories[1]", "is \"lamb\""},
    {"CategoriesOfNumbers", "grid: [8, 16, 32]", "categories: [8, 16]", 26, 17, "parameters[1].categories",
     "use bounds or grid"},
    {"GridOfLists", "categories: [\"[64]\", \"[128,64]\"]", "grid: [1, 2]", 28, 11, "parameters[2].grid",
     "use categories"},
    {"DefaultOutsideTheDomain", "embedding_dim: 16", "embedding_dim: 12", 12, 18, "model.embedding_dim",
     "outside the domain one of 8, 16, 32 of parameters[1].name"},
    {"DocumentedDefaultOutsideTheDomain", "{min: 64, max: 4096}", "{min: 64, max: 1024}", 30, 13,
     "parameters[3].bounds", "leaves out the default 2048 of training.batch_size"},
    {"ParameterTwice", "  - name: training.batch_size\n    bounds: {min: 64, max: 4096}",
     "  - name: training.batch_size\n    bounds: {min: 64, max: 4096}\n  - name: model.embedding_dim\n    "
     "grid: [16]",
     31, 11, "parameters[4].name", "second time"},
    {"LogScaleOfZero", "{min: 0.0001, max: 0.01}", "{min: 0, max: 0.01}", 23, 12, "parameters[0].scale",
     "min is not above 0"},
    {"UnknownScale", "scale: log", "scale: cubic", 23, 12, "parameters[0].scale",
     "must be one of linear, log, logit"},
    {"ScaleOfGrid", "grid: [8, 16, 32]", "grid: [8, 16, 32]\n    scale: log", 27, 12, "parameters[1].scale",
     "only bounds have a scale"},
    {"BadPrior", "stddev: 1", "stddev: 0", 35, 40, "parameters[5].prior.normal.stddev", "must be above 0"},
    {"ConditionOnNothing", "parameter: optimizer.sparse.algorithm\n", "parameter: optimizer.schedule.decay\n",
     37, 9, "parameters[5].conditions[0]", "none of the parameters"},
    {"ConditionOnReal", "parameter: optimizer.sparse.algorithm\n        values: [adagrad]",
     "parameter: optimizer.dense.learning_rate\n        values: [0.001]", 37, 9,
     "parameters[5].conditions[0]", "a range of real numbers"},
    {"ConditionValueOutside", "values: [adagrad]", "values: [sgd]", 37, 9, "parameters[5].conditions[0]",
     "outside one of adagrad, adam"},
    // Metrics, constraints, stopping.
    {"UnknownMetric", "- name: auc", "- name: acu", 8, 11, "metrics[0].name", "must be one of auc, logloss"},
    {"MetricOfGroupsWithoutGroups", "name: train_seconds", "name: ndcg", 8, 3, "metrics",
     "name their column as training.group_by"},
    {"UnknownStrategy", "strategy: store", "strategy: keep", 10, 37, "metrics[1].strategy",
     "must be one of optimize, constraint, store"},
    {"ConstraintWithoutThreshold", "strategy: store", "strategy: constraint", 10, 5, "metrics[1].threshold",
     "is missing"},
    {"MetricTwice", "name: train_seconds", "name: auc", 10, 5, "metrics[1].name", "second time"},
    {"NanThreshold", "threshold: 0.8", "threshold: .NaN", 9, 16, "metrics[0].threshold",
     "must be a finite number"},
    {"ConstraintOnUnknownParameter", "{parameter: model.embedding_dim, weight: 10}",
     "{parameter: model.dropout, weight: 10}", 42, 21, "linear_constraints[0].terms[1].parameter",
     "none of the parameters"},
    {"ConstraintOnCategories", "{parameter: model.embedding_dim, weight: 10}",
     "{parameter: model.top_layers, weight: 10}", 42, 21, "linear_constraints[0].terms[1].parameter",
     "only numbers can be summed"},
    {"ConstraintTheDefaultBreaks", "bound: 5000", "bound: 2000", 40, 5, "linear_constraints[0]",
     "is not met by the default trial, whose sum is 2208"},
    {"BadComparison", "at_most", "less", 43, 17, "linear_constraints[0].comparison",
     "must be one of at_most, at_least"},
    {"StoppingByUnknownMetric", "metric: auc", "metric: logloss", 46, 21, "early_stopping.halving.metric",
     "must be one of auc"},
    // The text itself.
    {"Alias", "seed: 7", "seed: *x", 6, 7, "", "anchor"},
    {"Anchor", "seed: 7", "seed: &x 7", 6, 7, "", "anchors"},
    {"Tag", "seed: 7", "seed: !!int 7", 6, 7, "", "tags"},
};

INSTANTIATE_TEST_SUITE_P(Cases, BadRecipeTest, ::testing::ValuesIn(kBadCases),
                         [](const auto& info) { return std::string(info.param.name); });

std::vector<RecipeViolation> Violations(const std::string& yaml) {
  return ReadRecipe(yaml, TestRules()).violations;
}

TEST(RecipeReaderTest, ListsEveryViolationByItsPlace) {
  std::string text = Replaced("trials: 8", "trials: 0");
  text.replace(text.find("name: model.embedding_dim"), 25, "name: model.embeding_dim ");
  text.replace(text.find("seed: 7"), 7, "sead: 7");
  const std::vector<RecipeViolation> violations = Violations(text);
  ASSERT_GE(violations.size(), 3u) << Printed(violations);
  EXPECT_EQ(violations[0].field, "budget.trials");
  EXPECT_EQ(violations[1].field, "sead");  // and nothing about what refers to it
  EXPECT_EQ(violations[2].field, "parameters[1].name");
  for (size_t i = 1; i < violations.size(); ++i) EXPECT_LE(violations[i - 1].line, violations[i].line);
}

TEST(RecipeReaderTest, NamesEverySectionThatIsMissing) {
  std::vector<std::string> missing;
  for (const RecipeViolation& violation : Violations("seed: 1\n")) {
    EXPECT_EQ(violation.line, 0);
    EXPECT_EQ(violation.column, 0);
    missing.push_back(violation.field);
  }
  EXPECT_THAT(missing, ::testing::UnorderedElementsAre("dataset", "budget", "metrics", "model", "training",
                                                       "optimizer", "parameters"));
}

TEST(RecipeReaderTest, AParameterNeedsADefault) {
  const auto violations = Violations(Replaced(
      "  - name: model.embedding_dim\n",
      "  - {name: training.target_auc, bounds: {min: 0.6, max: 0.9}}\n  - name: model.embedding_dim\n"));
  ASSERT_EQ(violations.size(), 1u) << Printed(violations);
  EXPECT_EQ(violations[0].line, 25);
  EXPECT_THAT(violations[0].description, HasSubstr("has no default; write a value for training.target_auc"));
}

TEST(RecipeReaderTest, ConditionsMustNotLeadBack) {
  const auto violations = Violations(Replaced("    categories: [adagrad, adam]\n",
                                              "    categories: [adagrad, adam]\n    conditions: [{parameter: "
                                              "optimizer.sparse.algorithm, values: [adam]}]\n"));
  ASSERT_EQ(violations.size(), 1u) << Printed(violations);
  EXPECT_EQ(violations[0].field, "parameters[4].conditions");
  EXPECT_THAT(violations[0].description, HasSubstr("back to itself"));
}

TEST(RecipeReaderTest, TextThatIsNoYamlIsNamedWithItsPlace) {
  for (const char* bad : {"seed: [1", "a: b: c", "seed: 1\n  x: 2\n", "\t- 1", "\"open", "{seed: 1",
                          "? [a]\n: 1\n", "- 1\n--- \n- 2\n"}) {
    const auto violations = Violations(bad);
    ASSERT_EQ(violations.size(), 1u) << bad;
    EXPECT_GE(violations[0].line, 1) << bad;
    EXPECT_GE(violations[0].column, 1) << bad;
  }
  for (const char* empty : {"", "# nothing\n", "\n\n"}) {
    ASSERT_EQ(Violations(empty).size(), 1u);
    EXPECT_EQ(Violations(empty)[0].line, 0);
  }
}

TEST(RecipeReaderTest, RefusesDeepNesting) {
  EXPECT_THAT(Violations("seed: " + std::string(30, '[') + std::string(30, ']'))[0].description,
              HasSubstr("nested more than"));
  for (const char open : {'[', '{'}) EXPECT_EQ(Violations("seed: " + std::string(100000, open)).size(), 1u);
}

TEST(RecipeReaderTest, ColumnsCountCharacters) {
  const auto violations = Violations(Replaced("    reason: why not\n", "    reason: \"größe\", sead: 1\n"));
  ASSERT_FALSE(violations.empty());
  const auto flow = Violations(
      Replaced("  - {name: train_seconds, strategy: store}", "  - {name: \"é\", strategy: store}"));
  ASSERT_EQ(flow.size(), 1u) << Printed(flow);
  const auto after =
      Violations(Replaced("{name: train_seconds, strategy: store}", "{name: \"é\", strategy: x}"));
  ASSERT_EQ(after.size(), 1u) << Printed(after);
  EXPECT_EQ(after[0].column, 27);
}

// No text may crash the reader: every prefix, and every byte replaced, of a good recipe.
TEST(RecipeReaderTest, SurvivesDamage) {
  const std::string good = kGood;
  const SpecRules rules = TestRules();
  for (size_t i = 0; i < good.size(); i += 3) {
    ReadRecipe(good.substr(0, i), rules);
    for (const char c : {'\0', ':', '[', '"', '\xff', '-'}) {
      std::string damaged = good;
      damaged[i] = c;
      const RecipeReading reading = ReadRecipe(damaged, rules);
      EXPECT_NE(reading.recipe.has_value(), !reading.violations.empty());
    }
  }
}

}  // namespace
}  // namespace sda::advisor
