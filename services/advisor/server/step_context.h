#ifndef SDA_SERVICES_ADVISOR_SERVER_STEP_CONTEXT_H_
#define SDA_SERVICES_ADVISOR_SERVER_STEP_CONTEXT_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/call.h"
#include "common/rpc/retry.h"
#include "services/advisor/server/limits.h"
#include "services/advisor/server/model_folders.h"
#include "services/advisor/server/peers.h"
#include "services/advisor/server/run_feed.h"
#include "services/advisor/server/run_store.h"

namespace sda::advisor {

// What runs are carried out with. All outlive the engine.
struct RunServices {
  RunStore& store;
  RunFeed& feed;
  Peers& peers;
  ModelFolders& folders;
  Clock& clock;
  absl::Duration retry_budget;
};

// One run while it is worked on: its way to other services, patient with those that are away, and to its
// record. Used by one thread.
class StepContext {
 public:
  // `shutdown` fires when the advisor stops, `interrupt` then and when the run is cancelled.
  StepContext(RunServices& services, std::string id, std::stop_token shutdown, std::stop_token interrupt)
      : services_(services),
        id_(std::move(id)),
        shutdown_(std::move(shutdown)),
        interrupt_(std::move(interrupt)) {}

  const std::string& id() const { return id_; }
  std::string run_name() const;
  RunServices& services() { return services_; }
  const std::stop_token& interrupt() const { return interrupt_; }

  // Records a result; see RunStore::Advance. CANCELLED once the advisor stops: what is not recorded by then
  // is done again.
  absl::Status Record(const RunStore::Change& change);

  // The failed stage's job or experiment has ended for good.
  void MarkSpent() { is_spent_ = true; }
  bool is_spent() const { return is_spent_; }

  void SetProgress(common::v1::Progress progress) {
    services_.feed.SetProgress(run_name(), std::move(progress));
  }

  // Tries until `attempt` succeeds, fails for good or the retry budget is over; meanwhile the run says whom
  // it waits for. Errors name `whom`.
  absl::Status Patiently(const std::string& whom, const std::function<absl::Status()>& attempt);

  // A unary call, patiently. It is cut off by a stop of the advisor, not by a cancelled run: whether a call
  // that changes something has arrived must be known before it can be taken back.
  template <class Response, class Service, class Stub, class Request>
  absl::StatusOr<Response> Call(const Peer<Service>& peer,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    absl::StatusOr<Response> response = absl::UnknownError("not called");
    SDA_RETURN_IF_ERROR(Patiently(peer.Description(), [&] {
      response = CallOnce<Response>(peer, method, request);
      return response.status();
    }));
    return response;
  }

  // One attempt of a unary call.
  template <class Response, class Service, class Stub, class Request>
  absl::StatusOr<Response> CallOnce(const Peer<Service>& peer,
                                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                 Response*),
                                    const Request& request) {
    return rpc::Call<Response>(*peer.connection, *peer.stub, method, request, CallOptions());
  }

  // Asks one trainer after the other until one answers, patiently. `ask` is one attempt with one of them.
  absl::Status AskTrainers(const std::function<absl::Status(const TrainerPeer&)>& ask);

  // One server stream, to its end or until `take` returns true. OK then; else its status. `heard` says
  // whether there was a message.
  template <class Response, class Service>
  absl::Status ReadStream(
      const Peer<Service>& peer, absl::Duration timeout,
      const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>& open,
      const std::function<bool(const Response&)>& take, bool* heard) {
    grpc::ClientContext context;
    peer.connection->Prepare(context, timeout, run_name());
    const auto cancel = [&context] { context.TryCancel(); };
    const std::stop_callback<decltype(cancel)> on_stop(interrupt_, cancel);
    const auto reader = open(&context);
    Response response;
    while (reader->Read(&response)) {
      *heard = true;
      if (!take(response)) continue;
      context.TryCancel();  // nothing that follows is of interest
      reader->Finish();
      return absl::OkStatus();
    }
    return rpc::FromGrpcStatus(reader->Finish());
  }

  // Follows a stream of states, patiently, opening it again where it breaks, until it ends by itself or
  // `take` returns true. As long as the peer answers, the retry budget begins anew.
  template <class Response, class Service>
  absl::Status Watch(
      const Peer<Service>& peer,
      const std::function<std::unique_ptr<grpc::ClientReader<Response>>(grpc::ClientContext*)>& open,
      const std::function<bool(const Response&)>& take) {
    while (true) {
      bool ended = false;
      SDA_RETURN_IF_ERROR(Patiently(peer.Description(), [&]() -> absl::Status {
        bool heard = false;
        const absl::Duration began = services_.clock.Monotonic();
        const absl::Status status = ReadStream<Response>(peer, kWatchTime, open, take, &heard);
        ended = status.ok();
        const bool timed_out =
            absl::IsDeadlineExceeded(status) && services_.clock.Monotonic() - began >= kWatchTime;
        return rpc::IsTransient(status) && (heard || timed_out) ? absl::OkStatus() : status;
      }));
      if (ended) return absl::OkStatus();
      SDA_RETURN_IF_ERROR(Pause());
    }
  }

  // A moment before something is asked again; CANCELLED when interrupted.
  absl::Status Pause();

 private:
  rpc::CallOptions CallOptions() const;

  RunServices& services_;
  const std::string id_;
  const std::stop_token shutdown_;
  const std::stop_token interrupt_;
  bool is_spent_ = false;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_STEP_CONTEXT_H_
