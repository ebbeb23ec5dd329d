#ifndef SDA_SERVICES_PREPROCESSING_SERVER_JOB_RECORD_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_JOB_RECORD_H_

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "sda/preprocessing/v1/dataset.pb.h"
#include "services/preprocessing/server/reply_records.h"

namespace sda::preprocessing {

// A job as it lies in the artefact root, at datasets/{d}/jobs/{j}.json.
struct JobRecord {
  v1::Job job;
  RequestKey request;  // the call that made it
};

std::string JobRecordToJson(const JobRecord& record);

// DATA_LOSS naming `source`.
absl::StatusOr<JobRecord> JobRecordFromJson(const std::string& json, std::string_view source);

// Whether the job's life is over.
bool IsFinal(const v1::Job& job);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_JOB_RECORD_H_
