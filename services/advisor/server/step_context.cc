#include "services/advisor/server/step_context.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/advisor/core/resource_id.h"

namespace sda::advisor {

std::string StepContext::run_name() const {
  return ResourceName("runs", id_);
}

absl::Status StepContext::Record(const RunStore::Change& change) {
  if (shutdown_.stop_requested()) return absl::CancelledError("the advisor stops");
  return services_.store.Advance(id_, change);
}

absl::Status StepContext::Patiently(const std::string& whom, const std::function<absl::Status()>& attempt) {
  const rpc::RetryPolicy policy{.budget = services_.retry_budget};
  absl::Status status = rpc::Retry(policy, services_.clock, interrupt_, [&] {
    absl::Status tried = attempt();
    const bool away = rpc::IsTransient(tried) && !interrupt_.stop_requested();
    services_.feed.SetWaitingFor(run_name(), away ? absl::StrCat(whom, ": ", tried.message()) : "");
    return tried;
  });
  services_.feed.SetWaitingFor(run_name(), "");
  return Annotate(status, whom);
}

absl::Status StepContext::AskTrainers(const std::function<absl::Status(const TrainerPeer&)>& ask) {
  std::vector<std::string> addresses;
  for (const auto& trainer : services_.peers.trainers) addresses.push_back(trainer->connection->address());
  return Patiently(absl::StrCat("trainer at ", absl::StrJoin(addresses, ", ")), [&] {
    absl::Status status = absl::UnavailableError("there is no trainer");
    for (const auto& trainer : services_.peers.trainers) {
      status = ask(*trainer);
      if (!rpc::IsTransient(status) || interrupt_.stop_requested()) break;
    }
    return status;
  });
}

absl::Status StepContext::Pause() {
  constexpr absl::Duration kPause = absl::Milliseconds(100);
  return services_.clock.Sleep(kPause, interrupt_) ? absl::OkStatus() : absl::CancelledError("interrupted");
}

rpc::CallOptions StepContext::CallOptions() const {
  return {
      .timeout = kPeerCallTimeout, .retry_budget = absl::ZeroDuration(), .request_id = "", .stop = shutdown_};
}

}  // namespace sda::advisor
