#ifndef SDA_SERVICES_ADVISOR_SERVER_ADVICE_INPUT_H_
#define SDA_SERVICES_ADVISOR_SERVER_ADVICE_INPUT_H_

#include <string>

#include "sda/advisor/v1/advisor_service.pb.h"
#include "sda/preprocessing/v1/dataset.pb.h"
#include "sda/trainer/v1/trainer_service.pb.h"
#include "services/advisor/core/advice.h"

namespace sda::advisor {

// What other services say, as core's advice takes it.
DatasetProfile ToProfile(const preprocessing::v1::Dataset& dataset);
WorkerProfile ToWorkerProfile(const trainer::v1::Worker& worker);

// `advice` must have passed validation.
AdviceRequest ToAdviceRequest(const v1::RecipeAdvice& advice, const preprocessing::v1::Dataset& dataset,
                              const trainer::v1::Worker& worker);

// The advised recipe as a message, complete but for name and create_time.
absl::StatusOr<v1::Recipe> AdviseFor(const v1::RecipeAdvice& advice,
                                     const preprocessing::v1::Dataset& dataset,
                                     const trainer::v1::Worker& worker);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_ADVICE_INPUT_H_
