#include "services/trainer_worker/server/spec_converter.h"

#include <set>

#include <gtest/gtest.h>

#include "common/training_spec/field_path.h"
#include "common/training_spec/rules.h"

namespace sda::trainer {
namespace {

using training_spec::FieldValue;

// The job of a spec whose fields are defaults but for these, all of them valid.
TrainingJob JobWith(const std::vector<std::pair<std::string, FieldValue>>& fields) {
  trainer::v1::TrainingSpec spec;
  spec.set_dataset_manifest_uri("m");
  spec.set_dataset_manifest_sha256(std::string(64, 'a'));
  for (const auto& [path, value] : fields) {
    const absl::Status set = training_spec::SetField(spec, path, value);
    EXPECT_TRUE(set.ok()) << set;
  }
  training_spec::FillDefaults(spec);
  for (const auto& violation : training_spec::ValidateSpec(spec))
    ADD_FAILURE() << violation.field << " " << violation.description;
  return ToTrainingJob(spec);
}

std::string Text(const char* text) {
  return text;
}

TEST(SpecConverterTest, ArchitecturesBecomeTheirLayers) {
  const ModelSpec wide = JobWith({{"model.architecture", Text("wide_deep")}}).model;
  EXPECT_TRUE(wide.wide);
  EXPECT_FALSE(wide.factorization);
  EXPECT_EQ(wide.interaction, Interaction::kCat);
  EXPECT_EQ(wide.dense_input, DenseInput::kDirect);
  const ModelSpec fm =
      JobWith({{"model.architecture", Text("deepfm")}, {"model.dense_input", Text("bottom")}}).model;
  EXPECT_TRUE(fm.wide && fm.factorization);
  EXPECT_EQ(fm.dense_input, DenseInput::kBottom);
  const ModelSpec dcn = JobWith({{"model.architecture", Text("dcnv2")}, {"model.cross_rank", 32.0}}).model;
  EXPECT_EQ(dcn.cross_layers, 3);
  EXPECT_EQ(dcn.cross_rank, 32);
  const ModelSpec dlrm = JobWith({{"model.cross_layers", 5.0}}).model;
  EXPECT_EQ(dlrm.cross_layers, 0);
  EXPECT_EQ(dlrm.dense_input, DenseInput::kBottom);
}

TEST(SpecConverterTest, EmbeddingOptions) {
  EXPECT_EQ(
      JobWith({{"model.embedding_dims", Text("[4, 8]")}, {"model.project_embeddings", true}}).model.embedding,
      (EmbeddingSpec{.widths = {4, 8}, .project = true}));
  EXPECT_EQ(
      JobWith({{"model.mixed_dimension_temperature", 0.3},
               {"model.mixed_dimension_power_of_two", true},
               {"model.compression_threshold", 0.0}})
          .model.embedding,
      (EmbeddingSpec{.mixed_temperature = 0.3, .mixed_power_of_two = true, .compression_threshold = 0}));
  EXPECT_EQ(JobWith({{"model.hash_rows", 1000.0},
                     {"model.quotient_collisions", 4.0},
                     {"model.quotient_operation", Text("add")},
                     {"model.pooling", Text("mean")}})
                .model.embedding,
            (EmbeddingSpec{.hash_rows = 1000,
                           .quotient_collisions = 4,
                           .quotient_operation = QuotientOperation::kAdd,
                           .pooling = Pooling::kMean}));
  EXPECT_EQ(JobWith({{"model.quotient_operation", Text("concat")}}).model.embedding.quotient_operation,
            QuotientOperation::kConcatenate);
}

TEST(SpecConverterTest, OptimizersAndSchedule) {
  const OptimizerOptions lamb = JobWith({{"optimizer.dense.algorithm", Text("lamb")},
                                         {"optimizer.dense.weight_decay", 0.01},
                                         {"optimizer.sparse.algorithm", Text("sgd")},
                                         {"optimizer.sparse.momentum", 0.9},
                                         {"optimizer.schedule.decay", Text("mlperf")},
                                         {"optimizer.schedule.warmup_steps", 8000.0},
                                         {"optimizer.schedule.decay_start_step", 70000.0},
                                         {"optimizer.schedule.decay_steps", 30000.0}})
                                    .optimizer;
  EXPECT_EQ(lamb.dense.algorithm, Algorithm::kLamb);
  EXPECT_EQ(lamb.dense.weight_decay, 0.01);
  EXPECT_EQ(lamb.dense.epsilon, 1e-6);
  EXPECT_EQ(lamb.sparse.momentum, 0.9);
  EXPECT_NEAR(ScheduleRate(lamb.schedule, 85000, 100000).Rate(18), 4.5, 1e-12);
  const OptimizerOptions intel = JobWith({{"optimizer.dense.algorithm", Text("intel_lamb")},
                                          {"optimizer.schedule.decay", Text("polynomial")},
                                          {"optimizer.schedule.hold_fraction", 0.5}})
                                     .optimizer;
  EXPECT_EQ(intel.dense.algorithm, Algorithm::kIntelLamb);
  EXPECT_EQ(ScheduleRate(intel.schedule, 50, 100).factor, 1);
  EXPECT_NEAR(ScheduleRate(intel.schedule, 75, 100).factor, 0.25, 1e-12);
}

TEST(SpecConverterTest, EvaluationPointsTargetsAndTheInitialModel) {
  const TrainingOptions defaults = JobWith({}).options;
  EXPECT_EQ(defaults.evaluate_every_samples, 0);
  EXPECT_EQ(defaults.evaluate_every_seconds, 0);
  EXPECT_EQ(defaults.auc_method, AucMethod::kExact);
  EXPECT_FALSE(defaults.target_value.has_value());
  const TrainingOptions options = JobWith({{"training.evaluate_every_samples", 5e6},
                                           {"training.evaluate_every_seconds", 2.5},
                                           {"training.target_metric", Text("logloss")},
                                           {"training.target_value", 0.45},
                                           {"training.auc_method", Text("histogram")}})
                                      .options;
  EXPECT_EQ(options.evaluate_every_samples, 5'000'000);
  EXPECT_EQ(options.evaluate_every_seconds, 2.5);
  EXPECT_EQ(options.target_metric, "logloss");
  EXPECT_EQ(options.target_value, 0.45);
  EXPECT_EQ(options.auc_method, AucMethod::kHistogram);
  for (const std::string& name : training_spec::EnumValues("training.target_metric"))
    EXPECT_EQ(JobWith({{"training.target_metric", name}}).options.target_metric, name);
}

// Beyond the sections above: no algorithm, decay or enum value falls back to another unnoticed.
TEST(SpecConverterTest, EveryAlgorithmAndDecayIsItsOwn) {
  std::set<Algorithm> algorithms;
  for (const std::string& name : training_spec::EnumValues("optimizer.sparse.algorithm"))
    algorithms.insert(JobWith({{"optimizer.sparse.algorithm", name}}).optimizer.sparse.algorithm);
  EXPECT_EQ(algorithms.size(), training_spec::EnumValues("optimizer.sparse.algorithm").size());
  std::set<Decay> decays;
  for (const std::string& name : training_spec::EnumValues("optimizer.schedule.decay"))
    decays.insert(JobWith({{"optimizer.schedule.decay", name}}).optimizer.schedule.decay);
  EXPECT_EQ(decays.size(), training_spec::EnumValues("optimizer.schedule.decay").size());
}

}  // namespace
}  // namespace sda::trainer
