#include "tests/fuzz/request_fuzz.h"

#include <memory>

#include <absl/strings/str_cat.h>

#include "tests/fuzz/request_world.h"

namespace sda::fuzz {
namespace {

constexpr int kCallsPerWorld = 500;

}  // namespace

absl::Status FuzzRequest(const std::string& type, std::string_view bytes) {
  static std::unique_ptr<RequestWorld> world;
  static int calls = 0;
  if (world == nullptr || ++calls % kCallsPerWorld == 0) {
    world = std::make_unique<RequestWorld>();
    world->Sample("CompleteTrialRequest");  // experiments/e2 with a trial under way, for bytes that name them
    world->Sample("AmendTrialRequest");
  }
  const auto request = RequestWorld::NewRequest(type);
  if (!request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  const absl::Status status = world->Call(*request);
  if (IsOrderly(status)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(request->GetTypeName(), " was answered ", status.ToString()));
}

}  // namespace sda::fuzz
