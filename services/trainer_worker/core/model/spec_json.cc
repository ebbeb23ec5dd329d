#include "services/trainer_worker/core/model/spec_json.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/trainer_worker/core/model/architectures.h"

namespace sda::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kInteractions[] = {"dot", "dot_self", "cat"};
constexpr std::string_view kLosses[] = {"binary_cross_entropy", "mean_squared_error"};
constexpr std::string_view kDenseInputs[] = {"bottom", "direct"};
constexpr std::string_view kPoolings[] = {"sum", "mean"};
constexpr std::string_view kOperations[] = {"mult", "add", "concat"};

// Reads an enum by its name; one that is not there keeps its value.
template <class Enum, size_t kCount>
absl::Status ReadName(const Json& json, const char* key, const std::string_view (&names)[kCount],
                      Enum& value) {
  if (!json.contains(key)) return absl::OkStatus();
  const auto name = json.at(key).get<std::string>();
  const auto known = std::find(std::begin(names), std::end(names), name);
  if (known == std::end(names))
    return absl::FailedPreconditionError(absl::StrCat(key, " \"", name, "\" is not known"));
  value = static_cast<Enum>(known - std::begin(names));
  return absl::OkStatus();
}

template <class Value>
void Read(const Json& json, const char* key, Value& value) {
  if (json.contains(key)) json.at(key).get_to(value);
}

template <class Enum, size_t kCount>
std::string_view Name(const std::string_view (&names)[kCount], Enum value) {
  return names[static_cast<size_t>(value)];
}

absl::StatusOr<EmbeddingSpec> EmbeddingFromJson(const Json& json) {
  EmbeddingSpec embedding;
  Read(json, "widths", embedding.widths);
  Read(json, "project", embedding.project);
  Read(json, "mixed_temperature", embedding.mixed_temperature);
  Read(json, "mixed_power_of_two", embedding.mixed_power_of_two);
  Read(json, "hash_rows", embedding.hash_rows);
  Read(json, "quotient_collisions", embedding.quotient_collisions);
  Read(json, "compression_threshold", embedding.compression_threshold);
  SDA_RETURN_IF_ERROR(ReadName(json, "quotient_operation", kOperations, embedding.quotient_operation));
  SDA_RETURN_IF_ERROR(ReadName(json, "pooling", kPoolings, embedding.pooling));
  return embedding;
}

absl::StatusOr<ModelSpec> Parse(const Json& json) {
  ModelSpec spec;
  json.at("embedding_dim").get_to(spec.embedding_dim);
  json.at("bottom_layers").get_to(spec.bottom_layers);
  json.at("top_layers").get_to(spec.top_layers);
  SDA_RETURN_IF_ERROR(ReadName(json, "interaction", kInteractions, spec.interaction));
  Read(json, "dropout", spec.dropout);
  Read(json, "embedding_init_scale", spec.embedding_init_scale);
  SDA_RETURN_IF_ERROR(ReadName(json, "loss", kLosses, spec.loss));
  SDA_RETURN_IF_ERROR(ReadName(json, "dense_input", kDenseInputs, spec.dense_input));
  Read(json, "wide", spec.wide);
  Read(json, "factorization", spec.factorization);
  Read(json, "cross_layers", spec.cross_layers);
  Read(json, "cross_rank", spec.cross_rank);
  if (json.contains("embedding")) {
    SDA_ASSIGN_OR_RETURN(spec.embedding, EmbeddingFromJson(json.at("embedding")));
  }
  return spec;
}

}  // namespace

Json SpecToJson(const ModelSpec& spec) {
  const EmbeddingSpec& embedding = spec.embedding;
  return {{"architecture", ArchitectureName(ArchitectureOf(spec))},
          {"embedding_dim", spec.embedding_dim},
          {"bottom_layers", spec.bottom_layers},
          {"top_layers", spec.top_layers},
          {"interaction", Name(kInteractions, spec.interaction)},
          {"dropout", spec.dropout},
          {"embedding_init_scale", spec.embedding_init_scale},
          {"loss", Name(kLosses, spec.loss)},
          {"dense_input", Name(kDenseInputs, spec.dense_input)},
          {"wide", spec.wide},
          {"factorization", spec.factorization},
          {"cross_layers", spec.cross_layers},
          {"cross_rank", spec.cross_rank},
          {"embedding",
           {{"widths", embedding.widths},
            {"project", embedding.project},
            {"mixed_temperature", embedding.mixed_temperature},
            {"mixed_power_of_two", embedding.mixed_power_of_two},
            {"hash_rows", embedding.hash_rows},
            {"quotient_collisions", embedding.quotient_collisions},
            {"compression_threshold", embedding.compression_threshold},
            {"quotient_operation", Name(kOperations, embedding.quotient_operation)},
            {"pooling", Name(kPoolings, embedding.pooling)}}}};
}

absl::StatusOr<ModelSpec> SpecFromJson(const Json& json) {
  try {
    return Parse(json);
  } catch (const Json::exception& e) {
    return absl::FailedPreconditionError(e.what());
  }
}

}  // namespace sda::trainer
