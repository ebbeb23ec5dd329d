#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_SPEC_JSON_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_SPEC_JSON_H_

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

#include "services/trainer_worker/core/model/model_spec.h"

namespace sda::trainer {

// A model's whole structure as it stands in exported models, keys in a fixed order.
nlohmann::ordered_json SpecToJson(const ModelSpec& spec);

// FAILED_PRECONDITION names what is missing, of another type, or not known. Keys that earlier versions did
// not write may be missing.
absl::StatusOr<ModelSpec> SpecFromJson(const nlohmann::ordered_json& json);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_SPEC_JSON_H_
