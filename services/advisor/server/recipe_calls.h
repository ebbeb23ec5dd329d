#ifndef SDA_SERVICES_ADVISOR_SERVER_RECIPE_CALLS_H_
#define SDA_SERVICES_ADVISOR_SERVER_RECIPE_CALLS_H_

#include <stop_token>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/storage/sql/database.h"
#include "sda/advisor/v1/advisor_service.pb.h"
#include "services/advisor/server/peers.h"

namespace sda::advisor {

// The calls about recipes. Thread-safe. `stop` cuts off calls to other services.
class RecipeCalls {
 public:
  RecipeCalls(sql::Database& database, Peers& peers, Clock& clock)
      : database_(database), peers_(peers), clock_(clock) {}

  absl::StatusOr<v1::CreateRecipeResponse> Create(const v1::CreateRecipeRequest& request,
                                                  std::stop_token stop);
  absl::StatusOr<v1::ValidateRecipeResponse> Validate(const v1::ValidateRecipeRequest& request);
  absl::StatusOr<v1::GetRecipeResponse> Get(const v1::GetRecipeRequest& request);
  absl::StatusOr<v1::ListRecipesResponse> List(const v1::ListRecipesRequest& request);
  absl::StatusOr<v1::DeleteRecipeResponse> Delete(const v1::DeleteRecipeRequest& request);

 private:
  absl::StatusOr<v1::Recipe> Advised(const v1::RecipeAdvice& advice, std::stop_token stop);

  sql::Database& database_;
  Peers& peers_;
  Clock& clock_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RECIPE_CALLS_H_
