#ifndef SDA_CLIENTS_CLI_REMOTE_FOLLOW_STREAM_H_
#define SDA_CLIENTS_CLI_REMOTE_FOLLOW_STREAM_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include "clients/cli/remote/clients.h"
#include "common/base/clock.h"
#include "common/rpc/error_details.h"
#include "common/rpc/retry.h"

namespace sda::cli {

// How a Watch… stream is followed to its last message, through restarts of the service that sends it.
template <class Client, class Response>
struct StreamFollower {
  using Reader = std::unique_ptr<grpc::ClientReader<Response>>;

  Client& client;
  std::function<Reader(grpc::ClientContext*)> open;  // called anew after each break
  std::function<bool(const Response&)> take;         // true: that was the last message
  std::function<void()> on_wait;                     // the service is away; called before each new attempt
  absl::Duration patience = absl::Minutes(10);       // how long it may be away

  // OK after the last message. CANCELLED when interrupted; the service's error; UNAVAILABLE after the
  // patience.
  absl::Status Follow() {
    constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
    constexpr absl::Duration kLongestPause = absl::Seconds(2);
    absl::Duration last_heard = RealClock::Get().Monotonic();
    absl::Duration pause = kFirstPause;
    while (true) {
      bool heard = false;
      bool last = false;
      const absl::Status status = ReadOne(heard, last);
      if (last) return absl::OkStatus();
      if (client.stop().stop_requested()) return absl::CancelledError("interrupted");
      if (!status.ok() && !rpc::IsTransient(status)) return client.Explain(status);
      const absl::Duration now = RealClock::Get().Monotonic();
      if (heard) {
        last_heard = now;
        pause = kFirstPause;
      } else if (now - last_heard > patience) {
        return client.Explain(status.ok() ? absl::UnavailableError("the stream ended early") : status);
      } else {
        on_wait();
      }
      if (!RealClock::Get().Sleep(pause, client.stop())) return absl::CancelledError("interrupted");
      pause = std::min(pause * 2, kLongestPause);
    }
  }

 private:
  absl::Status ReadOne(bool& heard, bool& last) {
    constexpr absl::Duration kStreamTime = absl::Hours(1);  // then it is opened again
    grpc::ClientContext context;
    client.connection().Prepare(context, kStreamTime);
    const auto cancel = [&context] { context.TryCancel(); };
    const std::stop_callback<decltype(cancel)> on_stop(client.stop(), cancel);
    const Reader stream = open(&context);
    Response response;
    while (stream->Read(&response)) {
      heard = true;
      if (take(response)) {
        last = true;
        context.TryCancel();  // nothing that may follow is of interest
        break;
      }
    }
    return rpc::FromGrpcStatus(stream->Finish());
  }
};

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_FOLLOW_STREAM_H_
