#ifndef SDA_TESTS_CHAOS_FLAKY_PROXY_H_
#define SDA_TESTS_CHAOS_FLAKY_PROXY_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/numerics/rng.h"

namespace sda::chaos {

// A TCP proxy on loopback that treats connections badly: it refuses some at once, cuts others after some
// bytes in the middle of whatever they were at, and holds parts back for a while. Every connection's fate is
// drawn from the seed.
class FlakyProxy {
 public:
  // Forwards to 127.0.0.1:port.
  FlakyProxy(int port, uint64_t seed);
  ~FlakyProxy();
  FlakyProxy(const FlakyProxy&) = delete;
  FlakyProxy& operator=(const FlakyProxy&) = delete;

  std::string address() const;
  int64_t connections() const { return connections_; }
  int64_t cuts() const { return cuts_; }
  int64_t delays() const { return delays_; }

 private:
  void Accept();
  void Serve(int client, Rng rng);

  const int target_port_;
  int listener_ = -1, port_ = 0;
  Rng rng_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> connections_ = 0, cuts_ = 0, delays_ = 0;
  std::mutex mutex_;
  std::vector<std::thread> serving_;  // guarded by mutex_
  std::thread accepting_;
};

}  // namespace sda::chaos

#endif  // SDA_TESTS_CHAOS_FLAKY_PROXY_H_
