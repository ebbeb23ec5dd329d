#ifndef SDA_COMMON_RPC_LIMITS_H_
#define SDA_COMMON_RPC_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include <absl/time/time.h>

namespace sda::rpc {

// Bounds of every server, with the reason of each.

// Trailers hold the message and the details of an error; clients accept 8 KiB of metadata by default, base64
// takes a third, and the message is sent twice.
inline constexpr size_t kMaxErrorMessageBytes = 1024;
inline constexpr size_t kMaxErrorDetailBytes = 3 * 1024;

// A request id is logged with each line and echoed: long enough for any id in use, short enough to do no
// harm.
inline constexpr size_t kMaxRequestIdBytes = 128;

// A request holds a recipe, a page of trials or a batch of measurements; none comes near this.
inline constexpr int64_t kDefaultMaxMessageBytes = 16 << 20;

// Calls that wait for a worker thread: a few hundred milliseconds of work, beyond it waiting longer helps
// nobody.
inline constexpr int kDefaultMaxQueuedCalls = 1024;

// A watcher holds a thread while it is served.
inline constexpr int kDefaultMaxStreams = 64;

// Messages a stream holds for a client that reads slowly.
inline constexpr size_t kMaxBufferedStreamMessages = 64;

// Streams of calls on one connection, so that one client cannot take all queues.
inline constexpr int kMaxConcurrentStreamsPerConnection = 1024;

// Calls that name no deadline get this one.
inline constexpr absl::Duration kDefaultCallDeadline = absl::Minutes(1);

// Shorter than the 30 s that orchestrators wait before they kill.
inline constexpr absl::Duration kDefaultDrainTime = absl::Seconds(20);

// Of it, what streams get after the unary calls: to send their last words. A client that does not read is cut
// off.
inline constexpr absl::Duration kStreamDrainTime = absl::Seconds(1);

// Connections that died without a word are found after at most the sum of these.
inline constexpr absl::Duration kKeepaliveTime = absl::Seconds(30);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_LIMITS_H_
