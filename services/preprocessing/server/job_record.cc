#include "services/preprocessing/server/job_record.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "common/base/strings.h"

namespace sda::preprocessing {

using Json = nlohmann::ordered_json;

std::string JobRecordToJson(const JobRecord& record) {
  std::string job;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  // Fails only for unknown Any types, of which there are none.
  (void)google::protobuf::util::MessageToJsonString(record.job, &job, options);
  const Json json = {{"job", Json::parse(job, nullptr, /*allow_exceptions=*/false)},
                     {"request_id", record.request.request_id},
                     {"method", record.request.method},
                     {"payload_sha256", record.request.payload_sha256}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<JobRecord> JobRecordFromJson(const std::string& text, std::string_view source) {
  const auto broken = [&](std::string_view why) {
    return absl::DataLossError(absl::StrCat(ToAbsl(source), ": ", ToAbsl(why)));
  };
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("job")) return broken("is not a job record");
  JobRecord record;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // written by a later version
  const auto status = google::protobuf::util::JsonStringToMessage(json["job"].dump(), &record.job, options);
  if (!status.ok()) return broken(std::string(status.message()));
  const auto text_of = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
  };
  record.request = {text_of("request_id"), text_of("method"), text_of("payload_sha256")};
  return record;
}

bool IsFinal(const v1::Job& job) {
  return job.state() == v1::Job::STATE_SUCCEEDED || job.state() == v1::Job::STATE_FAILED ||
         job.state() == v1::Job::STATE_CANCELLED;
}

}  // namespace sda::preprocessing
