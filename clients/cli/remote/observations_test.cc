#include "clients/cli/remote/observations.h"

#include <gmock/gmock.h>

#include "common/base/error.h"

namespace sda::cli {
namespace {

optimizer::v1::Experiment Search() {
  optimizer::v1::Experiment experiment;
  experiment.set_name("experiments/a");
  auto& rate = *experiment.add_parameters();
  rate.set_name("rate");
  rate.mutable_double_range()->set_max(1);
  auto& depth = *experiment.add_parameters();
  depth.set_name("depth");
  depth.mutable_int_range()->set_max(9);
  auto& kind = *experiment.add_parameters();
  kind.set_name("kind");
  kind.mutable_categories()->add_values("7");
  experiment.add_metrics()->set_name("auc");
  auto& seconds = *experiment.add_metrics();
  seconds.set_name("seconds");
  seconds.set_strategy(optimizer::v1::Metric::STRATEGY_STORE);
  return experiment;
}

ObservationTable Table(const char* text) {
  auto table = ParseObservations(text, "f.csv");
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

TEST(ObservationsTest, CellsTakeTheTypesOfTheirColumns) {
  const auto request = ToTrials(
      Table("kind,auc,depth,rate,auc.stddev,seconds\n7,0.5,3,1e-3,0.01,\n,0.6,4,1,,9"), "f.csv", Search());
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->trials_size(), 2);
  const auto& first = request->trials(0);
  EXPECT_EQ(first.assignments().at("kind").string_value(), "7");
  EXPECT_EQ(first.assignments().at("depth").int_value(), 3);
  EXPECT_EQ(first.assignments().at("rate").double_value(), 1e-3);
  EXPECT_EQ(first.metrics().at("auc").stddev(), 0.01);
  EXPECT_FALSE(first.metrics().contains("seconds"));
  EXPECT_FALSE(request->trials(1).assignments().contains("kind")) << "not active";
}

TEST(ObservationsTest, ProblemsNameLineColumnAndRule) {
  const auto message = [](const char* text) {
    return std::string(ToTrials(Table(text), "f.csv", Search()).status().message());
  };
  EXPECT_EQ(message("rate,size,auc\n1,2,3\n"),
            "f.csv: line 1, column 2: \"size\" is neither a parameter nor a metric of experiments/a");
  EXPECT_EQ(message("rate,depth,auc\nx,2.5,nan\n1,2,3\n"),
            "f.csv: line 2, column 1 (rate): is \"x\"; must be a finite number\n"
            "f.csv: line 2, column 2 (depth): is \"2.5\"; must be an integer\n"
            "f.csv: line 2, column 3 (auc): is \"nan\"; must be a finite number");
  EXPECT_EQ(message("rate,depth,auc\n1,2,\n"), "f.csv: line 2: has no value of the metric auc");
  EXPECT_EQ(message("auc,seconds.stddev\n1,2\n"), "f.csv: line 2: has a deviation but no value of seconds");
}

TEST(ObservationsTest, TheServersViolationsBecomePlaces) {
  const ObservationTable table = Table("rate,auc,auc.stddev\n1,2,3\n\n4,5,6\n");
  const absl::Status status = InvalidFields({{"trials[1].assignments[rate]", "is 4; must be in [0, 1]"},
                                             {"trials[0].metrics[auc].stddev", "is bad"},
                                             {"trials[1].assignments[depth]", "is missing"}});
  EXPECT_EQ(WithPlaces(status, table, "f.csv").message(),
            "f.csv: line 4, column 1 (rate): is 4; must be in [0, 1]\n"
            "f.csv: line 2, column 3 (auc.stddev): is bad\n"
            "f.csv: line 4 (depth): is missing");
  const absl::Status other = absl::UnavailableError("away");
  EXPECT_EQ(WithPlaces(other, table, "f.csv"), other);
}

}  // namespace
}  // namespace sda::cli
