#ifndef SDA_SERVICES_PREPROCESSING_SERVER_REPLY_RECORDS_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_REPLY_RECORDS_H_

#include <optional>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/storage/artefact_store.h"

namespace sda::preprocessing {

// What identifies a changing call for good.
struct RequestKey {
  std::string request_id;
  std::string method;          // "CreateDataset"
  std::string payload_sha256;  // of the request's bytes

  bool operator==(const RequestKey&) const = default;
};

// First replies of changing calls, a file each, so that a repeated call is answered with them again.
// Thread-safe; callers see to it that one request id is not worked on twice at a time.
class ReplyRecords {
 public:
  // `store` must outlive this.
  explicit ReplyRecords(const ArtefactStore& store) : store_(store) {}

  // The reply, as bytes of its message; nothing where there is none yet. ALREADY_EXISTS (REQUEST_ID_REUSED)
  // where the id belongs to another call.
  absl::StatusOr<std::optional<std::string>> Find(const RequestKey& key) const;

  absl::Status Save(const RequestKey& key, const std::string& reply, absl::Time now) const;

  // Removes the records from before `oldest`, and those that a killed process left half-written: nobody may
  // be saving one.
  absl::Status RemoveOld(absl::Time oldest) const;

 private:
  const ArtefactStore& store_;
};

// REQUEST_ID_REUSED.
absl::Status RequestIdReused(const std::string& request_id);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_REPLY_RECORDS_H_
