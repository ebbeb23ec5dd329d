#include "common/testing/test_server.h"

#include "common/base/status_macros.h"

namespace sda::testing {

TestServer::TestServer(rpc::ServerConfig config, rpc::ClientConfig client)
    : runner_("test", std::move(config)), client_(std::move(client)) {}

rpc::ServerConfig TestServer::DefaultConfig() {
  rpc::ServerConfig config;
  config.log_level = "error";
  config.drain_time = absl::Seconds(5);
  return config;
}

absl::Status TestServer::Start() {
  SDA_RETURN_IF_ERROR(runner_.Start());
  SDA_RETURN_IF_ERROR(runner_.AwaitReady(absl::Seconds(30)));
  SDA_ASSIGN_OR_RETURN(connection_, rpc::Connection::Open(runner_.address(), client_));
  return absl::OkStatus();
}

}  // namespace sda::testing
