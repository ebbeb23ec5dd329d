#ifndef SDA_COMMON_RPC_METHOD_H_
#define SDA_COMMON_RPC_METHOD_H_

#include <string_view>

namespace sda::rpc {

// An RPC's name as metrics and logs say it, e.g. "CreateExperiment". Must outlive the server: a literal.
struct Method {
  // NOLINTNEXTLINE(google-explicit-constructor): a call reads HandleUnary(…, "GetTrial", …).
  constexpr Method(const char* name, bool frequent = false) : name(name), frequent(frequent) {}

  std::string_view name;
  bool frequent;  // called so often that its successes are logged at level debug only
};

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_METHOD_H_
