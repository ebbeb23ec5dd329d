#include "services/trainer_worker/core/model/architectures.h"

#include <absl/strings/str_cat.h>

#include "common/base/error.h"

namespace sda::trainer {
namespace {

constexpr int64_t kUsualCrossLayers = 3;

}  // namespace

void ApplyArchitecture(Architecture architecture, ModelSpec& spec) {
  if (architecture != Architecture::kDlrm) spec.interaction = Interaction::kCat;
  spec.wide = architecture == Architecture::kWideDeep || architecture == Architecture::kDeepFm;
  spec.factorization = architecture == Architecture::kDeepFm;
  if (architecture != Architecture::kDcnV2) {
    spec.cross_layers = 0;
  } else if (spec.cross_layers == 0) {
    spec.cross_layers = kUsualCrossLayers;
  }
}

Architecture ArchitectureOf(const ModelSpec& spec) {
  if (spec.cross_layers > 0) return Architecture::kDcnV2;
  if (spec.factorization) return Architecture::kDeepFm;
  return spec.wide ? Architecture::kWideDeep : Architecture::kDlrm;
}

std::string_view ArchitectureName(Architecture architecture) {
  switch (architecture) {
    case Architecture::kDlrm:
      return "dlrm";
    case Architecture::kWideDeep:
      return "wide_deep";
    case Architecture::kDeepFm:
      return "deepfm";
    case Architecture::kDcnV2:
      return "dcnv2";
  }
  return "";
}

absl::Status CheckSpec(const ModelSpec& spec, const InputShape& inputs) {
  const EmbeddingSpec& embedding = spec.embedding;
  const auto widths = static_cast<int64_t>(embedding.widths.size());
  if (widths != 0 && widths != inputs.tables()) {
    return InvalidField("model.embedding_dims",
                        absl::StrCat("has ", widths, " widths; must have one for each of the ",
                                     inputs.tables(), " categorical columns of the dataset, or none"));
  }
  if (spec.dense_input == DenseInput::kDirect && spec.interaction != Interaction::kCat) {
    return InvalidField("model.dense_input", "is direct; dot products need the bottom network");
  }
  if (embedding.quotient_collisions > 1 && (widths > 0 || embedding.mixed_temperature > 0)) {
    return InvalidField("model.quotient_collisions", "is set beside widths that differ; choose one");
  }
  if (spec.cross_layers > 0 && spec.interaction != Interaction::kCat) {
    return InvalidField("model.interaction", "is dot; cross layers take the features side by side");
  }
  return absl::OkStatus();
}

}  // namespace sda::trainer
