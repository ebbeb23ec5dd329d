#ifndef SDA_SERVICES_ADVISOR_SERVER_RUN_FEED_H_
#define SDA_SERVICES_ADVISOR_SERVER_RUN_FEED_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "sda/common/v1/common.pb.h"

namespace sda::advisor {

// What changes about runs between two commits (progress, whom they wait for), and the bell that watchers wait
// at. Thread-safe. Nothing of it outlives the process: after a restart progress begins anew.
class RunFeed {
 public:
  struct Live {
    common::v1::Progress progress;
    std::string waiting_for;
  };

  // Empty for a run that is not being worked on.
  Live Get(const std::string& run) const;

  void SetProgress(const std::string& run, common::v1::Progress progress);
  void SetWaitingFor(const std::string& run, std::string waiting_for);
  void Clear(const std::string& run);  // nobody works on it now

  // Something about the run has changed, in the database or here.
  void Ring(const std::string& run);

  // Goes up with each Ring and each change above.
  uint64_t Version(const std::string& run) const;

  // Waits until the version is no longer `seen`; nothing once `stop` fires.
  std::optional<uint64_t> AwaitChange(const std::string& run, uint64_t seen, std::stop_token stop) const;

 private:
  uint64_t VersionLocked(const std::string& run) const;
  void Change(const std::string& run);

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Live> live_;          // guarded by mutex_
  std::map<std::string, uint64_t> versions_;  // guarded by mutex_
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_RUN_FEED_H_
