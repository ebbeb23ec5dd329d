// A real server, real stubs, port 0: what every service gets from common/rpc.
#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/rpc/announce.h"
#include "common/rpc/call.h"
#include "common/rpc/testdata/echo_service.h"
#include "common/telemetry/metrics.h"
#include "common/testing/eventually.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_server.h"

namespace sda::rpc {
namespace {

using ::sda::testing::Eventually;
using ::sda::testing::StatusIs;
using ::sda::testing::TempDir;
using ::sda::testing::TestServer;
using ::sda::testing::v1::EchoRequest;
using ::sda::testing::v1::EchoResponse;
using ::sda::testing::v1::WatchEchoRequest;
using ::sda::testing::v1::WatchEchoResponse;
using ::testing::HasSubstr;
using Stub = ::sda::testing::v1::EchoService::Stub;

// A server with one EchoService.
struct Fixture {
  explicit Fixture(EchoService::Handler handler = EchoService::EchoBack,
                   ServerConfig config = TestServer::DefaultConfig(), ClientConfig client = {})
      : server(std::move(config), std::move(client)), service(server.runner().calls(), std::move(handler)) {}
  ~Fixture() { server.Stop(); }

  absl::Status Start(ServerRunner::ReadinessCheck check = {}) {
    server.runner().Add(service, kEchoServiceName, std::move(check));
    absl::Status status = server.Start();
    if (status.ok()) stub = std::make_unique<Stub>(server.connection().channel());
    return status;
  }

  absl::StatusOr<EchoResponse> Echo(const std::string& text, const CallOptions& options = {}) {
    EchoRequest request;
    request.set_text(text);
    return Call(server.connection(), *stub, &Stub::Echo, request, options);
  }

  std::string Metrics() { return server.runner().metrics().Text(); }

  TestServer server;
  EchoService service;
  std::unique_ptr<Stub> stub;
};

TEST(ServerTest, AnswersACall) {
  Fixture fixture;
  SDA_ASSERT_OK(fixture.Start());
  SDA_ASSERT_OK_AND_ASSIGN(const EchoResponse response, fixture.Echo("hello"));
  EXPECT_EQ(response.text(), "hello");
}

TEST(ServerTest, ErrorsArriveWithTheirDetails) {
  const ErrorDetail detail{.reason = "LEASE_LOST",
                           .metadata = {{"trial", "experiments/a/trials/7"}},
                           .violations = {{"lease.token", "is revoked"}}};
  Fixture fixture([&](const EchoRequest&, EchoResponse*, RequestContext&) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "the lease is lost", detail);
  });
  SDA_ASSERT_OK(fixture.Start());
  const absl::Status status = fixture.Echo("x").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "the lease is lost"));
  EXPECT_EQ(GetErrorDetail(status), detail);
}

TEST(ServerTest, LargestErrorStillArrives) {
  std::vector<FieldViolation> violations(500, {std::string(300, 'f'), std::string(5000, 'd')});
  Fixture fixture(
      [&](const EchoRequest&, EchoResponse*, RequestContext&) { return InvalidFields(violations); });
  SDA_ASSERT_OK(fixture.Start());
  const absl::Status status = fixture.Echo("x").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ffff")));
  ASSERT_TRUE(GetErrorDetail(status).has_value());
  EXPECT_GE(GetErrorDetail(status)->violations.size(), 2u);
  EXPECT_THAT(GetErrorDetail(status)->violations.back().description, HasSubstr(" more"));
}

TEST(ServerTest, ExceptionBecomesInternal) {
  Fixture fixture([](const EchoRequest&, EchoResponse*, RequestContext&) -> absl::Status {
    throw std::runtime_error("secret detail");
  });
  SDA_ASSERT_OK(fixture.Start());
  EXPECT_THAT(fixture.Echo("x"), StatusIs(absl::StatusCode::kInternal, ::testing::Not(HasSubstr("secret"))));
}

