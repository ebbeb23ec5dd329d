#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/numerics/rng.h"
#include "services/optimizer/core/bayes/bayesian_suggester.h"
#include "services/optimizer/core/bayes/belief.h"
#include "services/optimizer/core/bayes/expectation.h"
#include "services/optimizer/core/bayes/extrapolation.h"
#include "services/optimizer/core/bayes/locality.h"
#include "services/optimizer/core/bayes/search.h"

// What a search is told beside its own final values: earlier experiments, predictions, priors, costs, noise,
// curves; and what it does with more trials than a model can take.
namespace sda::optimizer::bayes {
namespace {

using State = ObservedTrial::State;
using ::testing::HasSubstr;

Parameter Real(std::string name) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.domain = DoubleRange{0, 1};
  return parameter;
}

Space Cube(int dims) {
  Space space;
  for (int i = 0; i < dims; ++i) space.parameters.push_back(Real("x" + std::to_string(i)));
  return space;
}

double At(const Assignments& assignments, int i) {
  return std::get<double>(assignments.at("x" + std::to_string(i)));
}

// A valley whose bottom lies at `bottom` in every coordinate.
double Valley(const Assignments& assignments, double bottom) {
  double sum = 0;
  for (const auto& [name, value] : assignments) sum += std::pow(std::get<double>(value) - bottom, 2);
  return sum;
}

using Measure = std::function<MetricValues(const Assignments&)>;

// Runs `budget` trials on top of what the state holds.
std::vector<Suggestion> RunSearch(SearchState& state, int budget, const Measure& measure) {
  const BayesianSuggester suggester({.raw_points = 128, .starts = 3});
  std::vector<Suggestion> suggestions;
  for (int i = 0; i < budget; ++i) {
    auto suggestion = suggester.Suggest(state);
    if (!suggestion) break;
    EXPECT_TRUE(CheckAssignments(state.space, suggestion->assignments, "").empty());
    state.suggestions += suggestion->suggestions_used;
    state.trials.push_back({.state = State::kSucceeded,
                            .assignments = suggestion->assignments,
                            .metrics = measure(suggestion->assignments)});
    suggestions.push_back(std::move(*suggestion));
  }
  return suggestions;
}

double Best(const SearchState& state, size_t trials) {
  double best = 1e300;
  for (size_t i = 0; i < std::min(trials, state.trials.size()); ++i)
    best = std::min(best, state.trials[i].metrics.at("loss"));
  return best;
}

// Sobol trials of the measure, as an earlier experiment.
Knowledge EarlierExperiment(const Space& space, int count, const Measure& measure) {
  Knowledge knowledge{.experiment = "experiments/earlier"};
  const std::vector<Metric> metrics;
  SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = 77};
  const auto sobol = MakeSuggester(Algorithm::kSobol);
  for (int i = 0; i < count; ++i) {
    const auto suggestion = sobol->Suggest(state);
    state.suggestions += suggestion->suggestions_used;
    knowledge.trials.push_back({.state = State::kSucceeded,
                                .assignments = suggestion->assignments,
                                .metrics = measure(suggestion->assignments)});
  }
  return knowledge;
}

const std::vector<Metric> kLoss = {{.name = "loss", .maximize = false}};

TEST(KnowledgeTest, EarlierExperimentsShortenTheSearch) {
  const Space space = Cube(6);
  const auto measure = [](const Assignments& a) { return MetricValues{{"loss", Valley(a, 0.7)}}; };
  // The same shape in other units, its best place a little elsewhere.
  const Knowledge earlier = EarlierExperiment(space, 60, [](const Assignments& a) {
    return MetricValues{{"loss", 5 + 30 * Valley(a, 0.66)}};
  });
  double with = 0, without = 0;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SearchState informed{.space = space, .metrics = kLoss, .trials = {}, .seed = seed};
    informed.knowledge = {earlier};
    const auto suggestions = RunSearch(informed, 9, measure);
    EXPECT_EQ(suggestions[0].source, Suggestion::Source::kTransfer);
    EXPECT_THAT(suggestions[0].text, HasSubstr("experiments/earlier"));
    // Which model is taken is drawn by evidence.
    EXPECT_TRUE(std::any_of(suggestions.begin() + 4, suggestions.end(), [](const Suggestion& suggestion) {
      return suggestion.text.find("loss starts from 1 earlier experiment") != std::string::npos;
    }));
    SearchState alone{.space = space, .metrics = kLoss, .trials = {}, .seed = seed};
    RunSearch(alone, 9, measure);
    with += Best(informed, 9);
    without += Best(alone, 9);
  }
  EXPECT_LT(with, 0.3 * without);
}

