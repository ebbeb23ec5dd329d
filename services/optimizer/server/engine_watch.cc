#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine.h"
#include "services/optimizer/server/engine_errors.h"

// The watch over an experiment and its trials.
namespace sda::optimizer {
namespace {

// A watcher that missed a wake-up looks again after this.
constexpr absl::Duration kWatchInterval = absl::Seconds(5);
// Changes read at once: what one watcher of a large experiment holds in memory.
constexpr int64_t kChangesAtOnce = 500;

absl::Status BadResumeToken(const std::string& token) {
  return InvalidField("resume_token",
                      absl::StrCat("is \"", token.substr(0, 100),
                                   "\"; must be the resume_token of an event of this experiment"));
}

}  // namespace

absl::Status Engine::WatchExperiment(const v1::WatchExperimentRequest& request,
                                     const std::function<bool(v1::WatchExperimentResponse)>& send,
                                     std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  int64_t seen = 0;
  if (!request.resume_token().empty() && (!absl::SimpleAtoi(request.resume_token(), &seen) || seen < 0))
    return BadResumeToken(request.resume_token());
  ChangeHub::Waiter waiter(hub_, {id}, ChangeHub::Kind::kWatch);
  while (!stop.stop_requested()) {
    waiter.Reset();
    std::vector<v1::WatchExperimentResponse> events;
    bool more = false, over = false;
    int64_t last = seen;
    SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
      events.clear();
      last = seen;
      SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
      // The token of another experiment, or of one of this name that is no more, would hide changes.
      SDA_ASSIGN_OR_RETURN(const int64_t newest, store::LastChange(tx, id));
      if (seen > newest) return BadResumeToken(absl::StrCat(seen));
      SDA_ASSIGN_OR_RETURN(const auto changes, store::ChangesAfter(tx, id, seen, kChangesAtOnce));
      for (const store::Change& change : changes) {
        auto& event = events.emplace_back();
        if (change.trial == 0) {
          *event.mutable_experiment() = experiment.message;
          SDA_RETURN_IF_ERROR(FillCounts(tx, id, *event.mutable_experiment()));
        } else {
          SDA_ASSIGN_OR_RETURN(const store::TrialRow trial, store::GetTrial(tx, {id, change.trial}));
          *event.mutable_trial() = trial.message;
        }
        event.set_resume_token(absl::StrCat(change.event));
        last = change.event;
      }
      SDA_ASSIGN_OR_RETURN(const TrialCounts counts, store::CountTrials(tx, id));
      more = static_cast<int64_t>(changes.size()) == kChangesAtOnce;
      over = !more && HasEnded(experiment.message) && counts.open() == 0;
      return absl::OkStatus();
    }));
    for (auto& event : events) {
      if (!send(std::move(event))) return absl::CancelledError("nobody watches any more");
    }
    seen = last;
    if (over) return absl::OkStatus();
    if (!more) waiter.Await(kWatchInterval, stop);
  }
  return absl::CancelledError("the watch was ended");
}

}  // namespace sda::optimizer
