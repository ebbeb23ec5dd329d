// Server, pool and streams under many threads at once, and stopped in the middle. Meant for the thread
// sanitizer; without it, it still shows that every call gets an answer and that nothing hangs.
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/worker_pool.h"
#include "common/rpc/call.h"
#include "common/rpc/testdata/echo_service.h"
#include "common/telemetry/metrics.h"
#include "common/testing/status_matchers.h"
#include "common/testing/test_server.h"

namespace sda::rpc {
namespace {

using ::sda::testing::TestServer;
using ::sda::testing::v1::EchoRequest;
using ::sda::testing::v1::EchoResponse;
using ::sda::testing::v1::WatchEchoRequest;
using ::sda::testing::v1::WatchEchoResponse;
using Stub = ::sda::testing::v1::EchoService::Stub;

constexpr int kClients = 8;
constexpr int kCallsPerClient = 60;

// What a server may answer while it is busy or stops.
bool IsExpected(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
}

// Clients that call, watch, cancel and time out, each by its own seed, until `calls` are made.
class Storm {
 public:
  Storm(const std::shared_ptr<Connection>& connection, int calls) : connection_(connection), calls_(calls) {
    for (int i = 0; i < kClients; ++i) threads_.emplace_back([this, i] { Run(i); });
  }
  ~Storm() {
    for (std::thread& thread : threads_) thread.join();
  }

  int succeeded() const { return succeeded_; }
  int answered() const { return answered_; }

 private:
  void Run(int seed) {
    std::mt19937 random(seed);
    Stub stub(connection_->channel());
    for (int i = 0; i < calls_; ++i) {
      const absl::Status status = random() % 3 == 0 ? Watch(stub, random() % 200) : CallOnce(stub, random());
      EXPECT_TRUE(IsExpected(status)) << status;
      if (status.ok()) ++succeeded_;
      ++answered_;
    }
  }

  absl::Status CallOnce(Stub& stub, unsigned draw) {
    EchoRequest request;
    request.set_text(std::string(draw % 1000, 'x'));
    const absl::Duration timeout = draw % 7 == 0 ? absl::Milliseconds(1) : absl::Minutes(1);
    const auto response = Call(*connection_, stub, &Stub::Echo, request, {.timeout = timeout});
    if (response.ok()) {
      EXPECT_EQ(response->text(), request.text());
    }
    return response.status();
  }

  // Reads `wanted` messages, then leaves: half of the time by cancelling, half by reading to the end.
  absl::Status Watch(Stub& stub, int wanted) {
    grpc::ClientContext context;
    connection_->Prepare(context, absl::Minutes(1));
    WatchEchoRequest request;
    request.set_count(wanted % 2 == 0 ? wanted : 0);
    auto reader = stub.WatchEcho(&context, request);
    WatchEchoResponse message;
    int64_t read = 0;
    while (reader->Read(&message)) {
      EXPECT_EQ(message.number(), read++);
      if (read >= wanted) context.TryCancel();
    }
    return FromGrpcStatus(reader->Finish());
  }

  const std::shared_ptr<Connection> connection_;
  const int calls_;
  std::atomic<int> succeeded_ = 0;
  std::atomic<int> answered_ = 0;
  std::vector<std::thread> threads_;
};

TEST(ConcurrencyTest, EveryCallIsAnswered) {
  ServerConfig config = TestServer::DefaultConfig();
  config.call_threads = 3;
  config.max_streams = 5;
  TestServer server(config);
  // State that handlers share, as a service's would be.
  std::mutex mutex;
  std::map<size_t, int> lengths;
  EchoService service(server.runner().calls(),
                      [&](const EchoRequest& request, EchoResponse* response, RequestContext& call) {
                        std::lock_guard lock(mutex);
                        ++lengths[request.text().size()];
                        return EchoService::EchoBack(request, response, call);
                      });
  server.runner().Add(service, kEchoServiceName);
  SDA_ASSERT_OK(server.Start());
  { Storm storm(server.shared_connection(), kCallsPerClient); }
  EXPECT_TRUE(server.runner().calls().AwaitIdle(CallKind::kUnary, absl::Minutes(1)));
  EXPECT_TRUE(server.runner().calls().AwaitIdle(CallKind::kStream, absl::Minutes(1)));
  server.Stop();
}

TEST(ConcurrencyTest, StopInTheMiddleOfEverything) {
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> handled = 0;
    TestServer server;
    EchoService service(server.runner().calls(),
                        [&](const EchoRequest& request, EchoResponse* response, RequestContext& call) {
                          if (++handled % 5 == 0)
                            RealClock::Get().Sleep(absl::Milliseconds(1), call.stop_token());
                          return EchoService::EchoBack(request, response, call);
                        });
    server.runner().Add(service, kEchoServiceName);
    SDA_ASSERT_OK(server.Start());
    Storm storm(server.shared_connection(), kCallsPerClient / 2);
    // At a different point of the storm each round.
    while (storm.answered() < 20 * round) std::this_thread::yield();
    server.Stop();
  }
}

TEST(ConcurrencyTest, HealthAndMetricsAreReadMeanwhile) {
  std::atomic<bool> up = true;
  TestServer server;
  EchoService service(server.runner().calls());
  server.runner().Add(service, kEchoServiceName,
                      [&] { return up ? absl::OkStatus() : absl::UnavailableError("down"); });
  SDA_ASSERT_OK(server.Start());
  std::jthread observer([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      up = !up;
      (void)CheckHealth(server.connection(), kEchoServiceName, absl::Seconds(10));
      EXPECT_FALSE(server.runner().metrics().Text().empty());
    }
  });
  Storm storm(server.shared_connection(), kCallsPerClient / 2);
  while (storm.answered() < kClients * kCallsPerClient / 2) std::this_thread::yield();
  observer.request_stop();
  observer.join();
  server.Stop();
}

// Streams that wait for room, for clients that never read, while the server stops.
TEST(ConcurrencyTest, SlowWatchersDoNotHoldTheStop) {
  TestServer server;
  EchoService service(server.runner().calls());
  server.runner().Add(service, kEchoServiceName);
  SDA_ASSERT_OK(server.Start());
  Stub stub(server.connection().channel());
  WatchEchoRequest request;
  request.set_payload_bytes(100'000);
  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<WatchEchoResponse>> reader;
  };
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 4; ++i) {
    auto watcher = std::make_unique<Watcher>();
    watcher->reader = stub.WatchEcho(&watcher->context, request);
    watchers.push_back(std::move(watcher));
  }
  while (service.written() < 4 * static_cast<int64_t>(kMaxBufferedStreamMessages)) std::this_thread::yield();
  server.Stop();
  for (auto& watcher : watchers) {
    watcher->context.TryCancel();
    EXPECT_FALSE(watcher->reader->Finish().ok());
  }
}

TEST(ConcurrencyTest, PoolIsStoppedWhileItIsFed) {
  for (int round = 0; round < 20; ++round) {
    WorkerPool pool("test", {.threads = 4, .max_queued = 8});
    std::atomic<int> accepted = 0;
    std::atomic<int> ran = 0;
    std::atomic<int> tried = 0;
    {
      std::vector<std::jthread> feeders;
      for (int i = 0; i < 4; ++i) {
        feeders.emplace_back([&] {
          for (int n = 0; n < 200; ++n) {
            if (pool.Submit([&] { ++ran; })) ++accepted;
            ++tried;
          }
        });
      }
      while (ran < 10 * round && tried < 800) std::this_thread::yield();
      pool.Stop();
    }
    EXPECT_EQ(ran, accepted);
  }
}

}  // namespace
}  // namespace sda::rpc