TEST(KnowledgeTest, MisleadingExperimentsAreOutweighed) {
  const Space space = Cube(2);
  const auto measure = [](const Assignments& a) { return MetricValues{{"loss", Valley(a, 0.8)}}; };
  SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  state.knowledge = {EarlierExperiment(space, 40, [](const Assignments& a) {
    return MetricValues{{"loss", -Valley(a, 0.8)}};
  })};
  RunSearch(state, 25, measure);
  EXPECT_LT(Best(state, 25), 1e-2);
}

TEST(KnowledgeTest, ParametersAreMatchedByNameAndType) {
  Space space = Cube(2);
  space.parameters.push_back(Real("x2"));
  space.parameters.back().default_value = 0.25;
  const Encoding encoding(space);
  // x1 is text there, x3 is not known here.
  const Place place =
      PlaceOfEarlier(encoding, {{"x0", 0.5}, {"x1", std::string("a")}, {"x3", 0.9}, {"x4", int64_t{3}}});
  EXPECT_EQ(place, (Place{0.5, 0.5, 0.25}));
  // Searches go on with whatever an earlier experiment holds.
  SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  Knowledge strange{.experiment = "e"};
  for (int i = 0; i < 12; ++i) {
    strange.trials.push_back({.state = i == 3 ? State::kFailed : State::kSucceeded,
                              .assignments = {{"x0", std::string("b")}, {"x1", i * 0.5}},
                              .metrics = {{"loss", i == 5 ? NAN : 1e300 * (i - 5)}, {"other", 1.0}}});
  }
  state.knowledge = {strange, {.experiment = "empty"}};
  EXPECT_EQ(RunSearch(state, 8,
                      [](const Assignments& a) {
                        return MetricValues{{"loss", Valley(a, 0.5)}};
                      })
                .size(),
            8);
}

TEST(PriorMeanTest, APredictionIsCalibratedAndUsed) {
  const Space space = Cube(5);
  const auto truth = [](const Assignments& a) {
    return 40 + 25 * std::sin(9 * At(a, 0)) * std::cos(7 * At(a, 1)) + 10 * At(a, 2);
  };
  SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  state.prior_means.push_back(
      {"loss", [&](const Assignments& a) { return 3 + 0.2 * (truth(a) + std::sin(20 * At(a, 3))); }});
  const auto measure = [&](const Assignments& a) { return MetricValues{{"loss", truth(a)}}; };
  const auto suggestions = RunSearch(state, 14, measure);
  EXPECT_THAT(suggestions.back().text, HasSubstr("a prediction given beforehand"));
  SearchState alone{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  RunSearch(alone, 14, measure);
  EXPECT_LT(Best(state, 14), Best(alone, 14));
  EXPECT_LT(Best(state, 14), 16.5);  // the least value is 15
  // Predictions that are useless or broken are no obstacle.
  for (const double value : {static_cast<double>(NAN), 0.0, 1e300}) {
    SearchState broken{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
    broken.prior_means.push_back({"loss", [value](const Assignments&) { return value; }});
    EXPECT_EQ(RunSearch(broken, 9, measure).size(), 9);
  }
}

TEST(PriorTest, BeliefsAboutParametersGuideAndDoNotBind) {
  Space space = Cube(3);
  for (Parameter& parameter : space.parameters)
    parameter.prior = Prior{.kind = Prior::Kind::kNormal, .a = 0.8, .b = 0.08};
  for (const bool right : {true, false}) {
    const double bottom = right ? 0.8 : 0.15;
    SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 2};
    RunSearch(state, 30, [&](const Assignments& a) { return MetricValues{{"loss", Valley(a, bottom)}}; });
    if (right) {
      EXPECT_LT(Best(state, 10), 0.01);
    }
    EXPECT_LT(Best(state, 30), 0.02) << "right: " << right;
  }
}

TEST(CostTest, ImprovementIsSoughtPerUnitOfCost) {
  const Space space = Cube(2);
  std::vector<Metric> metrics = kLoss;
  metrics.push_back({.name = "seconds", .strategy = Strategy::kStore});
  constexpr uint64_t kSeeds = 4;
  double shares[2] = {0, 0};
  for (uint64_t run = 0; run < 2 * kSeeds; ++run) {
    const bool counted = run % 2 == 1;
    metrics[1].cost = counted;
    SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = 3 + run / 2};
    // As good on the left, where it costs a hundredth, as on the right.
    const auto suggestions = RunSearch(state, 30, [](const Assignments& a) {
      return MetricValues{{"loss", std::cos(4 * 3.14159265 * At(a, 0)) + std::pow(At(a, 1) - 0.4, 2) +
                                       0.3 * std::sin(25 * At(a, 0)) * std::sin(17 * At(a, 1))},
                          {"seconds", At(a, 0) < 0.5 ? 1.0 : 100.0}};
    });
    double cheap = 0;
    for (size_t i = 4; i < suggestions.size(); ++i) cheap += At(suggestions[i].assignments, 0) < 0.5;
    shares[counted] += cheap / kSeeds;
    EXPECT_EQ(suggestions.back().predictions.contains("seconds"), counted);
  }
  EXPECT_GT(shares[1], shares[0]);
  EXPECT_GT(shares[1], 17);
}

