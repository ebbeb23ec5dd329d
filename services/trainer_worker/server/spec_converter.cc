#include "services/trainer_worker/server/spec_converter.h"

#include <google/protobuf/util/json_util.h>

#include "services/trainer_worker/core/model/architectures.h"

namespace sda::trainer {
namespace {

using trainer::v1::ModelConfig;
using trainer::v1::OptimizerSettings;
using trainer::v1::ScheduleConfig;
using trainer::v1::TrainingConfig;
using trainer::v1::TrainingSpec;

Architecture ToArchitecture(ModelConfig::Architecture architecture) {
  switch (architecture) {
    case ModelConfig::ARCHITECTURE_WIDE_DEEP:
      return Architecture::kWideDeep;
    case ModelConfig::ARCHITECTURE_DEEPFM:
      return Architecture::kDeepFm;
    case ModelConfig::ARCHITECTURE_DCNV2:
      return Architecture::kDcnV2;
    default:
      return Architecture::kDlrm;
  }
}

EmbeddingSpec ToEmbedding(const ModelConfig& config) {
  EmbeddingSpec embedding;
  embedding.widths.assign(config.embedding_dims().begin(), config.embedding_dims().end());
  embedding.project = config.project_embeddings();
  embedding.mixed_temperature = config.mixed_dimension_temperature();
  embedding.mixed_power_of_two = config.mixed_dimension_power_of_two();
  embedding.hash_rows = config.hash_rows();
  embedding.quotient_collisions = config.quotient_collisions();
  embedding.compression_threshold = config.compression_threshold();
  if (config.quotient_operation() == ModelConfig::QUOTIENT_OPERATION_ADD)
    embedding.quotient_operation = QuotientOperation::kAdd;
  if (config.quotient_operation() == ModelConfig::QUOTIENT_OPERATION_CONCAT)
    embedding.quotient_operation = QuotientOperation::kConcatenate;
  if (config.pooling() == ModelConfig::POOLING_MEAN) embedding.pooling = Pooling::kMean;
  return embedding;
}

ModelSpec ToModel(const ModelConfig& config) {
  ModelSpec model;
  model.embedding_dim = config.embedding_dim();
  model.bottom_layers.assign(config.bottom_layers().begin(), config.bottom_layers().end());
  model.top_layers.assign(config.top_layers().begin(), config.top_layers().end());
  if (config.interaction() == ModelConfig::INTERACTION_CAT) {
    model.interaction = Interaction::kCat;
  } else {
    model.interaction = config.interaction_self() ? Interaction::kDotSelf : Interaction::kDot;
  }
  ApplyArchitecture(ToArchitecture(config.architecture()), model);
  model.dense_input =
      config.dense_input() == ModelConfig::DENSE_INPUT_DIRECT ? DenseInput::kDirect : DenseInput::kBottom;
  if (config.architecture() == ModelConfig::ARCHITECTURE_DCNV2) {
    model.cross_layers = config.cross_layers();
    model.cross_rank = config.cross_rank();
  }
  model.embedding = ToEmbedding(config);
  model.dropout = config.dropout();
  model.embedding_init_scale = config.embedding_init_scale();
  return model;
}

std::string ToMetricName(TrainingConfig::TargetMetric metric) {
  switch (metric) {
    case TrainingConfig::TARGET_METRIC_LOGLOSS:
      return "logloss";
    case TrainingConfig::TARGET_METRIC_NORMALIZED_ENTROPY:
      return "normalized_entropy";
    case TrainingConfig::TARGET_METRIC_ACCURACY:
      return "accuracy";
    case TrainingConfig::TARGET_METRIC_GROUPED_AUC:
      return "grouped_auc";
    case TrainingConfig::TARGET_METRIC_MAP:
      return "map";
    case TrainingConfig::TARGET_METRIC_NDCG:
      return "ndcg";
    default:
      return "auc";
  }
}

TrainingOptions ToOptions(const TrainingConfig& config) {
  TrainingOptions options;
  options.batch_size = config.batch_size();
  options.epochs = config.epochs();
  options.evaluations_per_epoch = config.evaluations_per_epoch();
  options.evaluate_every_samples = config.evaluate_every_samples();
  options.evaluate_every_seconds = config.evaluate_every_seconds();
  options.patience = config.patience();
  options.keep = config.keep() == TrainingConfig::KEEP_LAST ? Keep::kLast : Keep::kBest;
  if (config.has_target_auc()) options.target_auc = config.target_auc();
  options.target_metric = ToMetricName(config.target_metric());
  if (config.has_target_value()) options.target_value = config.target_value();
  if (config.auc_method() == TrainingConfig::AUC_METHOD_HISTOGRAM) options.auc_method = AucMethod::kHistogram;
  options.group_by = config.group_by();
  options.shuffle = config.shuffle();
  options.checkpoint_interval = config.checkpoint_interval();
  options.precision =
      config.precision() == TrainingConfig::PRECISION_BF16 ? Precision::kBf16 : Precision::kFp32;
  options.gradients = {.l2_dense = config.l2_dense(),
                       .l2_sparse = config.l2_sparse(),
                       .gradient_clip = config.gradient_clip(),
                       .positive_weight = config.positive_weight()};
  return options;
}

Algorithm ToAlgorithm(OptimizerSettings::Algorithm algorithm) {
  switch (algorithm) {
    case OptimizerSettings::ALGORITHM_SGD:
      return Algorithm::kSgd;
    case OptimizerSettings::ALGORITHM_ROWWISE_ADAGRAD:
      return Algorithm::kRowwiseAdagrad;
    case OptimizerSettings::ALGORITHM_ADAM:
      return Algorithm::kAdam;
    case OptimizerSettings::ALGORITHM_LAMB:
      return Algorithm::kLamb;
    case OptimizerSettings::ALGORITHM_INTEL_LAMB:
      return Algorithm::kIntelLamb;
    default:
      return Algorithm::kAdagrad;
  }
}

UpdateOptions ToUpdate(const OptimizerSettings& settings) {
  return {.algorithm = ToAlgorithm(settings.algorithm()),
          .learning_rate = settings.learning_rate(),
          .epsilon = settings.epsilon(),
          .beta1 = settings.beta1(),
          .beta2 = settings.beta2(),
          .initial_accumulator = settings.initial_accumulator(),
          .momentum = settings.momentum(),
          .weight_decay = settings.weight_decay()};
}

ScheduleOptions ToSchedule(const ScheduleConfig& config) {
  ScheduleOptions schedule;
  schedule.warmup_fraction = config.warmup_fraction();
  schedule.final_factor = config.final_factor();
  if (config.decay() == ScheduleConfig::DECAY_LINEAR) schedule.decay = Decay::kLinear;
  if (config.decay() == ScheduleConfig::DECAY_COSINE) schedule.decay = Decay::kCosine;
  if (config.decay() == ScheduleConfig::DECAY_POLYNOMIAL) schedule.decay = Decay::kPolynomial;
  if (config.decay() == ScheduleConfig::DECAY_MLPERF) schedule.decay = Decay::kMlperf;
  schedule.hold_fraction = config.hold_fraction();
  schedule.power = config.power();
  schedule.warmup_steps = config.warmup_steps();
  schedule.decay_start_step = config.decay_start_step();
  schedule.decay_steps = config.decay_steps();
  return schedule;
}

}  // namespace

TrainingJob ToTrainingJob(const TrainingSpec& spec) {
  TrainingJob job;
  job.model = ToModel(spec.model());
  job.options = ToOptions(spec.training());
  job.optimizer = {.dense = ToUpdate(spec.optimizer().dense()),
                   .sparse = ToUpdate(spec.optimizer().sparse()),
                   .schedule = ToSchedule(spec.optimizer().schedule())};
  job.seed = static_cast<uint64_t>(spec.seed());
  google::protobuf::util::JsonPrintOptions json;
  json.preserve_proto_field_names = true;
  std::string text;
  if (google::protobuf::util::MessageToJsonString(spec, &text, json).ok()) job.spec_json = text;
  return job;
}

}  // namespace sda::trainer
