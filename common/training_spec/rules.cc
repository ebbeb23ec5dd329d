#include "common/training_spec/rules.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/strings.h"

namespace sda::training_spec {
namespace {

using sda::trainer::v1::ModelConfig;
using sda::trainer::v1::OptimizerSettings;
using sda::trainer::v1::TrainingSpec;

// Ranges are those that sda/trainer/v1/training_spec.proto documents. Enums need no range; their defaults
// stand here too.
constexpr FieldRule kRules[] = {
    {.path = "model.architecture", .default_value = "dlrm", .meaning = "family of models"},
    {.path = "model.embedding_dim",
     .min = 1,
     .max = 1024,
     .default_value = "16",
     .meaning = "width of an embedding row"},
    {.path = "model.bottom_layers",
     .min = 1,
     .max = 16384,
     .default_value = "[64]",
     .meaning = "hidden layers of the bottom MLP"},
    {.path = "model.top_layers",
     .min = 1,
     .max = 16384,
     .default_value = "[128, 64]",
     .meaning = "hidden layers of the top MLP"},
    {.path = "model.interaction", .default_value = "dot", .meaning = "how vectors meet"},
    {.path = "model.dropout", .min = 0, .max = 0.9, .meaning = "share of activations dropped in the top MLP"},
    {.path = "model.embedding_init_scale",
     .min = 0,
     .max = 100,
     .min_exclusive = true,
     .default_value = "1",
     .meaning = "scale of initial embeddings"},
    {.path = "model.dense_input", .meaning = "what stands for the dense columns"},
    {.path = "model.cross_layers",
     .min = 1,
     .max = 16,
     .default_value = "3",
     .meaning = "cross layers of DCNV2"},
    {.path = "model.cross_rank", .min = 0, .max = 16384, .meaning = "rank of cross matrices, 0 for full"},
    {.path = "model.embedding_dims",
     .min = 1,
     .max = 1024,
     .max_items = 4096,
     .item = "width",
     .meaning = "width of each table"},
    {.path = "model.project_embeddings", .meaning = "project vectors of other widths to embedding_dim"},
    {.path = "model.mixed_dimension_temperature",
     .min = 0,
     .max = 1,
     .meaning = "how fast widths shrink with the rows of a table"},
    {.path = "model.mixed_dimension_power_of_two", .meaning = "round such widths to powers of two"},
    {.path = "model.hash_rows",
     .min = 0,
     .max = 2147483647,
     .meaning = "largest table, beyond it ids are cut"},
    {.path = "model.quotient_collisions",
     .min = 0,
     .max = 1048576,
     .meaning = "values that share a row of a quotient table"},
    {.path = "model.quotient_operation",
     .default_value = "mult",
     .meaning = "how quotient and remainder rows meet"},
    {.path = "model.compression_threshold",
     .min = 0,
     .max = 2147483647,
     .default_value = "200",
     .meaning = "rows up to which tables stay whole"},
    {.path = "model.pooling", .default_value = "sum", .meaning = "how several values of a column are pooled"},
    {.path = "training.batch_size",
     .min = 1,
     .max = 1048576,
     .default_value = "2048",
     .meaning = "samples a step"},
    {.path = "training.epochs",
     .min = 0,
     .max = 1000,
     .min_exclusive = true,
     .default_value = "1",
     .meaning = "passes over the training split"},
    {.path = "training.evaluations_per_epoch",
     .min = 1,
     .max = 100,
     .default_value = "1",
     .meaning = "evaluations an epoch"},
    {.path = "training.patience",
     .min = 0,
     .max = 1000,
     .meaning = "evaluations without a better AUC before stopping"},
    {.path = "training.keep", .default_value = "best", .meaning = "which weights become the model"},
    {.path = "training.target_auc",
     .min = 0.5,
     .max = 1,
     .min_exclusive = true,
     .meaning = "AUC at which training stops"},
    {.path = "training.l2_dense", .min = 0, .max = 1, .meaning = "L2 penalty on MLP weights"},
    {.path = "training.l2_sparse", .min = 0, .max = 1, .meaning = "L2 penalty on embedding rows"},
    {.path = "training.gradient_clip", .min = 0, .max = 1e6, .meaning = "largest norm of the dense gradient"},
    {.path = "training.positive_weight",
     .min = 0,
     .max = 1000,
     .min_exclusive = true,
     .default_value = "1",
     .meaning = "weight of positive samples"},
    {.path = "training.shuffle", .default_value = "true", .meaning = "shuffle rows each epoch"},
    {.path = "training.checkpoint_interval",
     .min = 0,
     .max = 1000,
     .default_value = "1",
     .meaning = "evaluations between checkpoints"},
    {.path = "training.group_by", .meaning = "column whose values group the rows"},
    {.path = "training.initial_model_uri", .meaning = "trained model to begin with"},
    {.path = "training.initial_model_sha256", .meaning = "checksum of that model's weights.bin"},
    {.path = "training.evaluate_every_samples",
     .min = 0,
     .max = 1e12,
     .meaning = "samples between evaluations, 0 for parts of an epoch"},
    {.path = "training.evaluate_every_seconds",
     .min = 0,
     .max = 1e6,
     .meaning = "seconds of training between evaluations, 0 for parts of an epoch"},
    {.path = "training.target_metric",
     .default_value = "auc",
     .meaning = "metric at whose target_value training stops"},
    {.path = "training.target_value",
     .min = 0,
     .max = 1000,
     .meaning = "value of target_metric at which training stops"},
    {.path = "training.auc_method", .default_value = "exact", .meaning = "how the AUC is measured"},
    {.path = "training.precision",
     .default_value = "fp32",
     .meaning = "rounding of the operands of products"},
    {.path = "optimizer.dense.algorithm", .default_value = "adagrad", .meaning = "update rule of the MLPs"},
    {.path = "optimizer.dense.learning_rate",
     .min = 0,
     .max = 100,
     .min_exclusive = true,
     .default_value = "0.01",
     .meaning = "learning rate of the MLPs"},
    {.path = "optimizer.dense.epsilon",
     .min = 0,
     .max = 1,
     .min_exclusive = true,
     .meaning = "term against division by zero"},
    {.path = "optimizer.dense.beta1",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .default_value = "0.9",
     .meaning = "decay of Adam's and LAMB's mean"},
    {.path = "optimizer.dense.beta2",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .default_value = "0.999",
     .meaning = "decay of Adam's and LAMB's variance"},
    {.path = "optimizer.dense.initial_accumulator", .min = 0, .max = 1e6, .meaning = "Adagrad's initial sum"},
    {.path = "optimizer.dense.momentum",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .meaning = "momentum of SGD"},
    {.path = "optimizer.dense.weight_decay", .min = 0, .max = 1, .meaning = "weight decay of LAMB"},
    {.path = "optimizer.sparse.algorithm",
     .default_value = "rowwise_adagrad",
     .meaning = "update rule of the embeddings"},
    {.path = "optimizer.sparse.learning_rate",
     .min = 0,
     .max = 100,
     .min_exclusive = true,
     .default_value = "0.01",
     .meaning = "learning rate of the embeddings"},
    {.path = "optimizer.sparse.epsilon",
     .min = 0,
     .max = 1,
     .min_exclusive = true,
     .meaning = "term against division by zero"},
    {.path = "optimizer.sparse.beta1",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .default_value = "0.9",
     .meaning = "decay of Adam's and LAMB's mean"},
    {.path = "optimizer.sparse.beta2",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .default_value = "0.999",
     .meaning = "decay of Adam's and LAMB's variance"},
    {.path = "optimizer.sparse.initial_accumulator",
     .min = 0,
     .max = 1e6,
     .meaning = "Adagrad's initial sum"},
    {.path = "optimizer.sparse.momentum",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .meaning = "momentum of SGD"},
    {.path = "optimizer.sparse.weight_decay", .min = 0, .max = 1, .meaning = "weight decay of LAMB"},
    {.path = "optimizer.schedule.warmup_fraction",
     .min = 0,
     .max = 1,
     .meaning = "share of steps with linear warm-up"},
    {.path = "optimizer.schedule.decay", .default_value = "none", .meaning = "what follows warm-up"},
    {.path = "optimizer.schedule.final_factor",
     .min = 0,
     .max = 1,
     .meaning = "factor on the learning rate at the last step"},
    {.path = "optimizer.schedule.hold_fraction",
     .min = 0,
     .max = 1,
     .meaning = "share of steps between warm-up and decay"},
    {.path = "optimizer.schedule.power",
     .min = 0,
     .max = 10,
     .min_exclusive = true,
     .default_value = "2",
     .meaning = "power of the polynomial decay"},
    {.path = "optimizer.schedule.warmup_steps", .min = 0, .max = 1e9, .meaning = "warm-up of mlperf"},
    {.path = "optimizer.schedule.decay_start_step", .min = 0, .max = 1e9, .meaning = "decay start of mlperf"},
    {.path = "optimizer.schedule.decay_steps", .min = 0, .max = 1e9, .meaning = "decay length of mlperf"},
};

bool InRange(const FieldRule& rule, double value) {
  const bool above = rule.min_exclusive ? value > rule.min : value >= rule.min;
  const bool below = rule.max_exclusive ? value < rule.max : value <= rule.max;
  return above && below;  // false for NaN
}

bool IsNumeric(const FieldRule& rule) {
  const FieldType type = *TypeOfField(rule.path);
  return type == FieldType::kDouble || type == FieldType::kInt || type == FieldType::kIntList;
}

std::string OutOfRange(const FieldRule& rule, double value) {
  return absl::StrCat("is ", FormatValue(value), "; must be ", RangeText(rule));
}

std::string CheckList(const FieldRule& rule, const std::string& text) {
  const std::vector<int64_t> items = *ParseIntList(text);
  if (items.size() > static_cast<size_t>(rule.max_items)) {
    return absl::StrCat("has ", items.size(), " ", ToAbsl(rule.item), "s; must have at most ",
                        rule.max_items);
  }
  for (int64_t item : items) {
    if (!InRange(rule, static_cast<double>(item))) {
      return absl::StrCat("has a ", ToAbsl(rule.item), " of ", item, "; each must be ", RangeText(rule));
    }
  }
  return "";
}

bool IsHexDigest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// The default of a field as the value SetField takes.
FieldValue ParseDefault(const FieldRule& rule) {
  const FieldType type = *TypeOfField(rule.path);
  double number = 0;
  if ((type == FieldType::kDouble || type == FieldType::kInt) &&
      absl::SimpleAtod(ToAbsl(rule.default_value), &number)) {
    return number;
  }
  return std::string(rule.default_value);
}

bool IsUnset(const TrainingSpec& spec, const FieldRule& rule) {
  if (!HasField(spec, rule.path)) return true;
  const FieldValue value = *GetField(spec, rule.path);
  switch (*TypeOfField(rule.path)) {
    case FieldType::kEnum:
      return value == FieldValue(std::string("unspecified"));
    case FieldType::kDouble:
      // A range that contains 0 keeps a 0 that was given: such fields are `optional`, so HasField has spoken.
      return value == FieldValue(0.0) && !InRange(rule, 0);
    case FieldType::kInt:
      return value == FieldValue(int64_t{0}) && !InRange(rule, 0);
    default:
      return false;
  }
}

// Epsilon's default depends on the algorithm.
void FillEpsilon(OptimizerSettings& settings) {
  if (settings.has_epsilon()) return;
  const bool adagrad = settings.algorithm() == OptimizerSettings::ALGORITHM_ADAGRAD ||
                       settings.algorithm() == OptimizerSettings::ALGORITHM_ROWWISE_ADAGRAD;
  const bool lamb = settings.algorithm() == OptimizerSettings::ALGORITHM_LAMB ||
                    settings.algorithm() == OptimizerSettings::ALGORITHM_INTEL_LAMB;
  settings.set_epsilon(adagrad ? 1e-10 : lamb ? 1e-6 : 1e-8);
}

// What stands for the dense columns depends on the architecture.
void FillDenseInput(ModelConfig& model) {
  if (model.dense_input() != ModelConfig::DENSE_INPUT_UNSPECIFIED) return;
  model.set_dense_input(model.architecture() == ModelConfig::ARCHITECTURE_DLRM
                            ? ModelConfig::DENSE_INPUT_BOTTOM
                            : ModelConfig::DENSE_INPUT_DIRECT);
}

// Rules between the fields of a training.
void CheckTraining(const sda::trainer::v1::TrainingConfig& training,
                   std::vector<FieldViolation>& violations) {
  using sda::trainer::v1::TrainingConfig;
  if (training.initial_model_uri().empty() && !training.initial_model_sha256().empty()) {
    violations.push_back({"training.initial_model_sha256", "is set without training.initial_model_uri"});
  }
  if (!training.initial_model_uri().empty() && !IsHexDigest(training.initial_model_sha256())) {
    violations.push_back({"training.initial_model_sha256",
                          absl::StrCat("is \"", training.initial_model_sha256(),
                                       "\"; must be the SHA-256 of the model's weights.bin, 64 lower-case "
                                       "hexadecimal digits")});
  }
  const bool of_groups = training.target_metric() >= TrainingConfig::TARGET_METRIC_GROUPED_AUC;
  if (training.has_target_value() && of_groups && training.group_by().empty()) {
    violations.push_back(
        {"training.target_metric", "is a metric of groups; name their column as training.group_by"});
  }
  if (training.auc_method() == TrainingConfig::AUC_METHOD_HISTOGRAM && !training.group_by().empty()) {
    violations.push_back(
        {"training.auc_method", "is histogram beside training.group_by; metrics of groups need exact"});
  }
}

// Rules between the fields of a model.
void CheckModel(const ModelConfig& model, std::vector<FieldViolation>& violations) {
  const bool dlrm = model.architecture() == ModelConfig::ARCHITECTURE_DLRM;
  if (dlrm && model.interaction() != ModelConfig::INTERACTION_CAT &&
      model.dense_input() == ModelConfig::DENSE_INPUT_DIRECT) {
    violations.push_back(
        {"model.dense_input",
         "is direct; with model.interaction dot it must be bottom, whose output is as wide as "
         "the embeddings"});
  }
  const bool mixed = model.mixed_dimension_temperature() > 0;
  if (mixed && !model.embedding_dims().empty()) {
    violations.push_back({"model.mixed_dimension_temperature",
                          "is set beside model.embedding_dims; only one of them can decide the widths"});
  }
  if (model.quotient_collisions() > 1 && (mixed || !model.embedding_dims().empty())) {
    violations.push_back({"model.quotient_collisions",
                          "is set beside widths that differ (model.embedding_dims or "
                          "model.mixed_dimension_temperature); choose one way to make tables smaller"});
  }
  if (model.quotient_collisions() > 1 &&
      model.quotient_operation() == ModelConfig::QUOTIENT_OPERATION_CONCAT && model.embedding_dim() < 2) {
    violations.push_back({"model.embedding_dim", absl::StrCat("is ", model.embedding_dim(),
                                                              "; must be at least 2 to be split by "
                                                              "model.quotient_operation concat")});
  }
}

}  // namespace

std::span<const FieldRule> Rules() {
  return kRules;
}

const FieldRule* FindRule(std::string_view path) {
  const auto found =
      std::find_if(std::begin(kRules), std::end(kRules), [&](const auto& rule) { return rule.path == path; });
  return found == std::end(kRules) ? nullptr : found;
}

std::string RangeText(const FieldRule& rule) {
  return absl::StrCat("in ", rule.min_exclusive ? "(" : "[", FormatValue(rule.min), ", ",
                      FormatValue(rule.max), rule.max_exclusive ? ")" : "]");
}

std::string CheckValue(std::string_view path, const FieldValue& value) {
  TrainingSpec scratch;
  if (const absl::Status status = SetField(scratch, path, value); !status.ok()) {
    const auto detail = GetErrorDetail(status);
    return detail && !detail->violations.empty() ? detail->violations[0].description
                                                 : std::string(status.message());
  }
  const FieldRule* rule = FindRule(path);
  if (rule == nullptr || !IsNumeric(*rule)) return "";
  if (*TypeOfField(path) == FieldType::kIntList) return CheckList(*rule, std::get<std::string>(value));
  const double number = std::holds_alternative<double>(value) ? std::get<double>(value)
                                                              : static_cast<double>(std::get<int64_t>(value));
  return InRange(*rule, number) ? "" : OutOfRange(*rule, number);
}

std::vector<FieldViolation> ValidateSpec(const TrainingSpec& spec) {
  std::vector<FieldViolation> violations;
  if (spec.dataset_manifest_uri().empty())
    violations.push_back({"dataset_manifest_uri", "is empty; must name a manifest"});
  if (!IsHexDigest(spec.dataset_manifest_sha256())) {
    violations.push_back(
        {"dataset_manifest_sha256", absl::StrCat("is \"", spec.dataset_manifest_sha256(),
                                                 "\"; must be 64 lower-case hexadecimal digits")});
  }
  for (const FieldRule& rule : kRules) {
    if (!HasField(spec, rule.path) || !IsNumeric(rule)) continue;
    const std::string problem = CheckValue(rule.path, *GetField(spec, rule.path));
    if (!problem.empty()) violations.push_back({std::string(rule.path), problem});
  }
  if (spec.optimizer().dense().algorithm() == OptimizerSettings::ALGORITHM_ROWWISE_ADAGRAD) {
    violations.push_back(
        {"optimizer.dense.algorithm",
         "is rowwise_adagrad; it has rows only for embeddings: must be sgd, adagrad, adam, lamb or "
         "intel_lamb"});
  }
  CheckModel(spec.model(), violations);
  CheckTraining(spec.training(), violations);
  const auto& schedule = spec.optimizer().schedule();
  if (schedule.warmup_fraction() + schedule.hold_fraction() > 1) {
    violations.push_back(
        {"optimizer.schedule.hold_fraction",
         absl::StrCat("is ", schedule.hold_fraction(), "; with optimizer.schedule.warmup_fraction of ",
                      schedule.warmup_fraction(), " it must be at most 1 together")});
  }
  return violations;
}

void FillDefaults(TrainingSpec& spec) {
  for (const FieldRule& rule : kRules) {
    if (rule.default_value.empty() || !IsUnset(spec, rule)) continue;
    const FieldValue value = ParseDefault(rule);
    // The table is checked by its test: every default keeps its own rule.
    SetField(spec, rule.path, value).IgnoreError();
  }
  FillDenseInput(*spec.mutable_model());
  FillEpsilon(*spec.mutable_optimizer()->mutable_dense());
  FillEpsilon(*spec.mutable_optimizer()->mutable_sparse());
}

}  // namespace sda::training_spec
