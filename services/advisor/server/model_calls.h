#ifndef SDA_SERVICES_ADVISOR_SERVER_MODEL_CALLS_H_
#define SDA_SERVICES_ADVISOR_SERVER_MODEL_CALLS_H_

#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/storage/sql/database.h"
#include "sda/advisor/v1/advisor_service.pb.h"
#include "services/advisor/server/model_folders.h"

namespace sda::advisor {

// The calls about models. Thread-safe.
class ModelCalls {
 public:
  ModelCalls(sql::Database& database, ModelFolders& folders, Clock& clock)
      : database_(database), folders_(folders), clock_(clock) {}

  absl::StatusOr<v1::GetModelResponse> Get(const v1::GetModelRequest& request);
  absl::StatusOr<v1::ListModelsResponse> List(const v1::ListModelsRequest& request);
  absl::StatusOr<v1::DeleteModelResponse> Delete(const v1::DeleteModelRequest& request);

 private:
  sql::Database& database_;
  ModelFolders& folders_;
  Clock& clock_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_MODEL_CALLS_H_
