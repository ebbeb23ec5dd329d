#ifndef SDA_COMMON_RPC_TESTDATA_ECHO_SERVICE_H_
#define SDA_COMMON_RPC_TESTDATA_ECHO_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "sda/testing/v1/echo.grpc.pb.h"

namespace sda::rpc {

inline constexpr char kEchoServiceName[] = "sda.testing.v1.EchoService";

// A service as the real ones are written, its behaviour given by the test.
class EchoService final : public sda::testing::v1::EchoService::CallbackService {
 public:
  using EchoRequest = sda::testing::v1::EchoRequest;
  using EchoResponse = sda::testing::v1::EchoResponse;
  using WatchEchoRequest = sda::testing::v1::WatchEchoRequest;
  using WatchEchoResponse = sda::testing::v1::WatchEchoResponse;

  using Handler = std::function<absl::Status(const EchoRequest&, EchoResponse*, RequestContext&)>;

  explicit EchoService(CallEnvironment& calls, Handler handler = EchoBack)
      : calls_(calls), handler_(std::move(handler)) {}

  static absl::Status EchoBack(const EchoRequest& request, EchoResponse* response, RequestContext&) {
    response->set_text(request.text());
    return absl::OkStatus();
  }

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const EchoRequest* request,
                                 EchoResponse* response) override {
    return HandleUnary(calls_, context, request, response, "Echo", handler_);
  }

  grpc::ServerWriteReactor<WatchEchoResponse>* WatchEcho(grpc::CallbackServerContext* context,
                                                         const WatchEchoRequest* request) override {
    return HandleServerStream<WatchEchoResponse>(
        calls_, context, request, "WatchEcho",
        [this](const WatchEchoRequest& request, StreamWriter<WatchEchoResponse>& stream,
               RequestContext&) -> absl::Status {
          for (int64_t i = 0; request.count() == 0 || i < request.count(); ++i) {
            WatchEchoResponse message;
            message.set_number(i);
            message.set_payload(std::string(request.payload_bytes(), 'x'));
            if (!stream.Write(std::move(message))) return absl::CancelledError("nobody watches");
            ++written_;
          }
          return absl::OkStatus();
        });
  }

  // Messages that streams have taken for sending, all streams together.
  int64_t written() const { return written_; }

 private:
  std::atomic<int64_t> written_ = 0;
  CallEnvironment& calls_;
  const Handler handler_;
};

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_TESTDATA_ECHO_SERVICE_H_
