#ifndef SDA_COMMON_TESTING_TEST_SERVER_H_
#define SDA_COMMON_TESTING_TEST_SERVER_H_

#include <memory>
#include <string>
#include <utility>

#include <absl/status/status.h>

#include "common/rpc/connection.h"
#include "common/rpc/server_runner.h"

namespace sda::testing {

// A real server on a free port of loopback, for tests that call it through real stubs:
//
//   TestServer server;
//   OptimizerService service(…, server.runner().calls());
//   server.runner().Add(service, "sda.optimizer.v1.OptimizerService");
//   SDA_ASSERT_OK(server.Start());
//   auto stub = OptimizerService::NewStub(server.connection().channel());
//
// Services must be declared after this or be stopped first: call Stop() before they go.
class TestServer {
 public:
  explicit TestServer(rpc::ServerConfig config = DefaultConfig(), rpc::ClientConfig client = {});

  // Loopback, port 0, quiet logs, short drain time.
  static rpc::ServerConfig DefaultConfig();

  rpc::ServerRunner& runner() { return runner_; }

  // Starts, waits until every service is ready and opens the connection.
  absl::Status Start();
  void Stop() { runner_.Stop(); }

  // After Start.
  rpc::Connection& connection() { return *connection_; }
  std::shared_ptr<rpc::Connection> shared_connection() { return connection_; }

 private:
  rpc::ServerRunner runner_;
  const rpc::ClientConfig client_;
  std::shared_ptr<rpc::Connection> connection_;
};

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_TEST_SERVER_H_
