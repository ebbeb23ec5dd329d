#include "clients/cli/commands/profile_call.h"

#include <stop_token>

#include "clients/cli/remote/run_reports.h"
#include "common/rpc/error_details.h"

namespace sda::cli {
namespace {

// Longer than any disk takes to read what fits on it.
constexpr absl::Duration kLongestProfile = absl::Hours(24 * 7);

}  // namespace

absl::StatusOr<ProfileReply> CallProfileData(const preprocessing::v1::ProfileDataRequest& request,
                                             PreprocessingClient& client, Terminal& terminal) {
  grpc::ClientContext context;
  client.connection().Prepare(context, kLongestProfile);
  const auto cancel = [&context] { context.TryCancel(); };
  const std::stop_callback<decltype(cancel)> on_stop(client.stop(), cancel);
  const auto stream = client.stub().ProfileData(&context, request);
  ProfileReply reply;
  preprocessing::v1::ProfileDataResponse response;
  while (stream->Read(&response)) {
    if (response.has_progress()) terminal.Show(ToView(response.progress()));
    if (response.has_profile()) reply.profile.MergeFrom(response.profile());
    reply.page += response.html();
    reply.pipeline_yaml += response.pipeline_yaml();
  }
  terminal.ClearBar();
  const absl::Status status = rpc::FromGrpcStatus(stream->Finish());
  if (client.stop().stop_requested()) return absl::CancelledError("interrupted");
  if (!status.ok()) return client.Explain(status);
  return reply;
}

}  // namespace sda::cli