// The id the server saw and the one the client got back.
std::pair<std::string, std::string> RequestIds(const std::string& given) {
  std::string seen;
  Fixture fixture([&](const EchoRequest&, EchoResponse*, RequestContext& call) {
    seen = call.request_id();
    return absl::NotFoundError("ids come back with errors, too");
  });
  SDA_EXPECT_OK(fixture.Start());
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  if (!given.empty()) context.AddMetadata("x-request-id", given);
  EchoResponse response;
  EXPECT_EQ(fixture.stub->Echo(&context, EchoRequest(), &response).error_code(), grpc::StatusCode::NOT_FOUND);
  const auto& metadata = context.GetServerInitialMetadata();
  const auto echoed = metadata.find("x-request-id");
  if (echoed == metadata.end()) return {seen, "none"};
  return {seen, std::string(echoed->second.data(), echoed->second.size())};
}

TEST(ServerTest, RequestIdIsEchoed) {
  EXPECT_EQ(RequestIds("abc-123"), std::pair(std::string("abc-123"), std::string("abc-123")));
}

TEST(ServerTest, RequestIdIsMadeWhenAbsent) {
  const auto [seen, echoed] = RequestIds("");
  EXPECT_EQ(seen.size(), 36u);
  EXPECT_EQ(seen, echoed);
}

TEST(ServerTest, UnusableRequestIdIsReplaced) {
  const auto [seen, echoed] = RequestIds("two words");
  EXPECT_EQ(seen.size(), 36u);
  EXPECT_EQ(RequestIds(std::string(kMaxRequestIdBytes + 1, 'x')).first.size(), 36u);
}

