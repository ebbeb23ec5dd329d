#include "common/training_spec/field_path.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sda::training_spec {
namespace {

using sda::trainer::v1::OptimizerSettings;
using sda::trainer::v1::TrainingSpec;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(FieldPathTest, SetsEveryKindOfField) {
  TrainingSpec spec;
  ASSERT_TRUE(SetField(spec, "optimizer.dense.learning_rate", 0.25).ok());
  ASSERT_TRUE(SetField(spec, "optimizer.sparse.algorithm", std::string("rowwise_adagrad")).ok());
  ASSERT_TRUE(SetField(spec, "model.embedding_dim", int64_t{8}).ok());
  ASSERT_TRUE(SetField(spec, "model.top_layers", std::string("[512, 256]")).ok());
  ASSERT_TRUE(SetField(spec, "model.interaction_self", true).ok());
  EXPECT_EQ(spec.optimizer().dense().learning_rate(), 0.25);
  EXPECT_EQ(spec.optimizer().sparse().algorithm(), OptimizerSettings::ALGORITHM_ROWWISE_ADAGRAD);
  EXPECT_EQ(spec.model().embedding_dim(), 8);
  EXPECT_THAT(spec.model().top_layers(), ElementsAre(512, 256));
  EXPECT_TRUE(spec.model().interaction_self());
}

TEST(FieldPathTest, WhatWasSetIsRead) {
  TrainingSpec spec;
  for (const auto& [path, value] :
       std::vector<std::pair<std::string, FieldValue>>{{"optimizer.dense.learning_rate", 0.1},
                                                       {"optimizer.schedule.decay", std::string("cosine")},
                                                       {"training.batch_size", int64_t{128}},
                                                       {"training.shuffle", false},
                                                       {"model.bottom_layers", std::string("[64]")}}) {
    ASSERT_TRUE(SetField(spec, path, value).ok()) << path;
    EXPECT_EQ(*GetField(spec, path), value) << path;
  }
}

TEST(FieldPathTest, AGridValueFitsAnIntegerField) {
  TrainingSpec spec;
  ASSERT_TRUE(SetField(spec, "training.batch_size", 256.0).ok());
  EXPECT_EQ(spec.training().batch_size(), 256);
  EXPECT_FALSE(SetField(spec, "training.batch_size", 256.5).ok());
  EXPECT_FALSE(SetField(spec, "training.batch_size", std::nan("")).ok());
  EXPECT_FALSE(SetField(spec, "training.batch_size", int64_t{1} << 40).ok());
}

TEST(FieldPathTest, ABoolIsAlsoACategory) {
  TrainingSpec spec;
  ASSERT_TRUE(SetField(spec, "model.interaction_self", std::string("true")).ok());
  EXPECT_TRUE(spec.model().interaction_self());
  EXPECT_FALSE(SetField(spec, "model.interaction_self", std::string("yes")).ok());
}

TEST(FieldPathTest, UnknownPathsSuggestTheNearest) {
  TrainingSpec spec;
  const absl::Status status = SetField(spec, "optimizer.dense.learning_rat", 0.1);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"optimizer.dense.learning_rate\""));
  EXPECT_EQ(SetField(spec, "optimizer.dense", 0.1).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(SetField(spec, "seed.x", 0.1).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(SetField(spec, "", 0.1).code(), absl::StatusCode::kNotFound);
}

TEST(FieldPathTest, WrongTypesNameFieldAndRule) {
  TrainingSpec spec;
  const absl::Status status = SetField(spec, "optimizer.dense.algorithm", std::string("rmsprop"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("optimizer.dense.algorithm: is rmsprop; must be one of sgd, adagrad"));
  EXPECT_FALSE(SetField(spec, "model.top_layers", std::string("512, 256")).ok());
  EXPECT_FALSE(SetField(spec, "model.top_layers", std::string("[512, x]")).ok());
  EXPECT_FALSE(SetField(spec, "optimizer.dense.learning_rate", std::string("0.1")).ok());
}

TEST(FieldPathTest, ListsAreSpelledWithBrackets) {
  EXPECT_EQ(FormatIntList({512, 256}), "[512, 256]");
  EXPECT_EQ(FormatIntList({}), "[]");
  EXPECT_THAT(*ParseIntList(" [ 512,256 ] "), ElementsAre(512, 256));
  EXPECT_TRUE(ParseIntList("[]")->empty());
  EXPECT_FALSE(ParseIntList("[1,]").ok());
}

TEST(FieldPathTest, AllPathsAreBelowTheSections) {
  EXPECT_THAT(AllFieldPaths(), Contains("optimizer.schedule.warmup_fraction"));
  EXPECT_THAT(AllFieldPaths(), Not(Contains("seed")));
  for (const std::string& path : AllFieldPaths()) EXPECT_TRUE(TypeOfField(path).ok()) << path;
}

TEST(FieldPathTest, PresenceIsKnownForOptionalFieldsAndLists) {
  TrainingSpec spec;
  EXPECT_FALSE(HasField(spec, "training.target_auc"));
  EXPECT_FALSE(HasField(spec, "model.top_layers"));
  spec.mutable_training()->set_target_auc(0.8);
  spec.mutable_model()->add_top_layers(4);
  EXPECT_TRUE(HasField(spec, "training.target_auc"));
  EXPECT_TRUE(HasField(spec, "model.top_layers"));
}

}  // namespace
}  // namespace sda::training_spec
