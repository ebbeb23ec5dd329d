#include "services/trainer_worker/core/model/spec_json.h"

#include <gtest/gtest.h>

#include "services/trainer_worker/core/model/architectures.h"

namespace sda::trainer {
namespace {

TEST(SpecJsonTest, EveryFieldComesBack) {
  ModelSpec spec{.embedding_dim = 5,
                 .bottom_layers = {7, 3},
                 .top_layers = {},
                 .interaction = Interaction::kCat,
                 .dropout = 0.25,
                 .embedding_init_scale = 2,
                 .loss = Loss::kMeanSquaredError,
                 .dense_input = DenseInput::kDirect,
                 .wide = true,
                 .factorization = true,
                 .cross_layers = 2,
                 .cross_rank = 9,
                 .embedding = {.widths = {1, 2},
                               .project = true,
                               .mixed_temperature = 0.5,
                               .mixed_power_of_two = true,
                               .hash_rows = 77,
                               .quotient_collisions = 3,
                               .compression_threshold = 11,
                               .quotient_operation = QuotientOperation::kConcatenate,
                               .pooling = Pooling::kMean}};
  const auto again = SpecFromJson(SpecToJson(spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, spec);
  EXPECT_FALSE(*again == ModelSpec());
}

TEST(SpecJsonTest, ReadsWhatTheFirstVersionWrote) {
  const auto spec = SpecFromJson(
      {{"embedding_dim", 8}, {"bottom_layers", {4}}, {"top_layers", {2}}, {"interaction", "dot_self"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(*spec, (ModelSpec{.embedding_dim = 8,
                              .bottom_layers = {4},
                              .top_layers = {2},
                              .interaction = Interaction::kDotSelf}));
}

TEST(SpecJsonTest, NamesWhatIsWrong) {
  nlohmann::ordered_json json = SpecToJson({});
  json["interaction"] = "star";
  EXPECT_EQ(SpecFromJson(json).status().message(), "interaction \"star\" is not known");
  json.erase("embedding_dim");
  EXPECT_EQ(SpecFromJson(json).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ArchitecturesTest, EachIsRecognisedByItsLayers) {
  for (Architecture architecture :
       {Architecture::kDlrm, Architecture::kWideDeep, Architecture::kDeepFm, Architecture::kDcnV2}) {
    ModelSpec spec;
    ApplyArchitecture(architecture, spec);
    EXPECT_EQ(ArchitectureOf(spec), architecture) << ArchitectureName(architecture);
    EXPECT_EQ(spec.interaction == Interaction::kDot, architecture == Architecture::kDlrm);
  }
}

TEST(ArchitecturesTest, SpecsThatDoNotFitTheDataNameTheField) {
  const InputShape inputs{.dense_columns = 1, .table_rows = {5, 6}, .table_names = {"a", "b"}};
  const auto problem = [&](const ModelSpec& spec) { return std::string(CheckSpec(spec, inputs).message()); };
  EXPECT_EQ(problem({}), "");
  EXPECT_EQ(problem({.embedding = {.widths = {1, 2}}}), "");
  EXPECT_NE(problem({.embedding = {.widths = {1, 2, 3}}}).find("model.embedding_dims"), std::string::npos);
  EXPECT_NE(problem({.dense_input = DenseInput::kDirect}).find("model.dense_input"), std::string::npos);
  EXPECT_NE(problem({.cross_layers = 1}).find("model.interaction"), std::string::npos);
  EXPECT_NE(problem({.embedding = {.mixed_temperature = .5, .quotient_collisions = 4}})
                .find("model.quotient_collisions"),
            std::string::npos);
}

}  // namespace
}  // namespace sda::trainer
