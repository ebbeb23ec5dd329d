#include "common/training_spec/rules.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

namespace sda::training_spec {
namespace {

using sda::trainer::v1::OptimizerSettings;
using sda::trainer::v1::TrainingSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TrainingSpec GoodSpec() {
  TrainingSpec spec;
  spec.set_dataset_manifest_uri("datasets/clicks/manifest.json");
  spec.set_dataset_manifest_sha256(std::string(64, 'a'));
  FillDefaults(spec);
  return spec;
}

std::vector<std::string> Fields(const std::vector<FieldViolation>& violations) {
  std::vector<std::string> fields;
  for (const auto& violation : violations) fields.push_back(violation.field);
  return fields;
}

TEST(RulesTest, EveryFieldHasARuleAndEveryRuleAField) {
  for (const FieldRule& rule : Rules()) EXPECT_TRUE(TypeOfField(rule.path).ok()) << rule.path;
  for (const std::string& path : AllFieldPaths()) {
    if (TypeOfField(path).value() == FieldType::kBool) continue;  // a flag that is false unless set
    EXPECT_NE(FindRule(path), nullptr) << path;
  }
}

TEST(RulesTest, DefaultsAreFilledInAndKeepTheRules) {
  const TrainingSpec spec = GoodSpec();
  EXPECT_THAT(Fields(ValidateSpec(spec)), IsEmpty());
  EXPECT_EQ(spec.model().embedding_dim(), 16);
  EXPECT_THAT(spec.model().top_layers(), ElementsAre(128, 64));
  EXPECT_EQ(spec.training().batch_size(), 2048);
  EXPECT_TRUE(spec.training().shuffle());
  EXPECT_EQ(spec.optimizer().dense().algorithm(), OptimizerSettings::ALGORITHM_ADAGRAD);
  EXPECT_EQ(spec.optimizer().sparse().algorithm(), OptimizerSettings::ALGORITHM_ROWWISE_ADAGRAD);
  EXPECT_EQ(spec.optimizer().sparse().epsilon(), 1e-10);
  EXPECT_FALSE(spec.training().has_target_auc());
}

TEST(RulesTest, DenseInputFollowsTheArchitecture) {
  EXPECT_EQ(GoodSpec().model().dense_input(), sda::trainer::v1::ModelConfig::DENSE_INPUT_BOTTOM);
  TrainingSpec spec;
  spec.mutable_model()->set_architecture(sda::trainer::v1::ModelConfig::ARCHITECTURE_DCNV2);
  FillDefaults(spec);
  EXPECT_EQ(spec.model().dense_input(), sda::trainer::v1::ModelConfig::DENSE_INPUT_DIRECT);
}

// Which fields are at fault once these are set over a good spec.
std::vector<std::string> FaultsWith(const std::vector<std::pair<std::string, FieldValue>>& fields) {
  TrainingSpec spec;
  spec.set_dataset_manifest_uri("datasets/clicks/manifest.json");
  spec.set_dataset_manifest_sha256(std::string(64, 'a'));
  for (const auto& [path, value] : fields) EXPECT_TRUE(SetField(spec, path, value).ok()) << path;
  FillDefaults(spec);
  return Fields(ValidateSpec(spec));
}

TEST(RulesTest, FieldsOfATrainingThatExcludeEachOther) {
  using Text = std::string;
  EXPECT_THAT(FaultsWith({{"training.target_metric", Text("ndcg")}, {"training.target_value", 0.5}}),
              ElementsAre("training.target_metric"));
  EXPECT_THAT(FaultsWith({{"training.target_metric", Text("ndcg")},
                          {"training.target_value", 0.5},
                          {"training.group_by", Text("user")}}),
              IsEmpty());
  EXPECT_THAT(FaultsWith({{"training.initial_model_uri", Text("trials/t/attempt-1/model")}}),
              ElementsAre("training.initial_model_sha256"));
  EXPECT_THAT(FaultsWith({{"training.initial_model_sha256", Text(64, 'a')}}),
              ElementsAre("training.initial_model_sha256"));
  EXPECT_THAT(FaultsWith({{"training.initial_model_uri", Text("trials/t/attempt-1/model")},
                          {"training.initial_model_sha256", Text(64, 'a')}}),
              IsEmpty());
  EXPECT_THAT(FaultsWith({{"training.auc_method", Text("histogram")}, {"training.group_by", Text("user")}}),
              ElementsAre("training.auc_method"));
  EXPECT_THAT(
      FaultsWith({{"training.evaluate_every_seconds", -1.0}, {"training.evaluate_every_samples", -1.0}}),
      ElementsAre("training.evaluate_every_samples", "training.evaluate_every_seconds"));
}

TEST(RulesTest, FieldsOfAModelThatExcludeEachOther) {
  using Text = std::string;
  EXPECT_THAT(FaultsWith({{"model.dense_input", Text("direct")}}), ElementsAre("model.dense_input"));
  EXPECT_THAT(FaultsWith({{"model.dense_input", Text("direct")}, {"model.interaction", Text("cat")}}),
              IsEmpty());
  EXPECT_THAT(FaultsWith({{"model.embedding_dims", Text("[4]")}, {"model.mixed_dimension_temperature", 0.3}}),
              ElementsAre("model.mixed_dimension_temperature"));
  EXPECT_THAT(FaultsWith({{"model.quotient_collisions", 4.0}, {"model.mixed_dimension_temperature", 0.3}}),
              ElementsAre("model.quotient_collisions"));
  EXPECT_THAT(FaultsWith({{"model.quotient_collisions", 4.0},
                          {"model.quotient_operation", Text("concat")},
                          {"model.embedding_dim", 1.0}}),
              ElementsAre("model.embedding_dim"));
  EXPECT_THAT(
      FaultsWith({{"optimizer.schedule.warmup_fraction", 0.6}, {"optimizer.schedule.hold_fraction", 0.6}}),
      ElementsAre("optimizer.schedule.hold_fraction"));
  EXPECT_THAT(FaultsWith({{"model.mixed_dimension_temperature", std::nan("")}}),
              ElementsAre("model.mixed_dimension_temperature"));
}

TEST(RulesTest, WidthsAreNoLayers) {
  EXPECT_THAT(CheckValue("model.embedding_dims", std::string("[4, 2000]")), HasSubstr("has a width of 2000"));
  std::string many = "[1";
  for (int i = 0; i < 40; ++i) many += ", 1";
  EXPECT_EQ(CheckValue("model.embedding_dims", many + "]"), "");
  EXPECT_THAT(CheckValue("model.top_layers", many + "]"), HasSubstr("has 41 layers"));
}

TEST(RulesTest, FillingTwiceChangesNothing) {
  TrainingSpec spec = GoodSpec();
  FillDefaults(spec);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(spec, GoodSpec()));
}

TEST(RulesTest, WhatWasGivenStays) {
  TrainingSpec spec;
  spec.mutable_training()->set_checkpoint_interval(0);
  spec.mutable_training()->set_shuffle(false);
  spec.mutable_optimizer()->mutable_dense()->set_beta1(0);
  spec.mutable_optimizer()->mutable_dense()->set_algorithm(OptimizerSettings::ALGORITHM_ADAM);
  FillDefaults(spec);
  EXPECT_EQ(spec.training().checkpoint_interval(), 0);
  EXPECT_FALSE(spec.training().shuffle());
  EXPECT_EQ(spec.optimizer().dense().beta1(), 0);
  EXPECT_EQ(spec.optimizer().dense().epsilon(), 1e-8);
}

TEST(RulesTest, BrokenRulesNameFieldValueAndRange) {
  TrainingSpec spec = GoodSpec();
  spec.mutable_model()->set_embedding_dim(2000);
  spec.mutable_optimizer()->mutable_dense()->set_learning_rate(std::nan(""));
  spec.mutable_model()->add_top_layers(-1);
  spec.mutable_optimizer()->mutable_sparse()->set_beta2(1);
  const auto violations = ValidateSpec(spec);
  EXPECT_THAT(Fields(violations), ElementsAre("model.embedding_dim", "model.top_layers",
                                              "optimizer.dense.learning_rate", "optimizer.sparse.beta2"));
  EXPECT_EQ(violations[0].description, "is 2000; must be in [1, 1024]");
  EXPECT_EQ(violations[1].description, "has a layer of -1; each must be in [1, 16384]");
  EXPECT_EQ(violations[2].description, "is nan; must be in (0, 100]");
  EXPECT_EQ(violations[3].description, "is 1; must be in [0, 1)");
}

TEST(RulesTest, RowwiseAdagradHasNoRowsInAnMlp) {
  TrainingSpec spec = GoodSpec();
  spec.mutable_optimizer()->mutable_dense()->set_algorithm(OptimizerSettings::ALGORITHM_ROWWISE_ADAGRAD);
  EXPECT_THAT(Fields(ValidateSpec(spec)), ElementsAre("optimizer.dense.algorithm"));
}

TEST(RulesTest, ASpecWithoutADatasetIsRefused) {
  TrainingSpec spec;
  FillDefaults(spec);
  EXPECT_THAT(Fields(ValidateSpec(spec)), ElementsAre("dataset_manifest_uri", "dataset_manifest_sha256"));
}

TEST(RulesTest, CheckValueJudgesTypeAndRange) {
  EXPECT_EQ(CheckValue("model.dropout", 0.5), "");
  EXPECT_EQ(CheckValue("model.dropout", 0.95), "is 0.95; must be in [0, 0.9]");
  EXPECT_EQ(CheckValue("model.dropout", std::numeric_limits<double>::infinity()),
            "is inf; must be in [0, 0.9]");
  EXPECT_EQ(CheckValue("model.embedding_dim", 8.5), "is 8.5; must be a whole number");
  EXPECT_EQ(CheckValue("model.top_layers", std::string("[64, 0]")),
            "has a layer of 0; each must be in [1, 16384]");
  EXPECT_THAT(CheckValue("model.droput", 0.5), HasSubstr("did you mean \"model.dropout\""));
  EXPECT_THAT(CheckValue("optimizer.schedule.decay", std::string("step")), HasSubstr("none, linear, cosine"));
}

}  // namespace
}  // namespace sda::training_spec
