#ifndef SDA_SERVICES_ADVISOR_SERVER_ADVISOR_SERVICE_H_
#define SDA_SERVICES_ADVISOR_SERVER_ADVISOR_SERVICE_H_

#include <memory>

#include "common/rpc/call_environment.h"
#include "services/advisor/server/model_calls.h"
#include "services/advisor/server/recipe_calls.h"
#include "services/advisor/server/run_calls.h"

namespace grpc {
class Service;
}

namespace sda::advisor {

// sda.advisor.v1.AdvisorService over the calls of its three kinds of resources. All must outlive it.
std::unique_ptr<grpc::Service> MakeAdvisorService(RecipeCalls& recipes, RunCalls& runs, ModelCalls& models,
                                                  rpc::CallEnvironment& calls);

inline constexpr char kAdvisorServiceName[] = "sda.advisor.v1.AdvisorService";

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_ADVISOR_SERVICE_H_
