#include "services/advisor/server/model_calls.h"

#include <optional>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"
#include "services/advisor/server/errors.h"
#include "services/advisor/server/once.h"
#include "services/advisor/server/resource_table.h"
#include "services/advisor/server/validation.h"

namespace sda::advisor {

absl::StatusOr<v1::GetModelResponse> ModelCalls::Get(const v1::GetModelRequest& request) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseName("name", request.name(), "models"));
  std::optional<std::string> body;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(body, kModels.Get(transaction, id));
    return absl::OkStatus();
  }));
  if (!body) return error::ModelNotFound(request.name());
  v1::GetModelResponse response;
  if (!response.mutable_model()->ParseFromString(*body))
    return absl::DataLossError("database: a model cannot be read");
  return response;
}

absl::StatusOr<v1::ListModelsResponse> ModelCalls::List(const v1::ListModelsRequest& request) {
  SDA_ASSIGN_OR_RETURN(const Page page, ParsePage(request.page_size(), request.page_token()));
  std::vector<std::pair<int64_t, std::string>> rows;
  SDA_RETURN_IF_ERROR(database_.Read([&](sql::Transaction& transaction) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(rows, kModels.List(transaction, page.before, page.size));
    return absl::OkStatus();
  }));
  v1::ListModelsResponse response;
  for (const auto& [position, body] : rows) {
    if (!response.add_models()->ParseFromString(body))
      return absl::DataLossError("database: a model cannot be read");
  }
  if (static_cast<int64_t>(rows.size()) == page.size)
    response.set_next_page_token(absl::StrCat(rows.back().first));
  return response;
}

absl::StatusOr<v1::DeleteModelResponse> ModelCalls::Delete(const v1::DeleteModelRequest& request) {
  SDA_RETURN_IF_ERROR(ValidateChange(request.request_id(), request.name(), "models"));
  SDA_ASSIGN_OR_RETURN(const auto earlier,
                       EarlierReply<v1::DeleteModelResponse>(database_, "DeleteModel", request));
  if (earlier) return *earlier;
  v1::GetModelRequest get;
  get.set_name(request.name());
  SDA_RETURN_IF_ERROR(Get(get).status());
  // The folder first: a call that is cut off here leaves the record, and can be repeated.
  SDA_RETURN_IF_ERROR(folders_.Remove(ResourceId(request.name())));
  return Once<v1::DeleteModelResponse>(
      database_, clock_, "DeleteModel", request,
      [&](sql::Transaction& transaction) -> absl::StatusOr<v1::DeleteModelResponse> {
        SDA_RETURN_IF_ERROR(kModels.Delete(transaction, ResourceId(request.name())).status());
        return v1::DeleteModelResponse();
      });
}

}  // namespace sda::advisor
