#ifndef SDA_COMMON_RPC_METHOD_H_
#define SDA_COMMON_RPC_METHOD_H_

#include <string_view>

namespace sda::rpc {

// An RPC's name as metrics and logs say it, e.g. "CreateExperiment". Must outlive the server: a literal.
struct Method {
  // NOLINTNEXTLINE(misc-explicit-constructor): a call reads HandleUnary(…, "GetTrial", …).
  constexpr Method(const char* name, bool frequent = false, bool waits = false)
      : name(name), frequent(frequent), waits(waits) {}

  std::string_view name;
  bool frequent;  // called so often that its successes are logged at level debug only
  bool waits;     // may wait long for something to happen (a long poll): runs on the pool of streams, not of
                  // calls
};

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_METHOD_H_