TEST(ServerTest, TooLargeRequestIsRefused) {
  ServerConfig config = TestServer::DefaultConfig();
  config.max_message_bytes = 64 << 10;
  Fixture fixture(EchoService::EchoBack, config);
  SDA_ASSERT_OK(fixture.Start());
  SDA_EXPECT_OK(fixture.Echo(std::string(32 << 10, 'x')));
  EXPECT_THAT(fixture.Echo(std::string(65 << 10, 'x')), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ServerTest, CallsBeyondThreadsAndQueueAreRefused) {
  ServerConfig config = TestServer::DefaultConfig();
  config.call_threads = 1;
  config.max_queued_calls = 1;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::promise<void> entered;
  std::once_flag once;
  Fixture fixture(
      [&](const EchoRequest&, EchoResponse*, RequestContext&) {
        std::call_once(once, [&] { entered.set_value(); });
        released.wait();
        return absl::OkStatus();
      },
      config);
  SDA_ASSERT_OK(fixture.Start());
  auto running = std::async(std::launch::async, [&] { return fixture.Echo("1").status(); });
  entered.get_future().wait();
  auto queued = std::async(std::launch::async, [&] { return fixture.Echo("2").status(); });
  ASSERT_TRUE(Eventually([&] { return fixture.server.runner().calls().call_pool().queued() == 1; }));
  const absl::Status refused = fixture.Echo("3").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(GetErrorReason(refused), "SERVER_BUSY");
  EXPECT_TRUE(IsTransient(refused));
  release.set_value();
  SDA_EXPECT_OK(running.get());
  SDA_EXPECT_OK(queued.get());
}

// The one thread is held, so the second call's deadline passes while it waits: its handler must not run.
TEST(ServerTest, ExpiredCallIsNotBegun) {
  ServerConfig config = TestServer::DefaultConfig();
  config.call_threads = 1;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::promise<void> entered;
  std::atomic<int> begun = 0;
  Fixture fixture(
      [&](const EchoRequest&, EchoResponse*, RequestContext&) {
        if (begun++ == 0) entered.set_value();
        released.wait();
        return absl::OkStatus();
      },
      config);
  SDA_ASSERT_OK(fixture.Start());
  auto running = std::async(std::launch::async, [&] { return fixture.Echo("1").status(); });
  entered.get_future().wait();
  EXPECT_THAT(fixture.Echo("2", {.timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  // The server counts the time from when the call arrived: on a busy machine later than the client does.
  ASSERT_TRUE(Eventually([&] { return fixture.server.runner().calls().call_pool().queued() == 1; }));
  const absl::Time passed = absl::Now() + absl::Milliseconds(60);
  ASSERT_TRUE(Eventually([&] { return absl::Now() > passed; }));
  release.set_value();
  SDA_EXPECT_OK(running.get());
  ASSERT_TRUE(Eventually([&] {
    return fixture.Metrics().find("code=\"DEADLINE_EXCEEDED\"") != std::string::npos;
  })) << fixture.Metrics();
  EXPECT_EQ(begun, 1);
}

TEST(ServerTest, CallWithoutDeadlineGetsTheServersLimit) {
  ServerConfig config = TestServer::DefaultConfig();
  config.call_deadline = absl::Seconds(7);
  absl::Duration left;
  Fixture fixture(
      [&](const EchoRequest&, EchoResponse*, RequestContext& call) {
        left = call.deadline() - absl::Now();
        return absl::OkStatus();
      },
      config);
  SDA_ASSERT_OK(fixture.Start());
  grpc::ClientContext context;
  EchoResponse response;
  ASSERT_TRUE(fixture.stub->Echo(&context, EchoRequest(), &response).ok());
  EXPECT_GT(left, absl::ZeroDuration());
  EXPECT_LE(left, absl::Seconds(7));
}

TEST(ServerTest, CancelledClientWakesTheHandler) {
  std::promise<void> entered;
  std::promise<bool> woken;
  Fixture fixture([&](const EchoRequest&, EchoResponse*, RequestContext& call) {
    entered.set_value();
    woken.set_value(!RealClock::Get().Sleep(absl::Minutes(5), call.stop_token()));
    return absl::CancelledError("stopped waiting");
  });
  SDA_ASSERT_OK(fixture.Start());
  std::stop_source stop;
  auto call = std::async(std::launch::async, [&] {
    return fixture.Echo("x", {.timeout = absl::Minutes(5), .stop = stop.get_token()}).status();
  });
  entered.get_future().wait();
  stop.request_stop();
  EXPECT_TRUE(woken.get_future().get());
  EXPECT_THAT(call.get(), StatusIs(absl::StatusCode::kCancelled));
}

TEST(ServerTest, StopEndsWaitingHandlersAsUnavailable) {
  std::promise<void> entered;
  Fixture fixture([&](const EchoRequest&, EchoResponse*, RequestContext& call) {
    entered.set_value();
    RealClock::Get().Sleep(absl::Minutes(5), call.stop_token());
    return absl::CancelledError("stopped waiting");
  });
  SDA_ASSERT_OK(fixture.Start());
  auto call = std::async(std::launch::async,
                         [&] { return fixture.Echo("x", {.timeout = absl::Minutes(5)}).status(); });
  entered.get_future().wait();
  fixture.server.Stop();
  const absl::Status status = call.get();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorReason(status), "SERVER_STOPPING");
}

TEST(ServerTest, StopLetsRunningCallsFinish) {
  std::promise<void> entered;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  Fixture fixture([&](const EchoRequest& request, EchoResponse* response, RequestContext&) {
    entered.set_value();
    released.wait();
    response->set_text(request.text());
    return absl::OkStatus();
  });
  fixture.server.runner().OnStop([&] { release.set_value(); });
  SDA_ASSERT_OK(fixture.Start());
  auto call = std::async(std::launch::async, [&] { return fixture.Echo("done"); });
  entered.get_future().wait();
  fixture.server.Stop();
  const auto response = call.get();
  SDA_ASSERT_OK(response);
  EXPECT_EQ(response->text(), "done");
}

TEST(ServerTest, HooksRunInReverseOrder) {
  Fixture fixture;
  std::vector<int> order;
  fixture.server.runner().OnStop([&] { order.push_back(1); });
  fixture.server.runner().OnStop([&] { order.push_back(2); });
  SDA_ASSERT_OK(fixture.Start());
  fixture.server.Stop();
  EXPECT_EQ(order, (std::vector{2, 1}));
}

TEST(ServerTest, StreamDeliversEverythingInOrder) {
  Fixture fixture;
  SDA_ASSERT_OK(fixture.Start());
  WatchEchoRequest request;
  request.set_count(1000);
  grpc::ClientContext context;
  auto reader = fixture.stub->WatchEcho(&context, request);
  WatchEchoResponse message;
  int64_t expected = 0;
  while (reader->Read(&message)) EXPECT_EQ(message.number(), expected++);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(expected, 1000);
}

TEST(ServerTest, StreamEndsWhenTheServerStops) {
  Fixture fixture;
  SDA_ASSERT_OK(fixture.Start());
  grpc::ClientContext context;
  auto reader = fixture.stub->WatchEcho(&context, WatchEchoRequest());
  WatchEchoResponse message;
  ASSERT_TRUE(reader->Read(&message));
  std::thread stopper([&] { fixture.server.Stop(); });
  while (reader->Read(&message)) {
  }
  const absl::Status status = FromGrpcStatus(reader->Finish());
  stopper.join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorReason(status), "SERVER_STOPPING");
}

// Nobody reads: the writer waits for room, and must be woken all the same.
TEST(ServerTest, StreamOfASlowClientEndsWhenTheServerStops) {
  ServerConfig config = TestServer::DefaultConfig();
  config.drain_time = absl::Minutes(5);
  Fixture fixture(EchoService::EchoBack, config);
  SDA_ASSERT_OK(fixture.Start());
  WatchEchoRequest request;
  request.set_payload_bytes(
      1 << 20);  // more than the connection's window: the first message is already stuck
  grpc::ClientContext context;
  auto reader = fixture.stub->WatchEcho(&context, request);
  ASSERT_TRUE(Eventually(
      [&] { return fixture.service.written() >= static_cast<int64_t>(kMaxBufferedStreamMessages); }));
  const absl::Duration start = RealClock::Get().Monotonic();
  fixture.server.Stop();
  // The message that flow control holds back goes with the connection, long before the drain time is over.
  EXPECT_LT(RealClock::Get().Monotonic() - start, absl::Seconds(30));
  context.TryCancel();
  reader->Finish();
}

TEST(ServerTest, StreamEndsWhenTheClientLeaves) {
  Fixture fixture;
  SDA_ASSERT_OK(fixture.Start());
  {
    grpc::ClientContext context;
    auto reader = fixture.stub->WatchEcho(&context, WatchEchoRequest());
    WatchEchoResponse message;
    ASSERT_TRUE(reader->Read(&message));
    context.TryCancel();
    while (reader->Read(&message)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(fixture.server.runner().calls().AwaitIdle(CallKind::kStream, absl::Seconds(30)));
}

TEST(ServerTest, StreamsBeyondTheLimitAreRefused) {
  ServerConfig config = TestServer::DefaultConfig();
  config.max_streams = 1;
  Fixture fixture(EchoService::EchoBack, config);
  SDA_ASSERT_OK(fixture.Start());
  grpc::ClientContext first;
  auto reader = fixture.stub->WatchEcho(&first, WatchEchoRequest());
  WatchEchoResponse message;
  ASSERT_TRUE(reader->Read(&message));
  grpc::ClientContext second;
  auto refused = fixture.stub->WatchEcho(&second, WatchEchoRequest());
  EXPECT_FALSE(refused->Read(&message));
  EXPECT_EQ(GetErrorReason(FromGrpcStatus(refused->Finish())), "SERVER_BUSY");
  first.TryCancel();
  while (reader->Read(&message)) {
  }
  reader->Finish();
}

TEST(ServerTest, ReadinessFollowsTheCheck) {
  std::atomic<bool> database_up = true;
  Fixture fixture;
  SDA_ASSERT_OK(fixture.Start([&]() -> absl::Status {
    return database_up ? absl::OkStatus() : absl::UnavailableError("the database is gone");
  }));
  Connection& connection = fixture.server.connection();
  SDA_EXPECT_OK(CheckHealth(connection, kEchoServiceName, absl::Seconds(10)));
  database_up = false;
  EXPECT_TRUE(Eventually([&] { return !CheckHealth(connection, kEchoServiceName, absl::Seconds(10)).ok(); }));
  SDA_EXPECT_OK(CheckHealth(connection, "", absl::Seconds(10)));  // alive all the time
  EXPECT_THAT(fixture.Metrics(), HasSubstr("sda_ready{service=\"sda.testing.v1.EchoService\"} 0"));
  database_up = true;
  EXPECT_TRUE(Eventually([&] { return CheckHealth(connection, kEchoServiceName, absl::Seconds(10)).ok(); }));
}

TEST(ServerTest, UnknownServiceHasNoHealth) {
  Fixture fixture;
  SDA_ASSERT_OK(fixture.Start());
  EXPECT_THAT(CheckHealth(fixture.server.connection(), "no.such.Service", absl::Seconds(10)),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(ServerTest, NotReadyInTimeNamesTheReason) {
  Fixture fixture;
  fixture.server.runner().Add(fixture.service, kEchoServiceName,
                              [] { return absl::UnavailableError("disk is full"); });
  SDA_ASSERT_OK(fixture.server.runner().Start());
  EXPECT_THAT(fixture.server.runner().AwaitReady(absl::Milliseconds(20)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("EchoService is not ready")));
}

TEST(ServerTest, AnnouncesOnlyWhenReady) {
  TempDir dir;
  ServerConfig config = TestServer::DefaultConfig();
  config.announce = dir / "echo.json";
  config.metrics_listen = "127.0.0.1:0";
  Fixture fixture(EchoService::EchoBack, config);
  std::atomic<bool> early = false;
  SDA_ASSERT_OK(fixture.Start([&, calls = 0]() mutable -> absl::Status {
    early = early || ReadAnnounceFile(config.announce).ok();
    return ++calls < 3 ? absl::UnavailableError("still starting") : absl::OkStatus();
  }));
  ASSERT_TRUE(Eventually([&] { return ReadAnnounceFile(config.announce).ok(); }));
  EXPECT_FALSE(early);
  SDA_ASSERT_OK_AND_ASSIGN(const Announcement announcement, ReadAnnounceFile(config.announce));
  EXPECT_EQ(announcement.address, fixture.server.runner().address());
  EXPECT_EQ(announcement.metrics_address, fixture.server.runner().metrics().exposed_address());
  EXPECT_EQ(announcement.pid, getpid());
}

TEST(ServerTest, PortInUseNamesAddressAndRemedy) {
  Fixture first;
  SDA_ASSERT_OK(first.Start());
  ServerConfig config = TestServer::DefaultConfig();
  config.listen = first.server.runner().address();
  Fixture second(EchoService::EchoBack, config);
  const absl::Status status = second.Start();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr(config.listen)));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--listen")));
  EXPECT_EQ(GetErrorReason(status), "PORT_IN_USE");
}

TEST(ServerTest, MetricsPortInUseNamesAddress) {
  ServerConfig config = TestServer::DefaultConfig();
  config.metrics_listen = "127.0.0.1:0";
  Fixture first(EchoService::EchoBack, config);
  SDA_ASSERT_OK(first.Start());
  config.metrics_listen = first.server.runner().metrics().exposed_address();
  Fixture second(EchoService::EchoBack, config);
  EXPECT_THAT(second.Start(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(config.metrics_listen)));
}

TEST(ServerTest, CallsAreCounted) {
  Fixture fixture([](const EchoRequest& request, EchoResponse*, RequestContext&) {
    return request.text() == "bad" ? absl::NotFoundError("no") : absl::OkStatus();
  });
  SDA_ASSERT_OK(fixture.Start());
  SDA_EXPECT_OK(fixture.Echo("good"));
  SDA_EXPECT_OK(fixture.Echo("good"));
  EXPECT_FALSE(fixture.Echo("bad").ok());
  ASSERT_TRUE(fixture.server.runner().calls().AwaitIdle(CallKind::kUnary, absl::Seconds(10)));
  const std::string text = fixture.Metrics();
  EXPECT_THAT(text, HasSubstr("sda_rpc_handled_total{code=\"OK\",method=\"Echo\",service=\"test\"} 2"));
  EXPECT_THAT(text,
              HasSubstr("sda_rpc_handled_total{code=\"NOT_FOUND\",method=\"Echo\",service=\"test\"} 1"));
  EXPECT_THAT(text, HasSubstr("sda_rpc_seconds_count{method=\"Echo\",service=\"test\"} 3"));
  EXPECT_THAT(text, HasSubstr("sda_rpc_in_flight{method=\"Echo\",service=\"test\"} 0"));
}

TEST(ServerTest, RetryOutlivesARestart) {
  auto first = std::make_unique<Fixture>();
  SDA_ASSERT_OK(first->Start());
  ServerConfig config = TestServer::DefaultConfig();
  config.listen = first->server.runner().address();
  auto connection = first->server.shared_connection();
  first.reset();

  Stub stub(connection->channel());
  auto call = std::async(std::launch::async, [&] {
    EchoRequest request;
    request.set_text("again");
    return Call(*connection, stub, &Stub::Echo, request, {.retry_budget = absl::Minutes(1)});
  });
  Fixture second(EchoService::EchoBack, config);
  SDA_ASSERT_OK(second.Start());
  const auto response = call.get();
  SDA_ASSERT_OK(response);
  EXPECT_EQ(response->text(), "again");
}

}  // namespace
}  // namespace sda::rpc
