#include "tests/benchmarks/suggest_serve.h"

#include <cmath>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/benchmarks/suggest_recorded.h"

namespace sda::bench {
namespace {

std::vector<nlohmann::json> Serve(const char* name, const std::string& input) {
  std::istringstream in(input);
  std::ostringstream out;
  ServeProblem(*FindProblem(name, 0), in, out);
  std::istringstream lines(out.str());
  std::vector<nlohmann::json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(nlohmann::json::parse(line));
  return answers;
}

TEST(ServeProblem, DescribesParametersAndMetrics) {
  const auto answers = Serve("tune_embedding_memory", "");
  ASSERT_EQ(answers.size(), 1u);
  const auto& parameters = answers[0]["parameters"];
  EXPECT_EQ(parameters[0]["grid"].size(), 6u);
  EXPECT_EQ(parameters[3]["conditions"][0]["parameter"], "interaction");
  EXPECT_EQ(parameters[3]["conditions"][0]["values"][0], "cross");
  EXPECT_EQ(parameters[4]["scale"], "log");
  EXPECT_TRUE(answers[0]["metrics"][1]["constraint"]);
  EXPECT_EQ(answers[0]["metrics"][1]["threshold"], 300);
}

TEST(ServeProblem, KeepsTheBestUntilReset) {
  const auto answers = Serve("branin",
                             "{\"x1\": 3.14159265358979, \"x2\": 2.275}\n{\"x1\": 0, \"x2\": 0}\nreset\n"
                             "{\"x1\": 0, \"x2\": 0}\n");
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_NEAR(answers[1]["values"][0].get<double>(), 0.397887, 1e-5);
  EXPECT_GT(answers[2]["values"][0].get<double>(), 50);
  EXPECT_EQ(answers[2]["quality"], answers[1]["quality"]);
  EXPECT_EQ(answers[4]["quality"], answers[2]["values"][0]);
}

TEST(ServeProblem, BelievesWhatNoisyValuesSayTogether) {
  std::string input;
  std::string values;
  // Fourteen points along a line through the minimum, the fourth of them lucky.
  for (int i = 0; i < 14; ++i) {
    const double x = -5 + 15.0 * i / 13;
    input += "{\"x1\": " + std::to_string(x) + ", \"x2\": 2.275}\n";
    const double noisy = 0.1 * (x - 3) * (x - 3) + (i == 3 ? -1 : 0.02 * (i % 2));
    values += (i == 0 ? "[" : ", ") + std::to_string(noisy);
  }
  const auto answers = Serve("branin", input + values + "]\n");
  ASSERT_EQ(answers.size(), 16u);
  EXPECT_NEAR(answers[15]["believed"].get<double>(), 7, 1);
}

TEST(ServeProblem, WithoutAnAllowedPointQualityIsNull) {
  const auto answers = Serve("gardner2", "{\"x1\": 0, \"x2\": 0}\n");
  EXPECT_TRUE(answers[1]["quality"].is_null());
}

// The seconds alone count, once the loss is within its threshold.
TEST(ServeProblem, OfAGoalTheLastObjectiveWithinTheOthersThresholdsCounts) {
  const auto answers =
      Serve("branin_currin_goal", "{\"x1\": 0, \"x2\": 0}\n{\"x1\": 0.54277, \"x2\": 0.15}\n");
  const auto trade_off = Serve("branin_currin", "{\"x1\": 0, \"x2\": 0}\n{\"x1\": 0.54277, \"x2\": 0.15}\n");
  ASSERT_EQ(answers.size(), 3u);
  const auto& metrics = answers[0]["metrics"];
  EXPECT_EQ(metrics[0]["name"], "currin");
  EXPECT_FALSE(metrics[0].contains("threshold"));
  EXPECT_FALSE(metrics[0]["constraint"]);
  EXPECT_EQ(metrics[1]["name"], "branin");
  EXPECT_TRUE(metrics[1]["constraint"]);
  EXPECT_EQ(metrics[1]["threshold"], 18);
  EXPECT_TRUE(answers[1]["quality"].is_null()) << "branin is 308 there";
  EXPECT_EQ(answers[2]["quality"], answers[2]["values"][0]);
  EXPECT_EQ(answers[2]["values"][0], trade_off[2]["values"][1]);
  EXPECT_EQ(answers[2]["values"][1], trade_off[2]["values"][0]);
}

// Close to what was recorded at the recorded points, and between the extremes elsewhere.
TEST(RecordedSurfaceTest, FollowsTheRecordedTrainings) {
  struct Extremes {
    const char* name;
    double shortest, longest;  // seconds
  };
  for (const auto& [name, shortest, longest] : {Extremes{"adult", 0.01, 0.25},
                                                {"criteo", 0.01, 0.25},
                                                {"tencent", 0.01, 0.25},
                                                {"adult_wide", 0.004, 9},
                                                {"criteo_wide", 0.004, 9},
                                                {"tencent_wide", 0.004, 9}}) {
    SCOPED_TRACE(name);
    const Recording recording = RecordingOf(name);
    const optimizer::Space& space = recording.space;
    ASSERT_GE(recording.trainings.size(), 100u);
    const RecordedSurface surface(recording);
    double error = 0, spread = 0, mean = 0, log_error = 0;
    const size_t parameters = space.parameters.size();
    for (const std::vector<double>& row : recording.trainings)
      mean += row[parameters] / static_cast<double>(recording.trainings.size());
    for (const std::vector<double>& row : recording.trainings) {
      ASSERT_EQ(row.size(), parameters + 2);
      optimizer::Assignments a;
      for (size_t i = 0; i < parameters; ++i) {
        const optimizer::Parameter& parameter = space.parameters[i];
        if (row[i] < 0) continue;
        if (const auto* names = std::get_if<optimizer::Categories>(&parameter.domain)) {
          a[parameter.name] = names->values[static_cast<size_t>(row[i])];
        } else if (std::holds_alternative<optimizer::IntRange>(parameter.domain)) {
          a[parameter.name] = static_cast<int64_t>(row[i]);
        } else {
          a[parameter.name] = row[i];
        }
      }
      ASSERT_TRUE(optimizer::CheckAssignments(space, a, "").empty());
      error += std::abs(surface.Logloss(a) - row[parameters]);
      spread += std::abs(mean - row[parameters]);
      EXPECT_GT(surface.Seconds(a), shortest);
      EXPECT_LT(surface.Seconds(a), longest);
      log_error += std::abs(std::log(surface.Seconds(a) / row[parameters + 1]));
    }
    EXPECT_LT(error, 0.15 * spread);
    EXPECT_LT(log_error, 0.1 * static_cast<double>(recording.trainings.size()));
  }
}

// Pits lie elsewhere in each experiment, and the lowest value is 0.
TEST(ServeProblem, BeginsTheExperimentOfASeed) {
  const std::string point = "{\"x1\": 4, \"x2\": 4, \"x3\": 4, \"x4\": 4}\n";
  const auto answers = Serve("pits4", "reset 1\n" + point + "reset 2\n" + point + "reset 1\n" + point);
  ASSERT_EQ(answers.size(), 7u);
  EXPECT_GT(answers[2]["values"][0].get<double>(), 0);
  EXPECT_NE(answers[2]["values"], answers[4]["values"]);
  EXPECT_EQ(answers[2]["values"], answers[6]["values"]);
}

TEST(ServeProblem, TellsWhatIsWrong) {
  const auto answers = Serve("branin", "{\"x1\": 99, \"x2\": 0}\nnonsense\n{\"x1\": 1}\nresets\nreset x\n");
  ASSERT_EQ(answers.size(), 6u);
  for (size_t i = 1; i < 4; ++i) EXPECT_TRUE(answers[i].contains("error")) << answers[i];
}

}  // namespace
}  // namespace sda::bench
