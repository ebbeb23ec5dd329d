#ifndef SDA_COMMON_RPC_LISTEN_ERROR_H_
#define SDA_COMMON_RPC_LISTEN_ERROR_H_

#include <string>

#include <absl/status/status.h>

namespace sda::rpc {

// gRPC does not say why it could not listen on `address` (HOST:PORT); this finds out by trying, and says what
// to do. With `tls`, an address that can be bound means that certificate and key were refused. Never OK.
absl::Status ExplainListenFailure(const std::string& address, bool tls);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_LISTEN_ERROR_H_