// Of three arms with noise the best is tried again and again, once there is no other.
TEST(ReplicateTest, NoisyPointsAreTriedAgainAndExactOnesAreNot) {
  Space space;
  space.parameters.resize(1);
  space.parameters[0].name = "arm";
  space.parameters[0].domain = Categories{{"a", "b", "c", "d", "e"}};
  std::vector<Metric> metrics = kLoss;
  metrics[0].noise_stddev = 0.5;
  SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = 1};
  Rng rng(5);
  const auto suggestions = RunSearch(state, 30, [&](const Assignments& a) {
    const bool good = std::get<std::string>(a.at("arm")) == "c";
    return MetricValues{{"loss", (good ? 0.0 : 2.0) + 0.5 * rng.Normal()}};
  });
  ASSERT_EQ(suggestions.size(), 30);
  int good = 0, told = 0;
  for (size_t i = 5; i < suggestions.size(); ++i) {
    good += std::get<std::string>(suggestions[i].assignments.at("arm")) == "c";
    told += suggestions[i].text.find("second trial") != std::string::npos;
  }
  EXPECT_GT(good, 15);
  EXPECT_GT(told, 15);
}

TEST(ExtrapolationTest, CurvesEndAsThoseOfWholeTrialsDid) {
  const Space space = Cube(1);
  SearchState state{.space = space, .metrics = kLoss, .trials = {}};
  Rng rng(3);
  const auto curve = [](double end, int64_t steps) {
    Curve curve;
    for (int64_t step = 1; step <= steps; ++step) {
      curve.steps.push_back(step);
      curve.values.push_back(end + 1.0 / static_cast<double>(step));
    }
    return curve;
  };
  const std::string loss = "loss";
  ObservedTrial running{.assignments = {{"x0", 0.5}}};
  running.curves[loss] = curve(0.35, 4);
  EXPECT_FALSE(CurveExtrapolator(state).Final(running, loss));
  for (int i = 0; i < 8; ++i) {
    const double end = 0.1 * i + 0.001 * rng.Normal();
    ObservedTrial whole{.state = State::kSucceeded, .assignments = {{"x0", 0.1 * i}}};
    whole.curves[loss] = curve(end, 20);
    whole.metrics[loss] = end + 0.05;
    state.trials.push_back(whole);
  }
  const auto end = CurveExtrapolator(state).Final(running, loss);
  ASSERT_TRUE(end);
  EXPECT_NEAR(end->value, 0.4, 1e-6);
  EXPECT_LT(end->stddev, 0.01);
  EXPECT_FALSE(CurveExtrapolator(state).Final(running, "other"));
  // The model takes it as a value with that noise; the point stays taken.
  state.trials.push_back(running);
  const Study study(state);
  EXPECT_EQ(study.finished.size(), 9);
  EXPECT_TRUE(study.pending.empty());
  EXPECT_NEAR(study.Data(0).values.back(), 0.4, 1e-6);
  EXPECT_NEAR(study.Data(0).known_noise.back(), end->stddev * end->stddev, 1e-12);
}

