#ifndef SDA_SERVICES_ADVISOR_SERVER_RECIPE_PROTO_H_
#define SDA_SERVICES_ADVISOR_SERVER_RECIPE_PROTO_H_

#include <vector>

#include "sda/advisor/v1/advisor.pb.h"
#include "sda/advisor/v1/advisor_service.pb.h"
#include "services/advisor/core/metric.h"
#include "services/advisor/core/recipe.h"

// Between core's values and messages.
namespace sda::advisor {

// Everything but name and create_time; the dataset's manifest in the spec is left to whoever knows it.
v1::Recipe ToProto(const Recipe& recipe);

v1::RecipeViolation ToProto(const RecipeViolation& violation);

std::vector<Metric> FromProto(const v1::Goal& goal);
optimizer::v1::Metric ToProto(const Metric& metric);

Machine FromProto(const common::v1::MachineProfile& machine);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RECIPE_PROTO_H_
