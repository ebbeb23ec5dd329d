#include "tests/fuzz/request_fuzz.h"

#include <absl/strings/str_cat.h>

namespace sda::fuzz {
namespace {

constexpr int kCallsPerWorld = 500;

}  // namespace

absl::Status RequestFuzzer::Try(const std::string& type, std::string_view bytes) {
  if (world_ == nullptr || ++calls_ % kCallsPerWorld == 0) {
    world_ = std::make_unique<RequestWorld>();
    world_->Sample(
        "CompleteTrialRequest");  // experiments/e2 with a trial under way, for bytes that name them
    world_->Sample("AmendTrialRequest");
  }
  const auto request = RequestWorld::NewRequest(type);
  if (!request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  const absl::Status status = world_->Call(*request);
  if (IsOrderly(status)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(request->GetTypeName(), " was answered ", status.ToString()));
}

}  // namespace sda::fuzz
