#ifndef SDA_SERVICES_ADVISOR_SERVER_PROTO_TIME_H_
#define SDA_SERVICES_ADVISOR_SERVER_PROTO_TIME_H_

#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

namespace sda::advisor {

inline google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t micros = absl::ToUnixMicros(time);
  proto.set_seconds(micros / 1'000'000);
  proto.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1'000));
  return proto;
}

inline absl::Time FromTimestamp(const google::protobuf::Timestamp& proto) {
  return absl::FromUnixSeconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

inline google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration proto;
  const int64_t micros = absl::ToInt64Microseconds(duration);
  proto.set_seconds(micros / 1'000'000);
  proto.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1'000));
  return proto;
}

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_PROTO_TIME_H_
