#ifndef SDA_CLIENTS_CLI_REMOTE_PROTO_DOCUMENT_H_
#define SDA_CLIENTS_CLI_REMOTE_PROTO_DOCUMENT_H_

#include "clients/cli/core/document.h"

namespace google::protobuf {
class Message;
}

namespace sda::cli {

// Any message of the suite as people and scripts read it: fields in order of their declaration under their
// own names; enum values without their prefix ("SUCCEEDED"); times as RFC 3339, durations as seconds; values
// of parameters and metrics as plain values; the content of an Any beside its "@type" where the type is
// known. Unset messages and optional fields are left out, other fields always present.
Document ToDocument(const google::protobuf::Message& message);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_PROTO_DOCUMENT_H_
