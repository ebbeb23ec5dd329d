// Who may call: TLS, mutual TLS, bearer tokens, and the rule for addresses beyond loopback.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/rpc/call.h"
#include "common/rpc/testdata/echo_service.h"
#include "common/testing/certificates.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/test_server.h"

namespace sda::rpc {
namespace {

using ::sda::testing::KeyAndCertificate;
using ::sda::testing::StatusIs;
using ::sda::testing::TempDir;
using ::sda::testing::TestAuthority;
using ::sda::testing::TestServer;
using ::sda::testing::v1::EchoRequest;
using ::sda::testing::v1::EchoResponse;
using ::testing::HasSubstr;
using Stub = ::sda::testing::v1::EchoService::Stub;

class SecurityTest : public ::testing::Test {
 protected:
  SecurityTest() {
    ca_ = dir_.Write("ca.pem", authority_.certificate());
    tls_.tls_cert = dir_.Write("server.pem", server_.certificate);
    tls_.tls_key = dir_.Write("server.key", server_.key);
    tls_.log_level = "error";
  }

  // A client that trusts the authority and shows a certificate of `issuer`.
  ClientConfig ClientWithCertificate(const TestAuthority& issuer) {
    const KeyAndCertificate client = issuer.Issue("worker-7");
    ClientConfig config;
    config.ca = ca_;
    config.cert = dir_.Write("client.pem", client.certificate);
    config.key = dir_.Write("client.key", client.key);
    return config;
  }

  // The principal that the handler sees, or the error of the call.
  absl::StatusOr<std::string> CallServer(const ServerConfig& server_config,
                                         const ClientConfig& client_config) {
    ServerRunner runner("test", server_config);
    EchoService service(runner.calls(), [](const EchoRequest&, EchoResponse* response, RequestContext& call) {
      response->set_text(call.principal());
      return absl::OkStatus();
    });
    runner.Add(service, kEchoServiceName);
    if (absl::Status status = runner.Start(); !status.ok()) return status;
    auto connection = Connection::Open(runner.address(), client_config);
    if (!connection.ok()) return connection.status();
    Stub stub((*connection)->channel());
    auto response = Call(**connection, stub, &Stub::Echo, EchoRequest());
    runner.Stop();
    if (!response.ok()) return response.status();
    return response->text();
  }

