#ifndef SDA_SERVICES_ADVISOR_SERVER_VALIDATION_H_
#define SDA_SERVICES_ADVISOR_SERVER_VALIDATION_H_

#include <cstdint>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "sda/advisor/v1/advisor_service.pb.h"

// What requests must keep. INVALID_ARGUMENT names every field, its value and the rule.
namespace sda::advisor {

absl::Status Validate(const v1::CreateRecipeRequest& request);
absl::Status Validate(const v1::CreateRunRequest& request);

// A changing call about the resource `name` of `collection`.
absl::Status ValidateChange(const std::string& request_id, const std::string& name,
                            std::string_view collection);

// The id in `name`; `field` is how the request calls it.
absl::StatusOr<std::string> ParseName(std::string_view field, const std::string& name,
                                      std::string_view collection);

// A page: how many, and before which position (0: from the newest).
struct Page {
  int64_t size = 0;
  int64_t before = 0;
};
absl::StatusOr<Page> ParsePage(int32_t page_size, const std::string& page_token);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_VALIDATION_H_