// A few thousand trials: the models take a part of them, the suggestions stay sound and improve.
TEST(LocalityTest, ThousandsOfTrialsAreTakenByParts) {
  const Space space = Cube(5);
  SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  const auto measure = [](const Assignments& a) { return MetricValues{{"loss", Valley(a, 0.31)}}; };
  state.trials = EarlierExperiment(space, 3000, measure).trials;
  state.suggestions = 3000;
  const double before = Best(state, 3000);
  const Study study(state);
  const Locality locality = ChooseLocality(study, 0, false);
  EXPECT_LT(locality.finished.size(), kMaxExact);
  EXPECT_GT(locality.finished.size(), 300);
  const auto suggestions = RunSearch(state, 4, measure);
  ASSERT_EQ(suggestions.size(), 4);
  for (const Suggestion& suggestion : suggestions) {
    EXPECT_EQ(suggestion.source, Suggestion::Source::kBayesian);
    EXPECT_THAT(suggestion.text, HasSubstr("of 300"));
  }
  EXPECT_LT(Best(state, state.trials.size()), 0.2 * before);
}

TEST(DeadlineTest, WhatModelsTakeIsLearned) {
  Pace pace;
  EXPECT_GT(pace.Expected(1000, 1), absl::Milliseconds(1)) << "measured, as nothing is known yet";
  EXPECT_LT(pace.Expected(1000, 1), absl::Minutes(1));
  pace.Took(1000, 2, absl::Milliseconds(40));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(pace.Expected(500, 1)), 3 * 2.5, 1e-3);
  pace.Took(20, 1, absl::Milliseconds(1));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(pace.Expected(500, 1)), 3 * 2.5, 1e-3)
      << "of few trials the factorisation is the least";
}

TEST(DeadlineTest, AModelThatWouldBeTooLateIsNotBegun) {
  const Space space = Cube(4);
  SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  state.trials = EarlierExperiment(space, 1000, [](const Assignments& a) {
                   return MetricValues{{"loss", Valley(a, 0.31)}};
                 }).trials;
  state.deadline = absl::Now() + absl::Milliseconds(5);
  const auto suggestion = BayesianSuggester().Suggest(state);
  ASSERT_TRUE(suggestion);
  EXPECT_TRUE(suggestion->deadline_cut);
  EXPECT_EQ(suggestion->source, Suggestion::Source::kSobol);
  EXPECT_THAT(suggestion->text, HasSubstr("before a model was ready"));
}

TEST(DeadlineTest, ACutIsNamed) {
  const Space space = Cube(4);
  SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
  const auto measure = [](const Assignments& a) { return MetricValues{{"loss", Valley(a, 0.31)}}; };
  state.trials = EarlierExperiment(space, 200, measure).trials;
  state.deadline = absl::Now() + absl::Milliseconds(1);
  const auto began = absl::Now();
  const auto suggestion = BayesianSuggester().Suggest(state);
  ASSERT_TRUE(suggestion);
  EXPECT_TRUE(suggestion->deadline_cut);
  EXPECT_THAT(suggestion->text, HasSubstr("deadline"));
  EXPECT_LT(absl::Now() - began, absl::Seconds(5));
}

// At 20 places: scores one by one are those of many within `many`, and gradients those of central differences
// within `slope`, both in units of what is compared.
void ExpectGradientsOfDifferences(const Scorer& scorer, int dims, Rng& rng, double many, double slope) {
  for (int draw = 0; draw < 20; ++draw) {
    Place place(static_cast<size_t>(dims));
    for (double& x : place) x = rng.Uniform(0.05, 0.95);
    std::vector<double> gradient(place.size());
    const double score = scorer.Score(place, gradient);
    EXPECT_NEAR(scorer.ScoreMany({place})[0], score, many * (1 + std::abs(score)));
    for (size_t i = 0; i < place.size(); ++i) {
      constexpr double kStep = 1e-5;
      Place moved = place;
      moved[i] += kStep;
      const double above = scorer.Score(moved, {});
      moved[i] -= 2 * kStep;
      const double expected = (above - scorer.Score(moved, {})) / (2 * kStep);
      EXPECT_NEAR(gradient[i], expected, slope * (1 + std::abs(expected) + std::abs(score)))
          << dims << " dimensions, axis " << i;
    }
  }
}

