// When a training is evaluated, and at what it stops.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "services/trainer_worker/core/testing/training_fixture.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using trainer::testing::Recorder;
using trainer::testing::TrainingTest;
using End = TrainingResult::End;

std::vector<int64_t> Steps(const Recorder& recorder) {
  std::vector<int64_t> steps;
  for (const Measurement& m : recorder.measurements) steps.push_back(m.step);
  return steps;
}

class EvaluationPointsTest : public TrainingTest {
 protected:
  // 90 steps of 100 samples; the last weights are kept.
  TrainingJob LastJob(const std::string& name) {
    TrainingJob job = Job(name);
    job.options.keep = Keep::kLast;
    job.options.checkpoint_interval = 0;
    return job;
  }
};

TEST_F(EvaluationPointsTest, BySamplesAtTheFirstStepThatReachesThem) {
  TrainingJob job = LastJob("a");
  job.options.evaluate_every_samples = 2050;
  Recorder recorder;
  SDA_ASSERT_OK(Train(job, recorder, {}));
  EXPECT_THAT(Steps(recorder), ElementsAre(21, 41, 62, 82, 90));
  job.options.evaluate_every_samples = 70;  // less than a batch: after each step
  job.options.epochs = 0.1;
  Recorder often;
  SDA_ASSERT_OK(Train(job, often, {}));
  EXPECT_THAT(Steps(often), ElementsAre(1, 2, 3));
}

TEST_F(EvaluationPointsTest, BySecondsOfTraining) {
  TrainingJob job = LastJob("a");
  job.options.evaluate_every_seconds = 1e-9;
  Recorder always;
  SDA_ASSERT_OK(Train(job, always, {}));
  EXPECT_EQ(always.measurements.size(), 90u);
  job.options.evaluate_every_seconds = 1e5;
  Recorder never;
  SDA_ASSERT_OK(Train(job, never, {}));
  EXPECT_THAT(Steps(never), ElementsAre(90));
  job.options.evaluate_every_samples = 5000;  // whichever comes first
  Recorder both;
  SDA_ASSERT_OK(Train(job, both, {}));
  EXPECT_THAT(Steps(both), ElementsAre(50, 90));
}

TEST_F(EvaluationPointsTest, SecondsBetweenEvaluationsAreKept) {
  TrainingJob job = LastJob("a");
  job.options.epochs = 20;
  job.options.evaluate_every_seconds = 0.002;
  Recorder recorder;
  SDA_ASSERT_OK(Train(job, recorder, {}));
  double last = 0;
  for (size_t i = 0; i + 1 < recorder.measurements.size(); ++i) {
    EXPECT_GE(recorder.measurements[i].train_seconds - last, 0.002);
    last = recorder.measurements[i].train_seconds;
  }
}

TEST_F(EvaluationPointsTest, EvaluatingChangesNoByteOfTheWeights) {
  Recorder plain;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult four, Train(LastJob("four"), plain, {}));
  TrainingJob job = LastJob("every");
  job.options.evaluate_every_samples = 100;
  job.options.auc_method = AucMethod::kHistogram;
  Recorder often;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult every, Train(job, often, {}));
  EXPECT_EQ(often.measurements.size(), 90u);
  job = LastJob("seconds");
  job.options.evaluate_every_seconds = 1e-4;
  Recorder timed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult seconds, Train(job, timed, {}));
  EXPECT_EQ(Weights(every), Weights(four));
  EXPECT_EQ(Weights(seconds), Weights(four));
}

TEST_F(EvaluationPointsTest, ResumesBySamplesInTheSameBytes) {
  TrainingJob job = Job("whole");
  job.options.evaluate_every_samples = 1500;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult whole, Train(job, recorder, {}));
  job.output_folder = folder_ / "parts/attempt-1";
  Recorder stopped;
  stopped.on_measurement = [&](const Measurement& m) {
    stopped.accepted = m.checkpoint_path;
    return stopped.measurements.size() < 2;
  };
  SDA_ASSERT_OK(Train(job, stopped, {}));
  job.output_folder = folder_ / "parts/attempt-2";
  job.resume_checkpoint = stopped.accepted;
  Recorder resumed;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult rest, Train(job, resumed, {}));
  EXPECT_EQ(resumed.start, 30);
  EXPECT_THAT(Steps(resumed), ElementsAre(45, 60, 75, 90));
  EXPECT_EQ(Weights(rest), Weights(whole));
}

TEST_F(EvaluationPointsTest, TargetsOfOtherMetrics) {
  TrainingJob job = Job("a");
  Recorder all;
  SDA_ASSERT_OK(Train(job, all, {}));
  const auto first_where = [&](const auto& holds) {
    for (const Measurement& m : all.measurements) {
      if (holds(m.metrics)) return m.step;
    }
    return int64_t{-1};
  };
  const double loss = all.measurements[4].metrics.at("logloss");
  job.options.target_metric = "logloss";
  job.options.target_value = loss;
  Recorder recorder;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult result, Train(job, recorder, {}));
  EXPECT_EQ(result.end, End::kTargetReached);
  EXPECT_EQ(result.step, first_where([&](const auto& metrics) { return metrics.at("logloss") <= loss; }));

  const double accuracy = all.measurements[2].metrics.at("accuracy");
  job.options.target_metric = "accuracy";
  job.options.target_value = accuracy;
  Recorder second;
  SDA_ASSERT_OK_AND_ASSIGN(const TrainingResult accurate, Train(job, second, {}));
  EXPECT_EQ(accurate.end, End::kTargetReached);
  EXPECT_EQ(accurate.step,
            first_where([&](const auto& metrics) { return metrics.at("accuracy") >= accuracy; }));
}

TEST_F(EvaluationPointsTest, HistogramsKnowNoGroups) {
  TrainingJob job = Job("a");
  job.options.auc_method = AucMethod::kHistogram;
  Recorder recorder;
  SDA_ASSERT_OK(Train(job, recorder, {}));
  EXPECT_GT(recorder.measurements.back().metrics.at("auc_error_bound"), 0);
  job.options.group_by = "C1";
  Recorder refused;
  EXPECT_THAT(Train(job, refused, {}),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("training.group_by")));
}

}  // namespace
}  // namespace sda::trainer
