#include "services/advisor/core/run_plan.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/base/sha256.h"
#include "common/base/strings.h"

namespace sda::advisor {
namespace {

constexpr size_t kMaxIdBytes = 63;
constexpr size_t kHashBytes = 12;

}  // namespace

Step NextStep(const RunRecord& record) {
  if (!record.has_dataset) return Step::kEncode;
  if (!record.has_recipe) return Step::kAdvise;
  if (!record.has_winner) return Step::kTune;
  if (!record.is_evaluated) return Step::kEvaluate;
  return Step::kPublish;
}

Stage StageOf(Step step) {
  switch (step) {
    case Step::kEncode:
      return Stage::kEncode;
    case Step::kAdvise:
      return Stage::kAdvise;
    case Step::kTune:
      return Stage::kTune;
    case Step::kEvaluate:
    case Step::kPublish:
      break;
  }
  return Stage::kDeliver;
}

std::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kEncode:
      return "ENCODE";
    case Stage::kAdvise:
      return "ADVISE";
    case Stage::kTune:
      return "TUNE";
    case Stage::kDeliver:
      break;
  }
  return "DELIVER";
}

std::string StageRequestId(std::string_view run_id, Stage stage, std::string_view what, int attempt) {
  return absl::StrCat(ToAbsl(run_id), "/", absl::AsciiStrToLower(ToAbsl(StageName(stage))), "/", ToAbsl(what),
                      "/", attempt);
}

std::string ChildId(std::string_view run_id, int attempt) {
  const std::string suffix = attempt == 1 ? "" : absl::StrCat("-", attempt);
  if (run_id.size() + suffix.size() <= kMaxIdBytes) return absl::StrCat(ToAbsl(run_id), suffix);
  const size_t kept = kMaxIdBytes - suffix.size() - kHashBytes - 1;
  return absl::StrCat(ToAbsl(run_id.substr(0, kept)), "-", Sha256Hex(run_id).substr(0, kHashBytes), suffix);
}

}  // namespace sda::advisor
