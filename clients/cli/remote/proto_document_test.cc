#include "clients/cli/remote/proto_document.h"

#include <gtest/gtest.h>

#include "sda/advisor/v1/advisor.pb.h"
#include "sda/optimizer/v1/experiment.pb.h"
#include "sda/trainer/v1/training_spec.pb.h"

namespace sda::cli {
namespace {

TEST(ProtoDocumentTest, ATrialReadsLikeAPersonWouldWriteIt) {
  optimizer::v1::Trial trial;
  trial.set_name("experiments/e/trials/1");
  trial.set_state(optimizer::v1::Trial::STATE_SUCCEEDED);
  (*trial.mutable_assignments())["b"].set_int_value(3);
  (*trial.mutable_assignments())["a"].set_string_value("[512, 256]");
  (*trial.mutable_metrics())["auc"].set_value(0.5);
  trial.mutable_create_time()->set_seconds(86400);
  const Document document = ToDocument(trial);
  EXPECT_EQ(document["state"], "SUCCEEDED");
  EXPECT_EQ(document["assignments"].dump(), R"({"a":"[512, 256]","b":3})");
  EXPECT_EQ(document["metrics"]["auc"], 0.5);
  EXPECT_EQ(document["create_time"], "1970-01-02T00:00:00Z");
  EXPECT_EQ(document["attempt"], 0);
  EXPECT_FALSE(document.contains("error"));
}

TEST(ProtoDocumentTest, OptionalFieldsAppearOnlyWhenSet) {
  optimizer::v1::Metric metric;
  EXPECT_FALSE(ToDocument(metric).contains("threshold"));
  metric.set_threshold(0);
  EXPECT_EQ(ToDocument(metric)["threshold"], 0.0);
}

TEST(ProtoDocumentTest, DurationsAreSeconds) {
  advisor::v1::RunResult result;
  result.mutable_elapsed()->set_seconds(2);
  result.mutable_elapsed()->set_nanos(500000000);
  EXPECT_EQ(ToDocument(result)["elapsed"], 2.5);
}

TEST(ProtoDocumentTest, KnownContentOfAnyIsShown) {
  optimizer::v1::Experiment experiment;
  trainer::v1::TrainingSpec spec;
  spec.set_seed(7);
  experiment.mutable_work()->PackFrom(spec);
  EXPECT_EQ(ToDocument(experiment)["work"]["seed"], 7);
  experiment.mutable_work()->set_type_url("type.googleapis.com/nobody.knows.It");
  EXPECT_EQ(ToDocument(experiment)["work"]["@type"], "type.googleapis.com/nobody.knows.It");
}

}  // namespace
}  // namespace sda::cli
