#ifndef SDA_SERVICES_ADVISOR_SERVER_EXPECTED_SECONDS_H_
#define SDA_SERVICES_ADVISOR_SERVER_EXPECTED_SECONDS_H_

#include <string>

#include "sda/advisor/v1/advisor.pb.h"
#include "sda/preprocessing/v1/dataset.pb.h"

namespace sda::advisor {

// How long trials of the recipe train by the cost model, as a formula over its parameters (see
// optimizer.v1.Metric.expected). Its shape is what counts: the optimizer fits scale and offset. Empty where
// no searched parameter changes the cost, or too many choices do.
std::string ExpectedSeconds(const v1::Recipe& recipe, const preprocessing::v1::Dataset& dataset);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_EXPECTED_SECONDS_H_
