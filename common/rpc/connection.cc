#include "common/rpc/connection.h"

#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/rpc/error_details.h"
#include "common/rpc/server_config.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace sda::rpc {
namespace {

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ClientConfig& config) {
  if (config.cert.empty() != config.key.empty()) {
    return InvalidField(config.cert.empty() ? "cert" : "key",
                        "is missing; certificate and key must be given together");
  }
  if (config.ca.empty()) {
    if (!config.cert.empty()) return InvalidField("ca", "is missing; a client certificate needs TLS");
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions options;
  SDA_ASSIGN_OR_RETURN(options.pem_root_certs, ReadSmallFile(config.ca, "certificates of issuers"));
  if (!config.cert.empty()) {
    SDA_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadSmallFile(config.cert, "the client's certificate"));
    SDA_ASSIGN_OR_RETURN(options.pem_private_key, ReadSmallFile(config.key, "the client's key"));
  }
  return grpc::SslCredentials(options);
}

}  // namespace

void ClientConfig::Declare(Flags& flags, const std::string& prefix) {
  flags.Text(prefix + "ca", &ca, "PEM file of issuers of server certificates; turns TLS on");
  flags.Text(prefix + "cert", &cert, "PEM file with this client's certificate, for mutual TLS");
  flags.Text(prefix + "key", &key, "PEM file with the certificate's private key");
  flags.Text(prefix + "token-file", &token_file, "File with the bearer token to send");
}

Connection::Connection(std::string address, std::shared_ptr<grpc::Channel> channel, std::string token)
    : address_(std::move(address)), channel_(std::move(channel)), token_(std::move(token)) {}

absl::StatusOr<std::shared_ptr<Connection>> Connection::Open(const std::string& address,
                                                             const ClientConfig& config) {
  if (address.rfind(':') == std::string::npos) {
    return InvalidField("address", absl::StrCat("\"", address, "\" is not allowed; must be HOST:PORT"));
  }
  std::string token;
  if (!config.token_file.empty()) {
    SDA_ASSIGN_OR_RETURN(const std::vector<std::string> tokens, ReadTokens(config.token_file));
    token = tokens.front();
  }
  // A token in plain text is readable by everyone on the way.
  if (!token.empty() && config.ca.empty() && !IsLoopback(address)) {
    return InvalidField("token-file",
                        absl::StrCat("needs TLS to reach ", address, "; set the issuers' file (ca)"));
  }
  SDA_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials, MakeCredentials(config));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(config.max_message_bytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(config.max_message_bytes));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTime)));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
  // A service that was restarted is found again within a second or two, not after gRPC's default of two
  // minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // Channels to one address share no connection: a slow stream of one caller does not hold up another's
  // calls.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
  return std::shared_ptr<Connection>(new Connection(address, std::move(channel), std::move(token)));
}

void Connection::Prepare(grpc::ClientContext& context, absl::Duration timeout,
                         const std::string& request_id) const {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.AddMetadata("x-request-id", request_id.empty() ? NewUuid() : request_id);
  if (!token_.empty()) context.AddMetadata("authorization", "Bearer " + token_);
}

absl::Status CheckHealth(const Connection& connection, const std::string& service, absl::Duration timeout) {
  auto stub = grpc::health::v1::Health::NewStub(connection.channel());
  grpc::ClientContext context;
  connection.Prepare(context, timeout);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  if (absl::Status status = FromGrpcStatus(stub->Check(&context, request, &response)); !status.ok())
    return status;
  if (response.status() == grpc::health::v1::HealthCheckResponse::SERVING) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat(service.empty() ? "the server" : service, " at ", connection.address(),
                                " is ", detail.reason),
                   detail);
}

}  // namespace sda::rpc