// The score with everything in it: expectations of both kinds, priors on parameters, a cost, a limit.
TEST(ScorerTest, GradientsAgreeWithDifferencesForAllDimensions) {
  Rng rng(11);
  for (int dims = 1; dims <= 10; ++dims) {
    Space space = Cube(dims);
    space.parameters[0].prior = Prior{.kind = Prior::Kind::kNormal, .a = 0.4, .b = 0.3};
    if (dims > 1) space.parameters[1].prior = Prior{.kind = Prior::Kind::kBeta, .a = 2, .b = 3};
    std::vector<Metric> metrics = kLoss;
    metrics.push_back(
        {.name = "size", .strategy = Strategy::kConstraint, .maximize = false, .threshold = 0.5});
    const auto measure = [](const Assignments& a) {
      return MetricValues{{"loss", std::sin(5 * At(a, 0)) + Valley(a, 0.3)}, {"size", At(a, 0)}};
    };
    SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = 1};
    state.trials = EarlierExperiment(space, 15, measure).trials;
    state.knowledge = {EarlierExperiment(space, 20, measure)};
    state.prior_means.push_back({"size", [](const Assignments& a) { return At(a, 0) * At(a, 0); }});
    const Study study(state);
    FitCache cache;
    std::vector<MetricData> data;
    std::vector<MetricFit> fits;
    for (size_t m = 0; m < 2; ++m) {
      data.push_back(study.Data(m));
      fits.push_back(FitMetric(data[m], {Warp::Kind::kLinear, HyperPrior::kWide}, cache));
    }
    const auto knowledge = ExpectKnowledge(study, 0, fits[0], cache);
    const auto given = ExpectPriorMean(study, 1, fits[1]);
    ASSERT_TRUE(knowledge && given);
    std::vector<Gp> models;
    for (size_t m = 0; m < 2; ++m) {
      fits[m].hyper.log_noise = std::log(0.05);
      models.emplace_back(TrainingSet{.layout = data[m].layout,
                                      .points = &data[m].points,
                                      .n = data[m].values.size(),
                                      .y = fits[m].y,
                                      .known_noise = {}},
                          fits[m].hyper);
    }
    Acquisition acquisition;
    acquisition.models = 2;
    acquisition.objectives = {0};
    const std::vector<Objectives> achieved = {{-0.5}};
    acquisition.improvements.emplace_back(NondominatedBoxes(achieved, Objectives{1e9}));
    acquisition.limits.push_back({.model = 1, .at_most = 0.2});
    acquisition.cost = Acquisition::Cost{.model = 1, .factor = 0.7};
    Scorer scorer(study.encoding, {&models[0], &models[1]}, acquisition);
    scorer.Expect({knowledge.get(), given.get()});
    const Belief belief(study.encoding);
    scorer.Believe(&belief, 0.3);
    // Third derivatives of long logarithms, and the differences within the given prediction.
    ExpectGradientsOfDifferences(scorer, dims, rng, 1e-8, 2e-4);
  }
}

// The gradient of the noisy expected improvement, through all draws of the true values.
TEST(ScorerTest, GradientsThroughDrawnTrueValuesAgreeWithDifferences) {
  Rng rng(12);
  for (int dims = 1; dims <= 6; ++dims) {
    const Space space = Cube(dims);
    SearchState state{.space = space, .metrics = kLoss, .trials = {}, .seed = 1};
    state.trials = EarlierExperiment(space, 14, [&](const Assignments& a) {
                     return MetricValues{{"loss", Valley(a, 0.3) + 0.1 * rng.Normal()}};
                   }).trials;
    const Study study(state);
    FitCache cache;
    const MetricData data = study.Data(0);
    MetricFit fit = FitMetric(data, {Warp::Kind::kLinear, HyperPrior::kWide}, cache);
    fit.hyper.log_noise = std::log(0.05);
    constexpr size_t kDraws = 16;
    std::vector<double> draws(kDraws * 28);
    for (double& draw : draws) draw = rng.Normal();
    const Gp model(Gp::OfTrueValues(), SetOf(data, fit), fit.hyper, 0, draws, kDraws);
    Acquisition acquisition;
    acquisition.models = 1;
    acquisition.fantasies = kDraws;
    acquisition.objectives = {0};
    for (size_t f = 0; f < kDraws; ++f) {
      double least = INFINITY;
      for (size_t i = 0; i < 14; ++i) least = std::min(least, model.FittedMean(i, f));
      acquisition.improvements.emplace_back(
          NondominatedBoxes(std::vector<Objectives>{{least}}, Objectives{INFINITY}));
    }
    const Scorer scorer(study.encoding, {&model}, acquisition);
    ExpectGradientsOfDifferences(scorer, dims, rng, 1e-6, 1e-3);
  }
}

}  // namespace
}  // namespace sda::optimizer::bayes
