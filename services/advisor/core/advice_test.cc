#include "services/advisor/core/advice.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "services/advisor/core/testing.h"

namespace sda::advisor {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

AdviceRequest Request(DatasetProfile profile, int64_t budget = 8) {
  AdviceRequest request;
  request.profile = std::move(profile);
  request.worker = TestWorker();
  request.observation_budget = budget;
  request.parallel_bandwidth = 2;
  return request;
}

Recipe MustAdvise(const AdviceRequest& request) {
  const auto recipe = Advise(request);
  EXPECT_TRUE(recipe.ok()) << recipe.status();
  return recipe.ok() ? *recipe : Recipe();
}

std::vector<std::string> Names(const Recipe& recipe) {
  std::vector<std::string> names;
  for (const Parameter& parameter : recipe.parameters) names.push_back(parameter.name);
  return names;
}

const Parameter* Find(const Recipe& recipe, const std::string& name) {
  for (const Parameter& parameter : recipe.parameters) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

Metric Goal(const std::string& name, bool minimize, std::optional<double> threshold = std::nullopt) {
  return {name, Strategy::kOptimize, minimize, threshold, std::nullopt};
}

// Profiles across the sizes and shapes that logs come in.
std::vector<DatasetProfile> Profiles() {
  return {TestProfile(100, 1, 0),          TestProfile(10'000, 13, 26),
          TestProfile(30'000, 3, 8),       TestProfile(30'000, 0, 8),
          TestProfile(30'000, 6, 0),       TestProfile(200'000, 13, 26, 20'000),
          TestProfile(5'000'000, 0, 1),    TestProfile(40'000'000, 13, 26, 100'000),
          TestProfile(1'000'000, 300, 200)};
}

TEST(AdviceTest, EveryDefaultLiesInItsDomainAndEveryParameterHasAReason) {
  for (const DatasetProfile& profile : Profiles()) {
    for (const int64_t budget : {1, 2, 8, 20, 1000}) {
      const Recipe recipe = MustAdvise(Request(profile, budget));
      ASSERT_FALSE(recipe.parameters.empty());
      for (const Parameter& parameter : recipe.parameters) {
        const auto value = ValueOrDefault(TestRules(), recipe.spec, parameter.name);
        ASSERT_TRUE(value) << parameter.name;
        EXPECT_TRUE(sda::advisor::Contains(parameter.domain, *value))
            << parameter.name << " " << ToText(*value);
        EXPECT_GT(parameter.reason.size(), 30u) << parameter.name;
        EXPECT_LE(parameter.reason.size(), kMaxReasonBytes);
        EXPECT_EQ(parameter.reason.back(), '.');
      }
    }
  }
}

TEST(AdviceTest, SmallBudgetsSearchFewParameters) {
  const DatasetProfile profile = TestProfile(200'000, 13, 26);
  EXPECT_THAT(Names(MustAdvise(Request(profile, 1))),
              ElementsAre("optimizer.dense.learning_rate", "optimizer.sparse.learning_rate"));
  EXPECT_EQ(MustAdvise(Request(profile, 8)).parameters.size(), 4u);
  EXPECT_GE(MustAdvise(Request(profile, 100)).parameters.size(), 10u);
}

TEST(AdviceTest, WithoutCategoriesNothingAboutEmbeddingsIsSearched) {
  const std::vector<std::string> names = Names(MustAdvise(Request(TestProfile(30'000, 6, 0), 100)));
  EXPECT_THAT(names, Not(Contains(HasSubstr("sparse"))));
  EXPECT_THAT(names, Not(Contains("model.embedding_dim")));
  EXPECT_THAT(names, Not(Contains("model.interaction")));
  EXPECT_THAT(names, Contains("model.bottom_layers"));
}

TEST(AdviceTest, WithoutDenseColumnsTheBottomIsNotSearched) {
  const std::vector<std::string> names = Names(MustAdvise(Request(TestProfile(30'000, 0, 8), 100)));
  EXPECT_THAT(names, Not(Contains("model.bottom_layers")));
  EXPECT_THAT(names, Contains("optimizer.sparse.learning_rate"));
}

TEST(AdviceTest, FewRowsForManyPairsBeginWithConcatenation) {
  EXPECT_EQ(MustAdvise(Request(TestProfile(10'000, 13, 26))).spec.at("model.interaction"),
            SpecValue(std::string("cat")));
  EXPECT_EQ(MustAdvise(Request(TestProfile(30'000, 3, 8))).spec.at("model.interaction"),
            SpecValue(std::string("dot")));
  EXPECT_THAT(Names(MustAdvise(Request(TestProfile(10'000, 13, 26)))), Contains("model.interaction"));
  for (const std::string& model : KnownModels()) {
    if (model == "dlrm") continue;
    AdviceRequest request = Request(TestProfile(10'000, 13, 26));
    request.model = model;
    const Recipe recipe = MustAdvise(request);
    EXPECT_EQ(recipe.spec.at("model.architecture"), SpecValue(model));
    EXPECT_EQ(recipe.spec.count("model.interaction"), 0u);
    EXPECT_THAT(Names(recipe), Not(Contains("model.interaction")));
  }
}

TEST(AdviceTest, LargerDataTakesLargerBatchesAndFewerEpochs) {
  int64_t batch = 0;
  double epochs = 100;
  for (const int64_t rows : {10'000, 50'000, 200'000, 1'000'000, 10'000'000, 100'000'000}) {
    const Recipe recipe = MustAdvise(Request(TestProfile(rows, 13, 26)));
    EXPECT_GT(std::get<int64_t>(recipe.spec.at("training.batch_size")), batch) << rows;
    EXPECT_LE(std::get<double>(recipe.spec.at("training.epochs")), epochs) << rows;
    batch = std::get<int64_t>(recipe.spec.at("training.batch_size"));
    epochs = std::get<double>(recipe.spec.at("training.epochs"));
  }
  EXPECT_EQ(epochs, 1);
}

// 26 tables of 4 million rows: 104 million in all.
TEST(AdviceTest, TablesThatDoNotFitAreNarrowed) {
  AdviceRequest request = Request(TestProfile(40'000'000, 13, 26, 4'000'000), 100);
  int64_t last_dim = 1024;
  for (const int64_t gib : {256, 64, 32, 16, 8}) {
    request.worker = TestWorker(gib << 30);
    const Recipe recipe = MustAdvise(request);
    const int64_t dim = std::get<int64_t>(recipe.spec.at("model.embedding_dim"));
    EXPECT_LE(dim, last_dim) << gib;
    last_dim = dim;
    const int64_t available = (gib << 30) / 10 * 8 / 2;  // two trials side by side
    EXPECT_GT(recipe.memory_required_bytes, 0);
    EXPECT_LE(recipe.memory_required_bytes, available) << gib;
    if (const Parameter* parameter = Find(recipe, "model.embedding_dim"); parameter != nullptr && gib < 64) {
      EXPECT_THAT(parameter->reason, HasSubstr("would not fit"));
    }
  }
  EXPECT_LE(last_dim, 4);
}

TEST(AdviceTest, MemoryTakesTheOptimizersStateFirst) {
  // 6 million rows at width 16: 384 MB a copy. Adagrad holds a fourth.
  AdviceRequest request = Request(TestProfile(300'000, 13, 3, 2'000'000));
  request.parallel_bandwidth = 1;
  request.worker = TestWorker(int64_t{64} << 30);
  EXPECT_EQ(MustAdvise(request).spec.at("optimizer.sparse.algorithm"), SpecValue(std::string("adagrad")));
  request.worker = TestWorker(int64_t{2} << 30);
  const Recipe recipe = MustAdvise(request);
  EXPECT_EQ(recipe.spec.at("optimizer.sparse.algorithm"), SpecValue(std::string("rowwise_adagrad")));
  EXPECT_EQ(recipe.spec.at("model.embedding_dim"), SpecValue(int64_t{16}));
  EXPECT_THAT(Find(recipe, "optimizer.sparse.learning_rate")->reason, HasSubstr("would not fit"));
}

TEST(AdviceTest, RefusesTablesThatFitAtNoWidth) {
  AdviceRequest request = Request(TestProfile(40'000'000, 13, 26, 100'000'000));
  request.worker = TestWorker(int64_t{8} << 30);
  const auto recipe = Advise(request);
  EXPECT_EQ(recipe.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorReason(recipe.status()), "DOES_NOT_FIT");
  EXPECT_THAT(std::string(recipe.status().message()), HasSubstr("2,600,000,000 rows"));
  request.worker.machine.memory_bytes = 0;  // unknown: nothing is pruned
  EXPECT_TRUE(Advise(request).ok());
}

TEST(AdviceTest, RefusesWhatCannotBeLearned) {
  EXPECT_EQ(GetErrorReason(Advise(Request(TestProfile(1000, 0, 0))).status()), "NO_FEATURES");
  EXPECT_EQ(GetErrorReason(Advise(Request(TestProfile(10, 1, 1))).status()), "TOO_FEW_ROWS");
  DatasetProfile profile = TestProfile(1000, 1, 1);
  profile.validation_rows = 0;
  EXPECT_EQ(GetErrorReason(Advise(Request(profile)).status()), "TOO_FEW_ROWS");
  for (const int64_t positives : {0, 1000}) {
    profile = TestProfile(1000, 1, 1);
    profile.train_positives = positives;
    EXPECT_EQ(GetErrorReason(Advise(Request(profile)).status()), "ONE_CLASS");
  }
  AdviceRequest request = Request(TestProfile(1000, 1, 1));
  request.model = "wide";
  EXPECT_EQ(Advise(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(AdviceTest, GoalsBecomeMetricsAndTheRestIsStored) {
  const Recipe plain = MustAdvise(Request(TestProfile(30'000, 3, 8)));
  // All but those of groups, which need a column to group by.
  ASSERT_EQ(plain.metrics.size(), 7u);
  EXPECT_EQ(plain.metrics[0], Goal("auc", false));
  for (size_t i = 1; i < plain.metrics.size(); ++i) EXPECT_EQ(plain.metrics[i].strategy, Strategy::kStore);
  EXPECT_TRUE(CheckMetrics(plain.metrics).empty());
  EXPECT_FALSE(plain.spec.contains("training.target_auc"));
}

TEST(AdviceTest, TimeToTargetStopsTrainingAtTheTarget) {
  AdviceRequest request = Request(TestProfile(30'000, 3, 8));
  request.goal = {Goal("train_seconds", true), {"auc", Strategy::kConstraint, false, 0.69, std::nullopt}};
  const Recipe recipe = MustAdvise(request);
  EXPECT_EQ(recipe.spec.at("training.target_auc"), SpecValue(0.69));
  EXPECT_GT(std::get<int64_t>(recipe.spec.at("training.evaluations_per_epoch")), 4);
  const Parameter* top = Find(recipe, "model.top_layers");
  ASSERT_NE(top, nullptr);
  EXPECT_EQ(std::get<Categories>(top->domain).values.front(), "[32]");
}

TEST(AdviceTest, OnlyATargetAboveChanceAndTimeMakeATimeToTargetGoal) {
  const auto auc = [](std::optional<double> threshold) { return Goal("auc", false, threshold); };
  EXPECT_EQ(TargetAuc({auc(0.7), Goal("train_seconds", true)}), 0.7);
  EXPECT_EQ(TargetAuc({auc(0.5), Goal("train_seconds", true)}), std::nullopt);
  EXPECT_EQ(TargetAuc({auc(std::nullopt), Goal("train_seconds", true)}), std::nullopt);
  EXPECT_EQ(TargetAuc({auc(0.7)}), std::nullopt);
  EXPECT_EQ(TargetAuc({auc(0.7), {"train_seconds", Strategy::kStore, true, std::nullopt, std::nullopt}}),
            std::nullopt);
}

TEST(AdviceTest, SameRequestSameRecipe) {
  const AdviceRequest request = Request(TestProfile(200'000, 13, 26));
  EXPECT_EQ(MustAdvise(request), MustAdvise(request));
}

}  // namespace
}  // namespace sda::advisor
