#ifndef SDA_SERVICES_ADVISOR_SERVER_SPEC_RULES_H_
#define SDA_SERVICES_ADVISOR_SERVER_SPEC_RULES_H_

#include "common/base/error.h"
#include "sda/trainer/v1/training_spec.pb.h"
#include "services/advisor/core/spec.h"

namespace sda::advisor {

// The fields of sda.trainer.v1.TrainingSpec and the rules that workers refuse specs by, as core takes them.
// Made once.
const SpecRules& TrainingSpecRules();

// A spec with `values` written into it; what `values` leaves out stays unset. `values` must have passed the
// rules.
trainer::v1::TrainingSpec ToTrainingSpec(const SpecValues& values);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_SPEC_RULES_H_
