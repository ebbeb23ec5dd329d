#include "common/rpc/error_details.h"

#include <optional>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <grpcpp/support/status.h>

#include "common/base/error.h"
#include "common/base/strings.h"
#include "common/base/utf8.h"
#include "common/rpc/limits.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace sda::rpc {
namespace {

std::string Clean(std::string_view text, size_t max_bytes) {
  return TruncateUtf8(ToValidUtf8(text), max_bytes);
}

google::rpc::ErrorInfo MakeErrorInfo(const absl::Status& status, const std::optional<ErrorDetail>& detail) {
  google::rpc::ErrorInfo info;
  info.set_domain(std::string(kErrorDomain));
  if (detail && !detail->reason.empty()) {
    info.set_reason(detail->reason);
  } else {
    info.set_reason(absl::StatusCodeToString(status.code()));
  }
  if (detail) {
    for (const auto& [key, value] : detail->metadata) {
      (*info.mutable_metadata())[Clean(key, 64)] = Clean(value, 256);
      if (info.ByteSizeLong() > kMaxErrorDetailBytes / 2) break;
    }
  }
  return info;
}

// As many violations as fit; the last one says how many more there are.
google::rpc::BadRequest MakeBadRequest(const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest bad;
  for (size_t i = 0; i < violations.size(); ++i) {
    auto* violation = bad.add_field_violations();
    if (bad.ByteSizeLong() > kMaxErrorDetailBytes / 2) {
      violation->set_description(absl::StrCat("and ", violations.size() - i, " more"));
      break;
    }
    violation->set_field(Clean(violations[i].field, 128));
    violation->set_description(Clean(violations[i].description, 256));
  }
  return bad;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto detail = GetErrorDetail(status);
  google::rpc::Status full;
  full.set_code(static_cast<int>(status.code()));
  full.set_message(Clean(ToStd(status.message()), kMaxErrorMessageBytes));
  full.add_details()->PackFrom(MakeErrorInfo(status, detail));
  if (detail && !detail->violations.empty()) full.add_details()->PackFrom(MakeBadRequest(detail->violations));
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), full.message(), full.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  google::rpc::Status full;
  ErrorDetail detail;
  bool found = false;
  if (full.ParseFromString(status.error_details())) {
    for (const auto& any : full.details()) {
      google::rpc::ErrorInfo info;
      google::rpc::BadRequest bad;
      if (any.UnpackTo(&info)) {
        found = true;
        detail.reason = info.reason();
        detail.metadata = {info.metadata().begin(), info.metadata().end()};
      } else if (any.UnpackTo(&bad)) {
        found = true;
        for (const auto& violation : bad.field_violations()) {
          detail.violations.push_back({violation.field(), violation.description()});
        }
      }
    }
  }
  if (!found) return absl::Status(code, status.error_message());
  return MakeError(code, status.error_message(), detail);
}

}  // namespace sda::rpc