  TempDir dir_;
  TestAuthority authority_;
  KeyAndCertificate server_ = authority_.Issue("server");
  std::string ca_;
  ServerConfig tls_;
};

TEST_F(SecurityTest, TlsServesClientsThatTrustIt) {
  ClientConfig client;
  client.ca = ca_;
  SDA_EXPECT_OK(CallServer(tls_, client));
}

TEST_F(SecurityTest, TlsRefusesPlainText) {
  EXPECT_THAT(CallServer(tls_, {}), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, ClientRefusesAnUnknownServer) {
  TestAuthority other("another authority");
  ClientConfig client;
  client.ca = dir_.Write("other.pem", other.certificate());
  EXPECT_THAT(CallServer(tls_, client), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, MutualTlsNamesThePrincipal) {
  tls_.tls_client_ca = ca_;
  SDA_ASSERT_OK_AND_ASSIGN(const std::string principal, CallServer(tls_, ClientWithCertificate(authority_)));
  EXPECT_EQ(principal, "worker-7");
}

TEST_F(SecurityTest, MutualTlsRefusesClientsWithoutCertificate) {
  tls_.tls_client_ca = ca_;
  ClientConfig client;
  client.ca = ca_;
  EXPECT_THAT(CallServer(tls_, client), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, MutualTlsRefusesCertificatesOfOthers) {
  tls_.tls_client_ca = ca_;
  TestAuthority other("another authority");
  EXPECT_THAT(CallServer(tls_, ClientWithCertificate(other)), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, TokenOpensTheDoor) {
  ServerConfig server = TestServer::DefaultConfig();
  server.token_file = dir_.Write("tokens", "# old and new\n0123456789abcdef\nfedcba9876543210\n");
  ClientConfig client;
  client.token_file = dir_.Write("token", "fedcba9876543210\n");
  SDA_ASSERT_OK_AND_ASSIGN(const std::string principal, CallServer(server, client));
  EXPECT_EQ(principal, "token");
}

TEST_F(SecurityTest, WrongOrMissingTokenIsUnauthenticated) {
  ServerConfig server = TestServer::DefaultConfig();
  server.token_file = dir_.Write("tokens", "0123456789abcdef\n");
  ClientConfig client;
  client.token_file = dir_.Write("token", "0123456789abcdeF\n");
  const absl::Status wrong = CallServer(server, client).status();
  EXPECT_THAT(wrong, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("bearer token")));
  EXPECT_EQ(GetErrorReason(wrong), "TOKEN_REFUSED");
  EXPECT_THAT(CallServer(server, {}), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(SecurityTest, StreamsAskForTheTokenToo) {
  ServerConfig config = TestServer::DefaultConfig();
  config.token_file = dir_.Write("tokens", "0123456789abcdef\n");
  TestServer server(config);
  EchoService service(server.runner().calls());
  server.runner().Add(service, kEchoServiceName);
  SDA_ASSERT_OK(server.Start());
  SDA_EXPECT_OK(
      CheckHealth(server.connection(), kEchoServiceName, absl::Seconds(10)));  // probes carry no token
  Stub stub(server.connection().channel());
  grpc::ClientContext context;
  auto reader = stub.WatchEcho(&context, {});
  EchoService::WatchEchoResponse message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  server.Stop();
}

TEST_F(SecurityTest, TokenIsNotSentInPlainTextToOtherMachines) {
  ClientConfig client;
  client.token_file = dir_.Write("token", "0123456789abcdef\n");
  EXPECT_THAT(Connection::Open("10.0.0.1:50051", client),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TLS")));
}

TEST_F(SecurityTest, UnusableFilesAreNamedAtStart) {
  ServerConfig server = TestServer::DefaultConfig();
  server.tls_cert = dir_ / "no-such.pem";
  server.tls_key = tls_.tls_key;
  EXPECT_THAT(CallServer(server, {}), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no-such.pem")));
  server.tls_cert = dir_.Write("bad.pem", "this is no certificate");
  EXPECT_THAT(CallServer(server, {}), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate")));
  server = TestServer::DefaultConfig();
  server.token_file = dir_.Write("short", "# mine\nsecret\n");
  EXPECT_THAT(CallServer(server, {}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("short:2")));
  server.token_file = dir_.Write("empty", "# none\n");
  EXPECT_THAT(CallServer(server, {}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no token")));
}

TEST_F(SecurityTest, OtherMachinesNeedTlsAndAuthentication) {
  ServerConfig server;
  server.listen = "0.0.0.0:0";
  EXPECT_THAT(Validate(server), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TLS is off")));
  server.token_file = "tokens";
  EXPECT_THAT(Validate(server), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TLS is off")));
  server.tls_cert = "cert";
  EXPECT_THAT(Validate(server), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tls-key")));
  server.tls_key = "key";
  SDA_EXPECT_OK(Validate(server));
  server.token_file = "";
  EXPECT_THAT(Validate(server), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("anybody may call")));
  server.tls_client_ca = "ca";
  SDA_EXPECT_OK(Validate(server));
  server = {};
  server.listen = "0.0.0.0:0";
  server.insecure = true;
  SDA_EXPECT_OK(Validate(server));
}

TEST_F(SecurityTest, LoopbackIsRecognised) {
  for (const char* address : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"})
    EXPECT_TRUE(IsLoopback(address)) << address;
  for (const char* address : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.com:1", "host:1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

}  // namespace
}  // namespace sda::rpc
