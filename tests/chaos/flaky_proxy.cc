#include "tests/chaos/flaky_proxy.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sda::chaos {
namespace {

constexpr int kPollMillis = 20;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool SendAll(int socket, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = send(socket, data, static_cast<size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= sent;
  }
  return true;
}

// A reset, not an orderly end: the other side learns nothing of what was on its way.
void Cut(int socket) {
  const linger hard = {.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(socket);
}

}  // namespace

FlakyProxy::FlakyProxy(int port, uint64_t seed) : target_port_(port), rng_(seed) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (listener_ < 0 || bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0) {
    std::perror("the proxy cannot listen");
    std::abort();
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { Accept(); });
}

FlakyProxy::~FlakyProxy() {
  stop_ = true;
  accepting_.join();
  close(listener_);
  for (std::thread& thread : serving_) thread.join();
}

std::string FlakyProxy::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

void FlakyProxy::Accept() {
  while (!stop_) {
    pollfd waiting = {.fd = listener_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, kPollMillis) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    Rng rng(rng_.Next());
    std::lock_guard lock(mutex_);
    serving_.emplace_back([this, client, rng] { Serve(client, rng); });
  }
}

void FlakyProxy::Serve(int client, Rng rng) {
  if (rng.Below(8) == 0) {
    ++cuts_;
    return Cut(client);
  }
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(target_port_);
  if (server < 0) return Cut(client);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(server);
    return Cut(client);
  }
  // Long enough for the greeting of a connection and a few calls, at least now and then.
  auto left = static_cast<int64_t>(200 + rng.Below(1 << (9 + rng.Below(6))));
  std::array<pollfd, 2> ends = {
      {{.fd = client, .events = POLLIN, .revents = 0}, {.fd = server, .events = POLLIN, .revents = 0}}};
  std::array<char, 4096> buffer;
  bool open = true;
  while (open && !stop_) {
    if (poll(ends.data(), ends.size(), kPollMillis) <= 0) continue;
    for (size_t side = 0; side < 2 && open; ++side) {
      if ((ends[side].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      const ssize_t got = recv(ends[side].fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        open = false;
        break;
      }
      if (rng.Below(10) == 0) {
        ++delays_;
        const std::chrono::milliseconds slow(rng.Below(60));
        std::this_thread::sleep_for(slow);  // layering-allow: because it is slow on purpose
      }
      const ssize_t part = std::min<ssize_t>(got, static_cast<ssize_t>(left));
      left -= part;
      if (!SendAll(ends[1 - side].fd, buffer.data(), part)) open = false;
      if (left <= 0) {
        ++cuts_;
        open = false;
      }
    }
  }
  Cut(client);
  Cut(server);
}

}  // namespace sda::chaos
