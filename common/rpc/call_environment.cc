#include "common/rpc/call_environment.h"

#include <algorithm>
#include <utility>

#include <openssl/crypto.h>

namespace sda::rpc {

namespace {

// The standard library adds it to a time point, which must not overflow.
constexpr absl::Duration kLongestWait = absl::Hours(24 * 365);

}  // namespace

CallEnvironment::CallEnvironment(Options options, MetricsRegistry& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      call_pool_("call", options_.calls),
      stream_pool_("stream", options_.streams) {}

bool CallEnvironment::IsAuthorized(std::string_view authorization) const {
  if (options_.tokens.empty()) return true;
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme)) return false;
  const std::string_view given = authorization.substr(kScheme.size());
  bool accepted = false;
  // No early exit and no comparison that stops at the first difference: the time taken tells nothing about a
  // token.
  for (const std::string& token : options_.tokens) {
    accepted |= token.size() == given.size() && CRYPTO_memcmp(token.data(), given.data(), given.size()) == 0;
  }
  return accepted;
}

void CallEnvironment::CallBegins(CallKind kind) {
  std::lock_guard lock(mutex_);
  ++calls_[static_cast<size_t>(kind)];
}

void CallEnvironment::CallEnds(CallKind kind) {
  std::lock_guard lock(mutex_);
  if (--calls_[static_cast<size_t>(kind)] == 0) idle_.notify_all();
}

bool CallEnvironment::AwaitIdle(CallKind kind, absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, absl::ToChronoNanoseconds(std::min(timeout, kLongestWait)),
                        [&] { return calls_[static_cast<size_t>(kind)] == 0; });
}

void CallEnvironment::JoinThreads() {
  call_pool_.Stop();
  stream_pool_.Stop();
}

}  // namespace sda::rpc
