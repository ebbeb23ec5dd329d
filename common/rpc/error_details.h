#ifndef SDA_COMMON_RPC_ERROR_DETAILS_H_
#define SDA_COMMON_RPC_ERROR_DETAILS_H_

#include <string_view>

#include <absl/status/status.h>

namespace grpc {
class Status;
}

namespace sda::rpc {

// The domain of every reason this suite defines.
inline constexpr std::string_view kErrorDomain = "sda";

// The one conversion of errors on the way out. A failed status carries exactly one google.rpc.ErrorInfo
// (domain "sda"; the reason is the one of common/base/error.h, or the code's name where there is none) and,
// for bad input, a google.rpc.BadRequest. Message and details are repaired to valid UTF-8 and cut to the
// limits of limits.h.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The way back, on the client's side: code, message, and reason, metadata and violations as an ErrorDetail.
// Details that are absent, malformed or of other types are passed over.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace sda::rpc

#endif  // SDA_COMMON_RPC_ERROR_DETAILS_H_
