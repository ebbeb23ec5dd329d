#ifndef SDA_SERVICES_OPTIMIZER_SERVER_DETERMINISTIC_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_DETERMINISTIC_H_

#include <string>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

namespace sda::optimizer {

// The message's bytes with maps in the order of their keys: equal messages, equal bytes.
inline std::string DeterministicBytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_DETERMINISTIC_H_
