#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_ARCHITECTURES_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_ARCHITECTURES_H_

#include <string_view>

#include <absl/status/status.h>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/model/model_spec.h"

namespace sda::trainer {

// The published models, each a choice of the shared layers:
//   DLRM         features meet in dot products (or side by side), then the top network
//   Wide & Deep  top network over all features side by side, plus the wide part          (Cheng et al. 2016)
//   DeepFM       Wide & Deep plus the factorization term                                 (Guo et al. 2017)
//   DCN V2       cross layers over all features side by side, then the top network; the stacked form
//                                                                                        (Wang et al. 2021)
enum class Architecture { kDlrm, kWideDeep, kDeepFm, kDcnV2 };

// Sets interaction, wide part, factorization and cross layers as the architecture has them; DLRM keeps the
// interaction that is set, DCN V2 the cross layers (3 where there are none).
void ApplyArchitecture(Architecture architecture, ModelSpec& spec);

// Which of them a spec is: the one with most of its layers.
Architecture ArchitectureOf(const ModelSpec& spec);

// "dlrm", "wide_deep", "deepfm", "dcnv2".
std::string_view ArchitectureName(Architecture architecture);

// Whether a model of this spec can be made for these inputs. INVALID_ARGUMENT names the field of the training
// spec and the rule.
absl::Status CheckSpec(const ModelSpec& spec, const InputShape& inputs);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_MODEL_ARCHITECTURES_H_
