#include "common/training_spec/rules.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/strings.h"

namespace sda::training_spec {
namespace {

using sda::trainer::v1::OptimizerSettings;
using sda::trainer::v1::TrainingSpec;

constexpr double kMaxLayers = 32;

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
     .meaning = "decay of Adam's mean"},
    {.path = "optimizer.dense.beta2",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .default_value = "0.999",
     .meaning = "decay of Adam's variance"},
    {.path = "optimizer.dense.initial_accumulator", .min = 0, .max = 1e6, .meaning = "Adagrad's initial sum"},
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
     .meaning = "decay of Adam's mean"},
    {.path = "optimizer.sparse.beta2",
     .min = 0,
     .max = 1,
     .max_exclusive = true,
     .default_value = "0.999",
     .meaning = "decay of Adam's variance"},
    {.path = "optimizer.sparse.initial_accumulator",
     .min = 0,
     .max = 1e6,
     .meaning = "Adagrad's initial sum"},
    {.path = "optimizer.schedule.warmup_fraction",
     .min = 0,
     .max = 1,
     .meaning = "share of steps with linear warm-up"},
    {.path = "optimizer.schedule.decay", .default_value = "none", .meaning = "what follows warm-up"},
    {.path = "optimizer.schedule.final_factor",
     .min = 0,
     .max = 1,
     .meaning = "factor on the learning rate at the last step"},
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
  if (static_cast<double>(items.size()) > kMaxLayers) {
    return absl::StrCat("has ", items.size(), " layers; must have at most ", kMaxLayers);
  }
  for (int64_t item : items) {
    if (!InRange(rule, static_cast<double>(item))) {
      return absl::StrCat("has a layer of ", item, "; each must be ", RangeText(rule));
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
  settings.set_epsilon(adagrad ? 1e-10 : 1e-8);
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
         "is rowwise_adagrad; it has rows only for embeddings: must be sgd, adagrad or adam"});
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
  FillEpsilon(*spec.mutable_optimizer()->mutable_dense());
  FillEpsilon(*spec.mutable_optimizer()->mutable_sparse());
}

}  // namespace sda::training_spec
