#ifndef SDA_SERVICES_PREPROCESSING_SERVER_DATASET_JOBS_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_DATASET_JOBS_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/base/clock.h"
#include "common/storage/artefact_store.h"
#include "common/telemetry/metrics_registry.h"
#include "sda/preprocessing/v1/dataset.pb.h"
#include "services/preprocessing/server/dataset_catalog.h"
#include "services/preprocessing/server/job_record.h"
#include "services/preprocessing/server/resource_names.h"

namespace sda::preprocessing {

// The makings of datasets: a queue of jobs, a few of which run at a time. Every change of a job's state is
// published to the artefact root before anyone hears of it; jobs that had not ended when the process did go
// on, from their fit and their finished shards, when the next one opens the root. Thread-safe.
class DatasetJobs {
 public:
  struct Options {
    int threads = 1;  // of each job
    int running_jobs = 1;
    int64_t memory_bytes = 0;         // of each job; 0: no limit
    std::string scratch_folder = {};  // local; empty: the system's folder for temporary files
  };
  // All must outlive this.
  struct Dependencies {
    const ArtefactStore& store;
    const DatasetCatalog& catalog;
    Clock& clock;
    MetricsRegistry& metrics;
  };

  // Reads the records of the root and begins to work. Records that cannot be read are passed over and logged.
  static absl::StatusOr<std::unique_ptr<DatasetJobs>> Open(const Dependencies& dependencies,
                                                           const Options& options);

  // Stops as Stop() does.
  ~DatasetJobs();

  // Queues a job that makes dataset `dataset`. ALREADY_EXISTS (DATASET_EXISTS) where there is one or a job
  // makes it; RESOURCE_EXHAUSTED (TOO_MANY_JOBS). `spec` must have passed ValidateRequestSpec.
  absl::StatusOr<v1::Job> Create(const std::string& dataset, const v1::DatasetSpec& spec,
                                 const RequestKey& request);

  // The job as it was created by this request, if it was.
  absl::StatusOr<std::optional<v1::Job>> FindCreated(const RequestKey& request) const;

  // NOT_FOUND (JOB_NOT_FOUND).
  absl::StatusOr<v1::Job> Get(const JobName& name) const;

  struct Page {
    std::vector<v1::Job> jobs;
    bool more = false;
  };
  // Newest first; of one dataset, or of all if it is empty; those behind job id `after`, from the newest if
  // empty.
  Page List(const std::string& dataset, const std::string& after, int limit) const;

  // Ends the job and waits until it has ended: CANCELLED if `stop` fires before.
  absl::StatusOr<v1::Job> Cancel(const JobName& name, std::stop_token stop);

  // Removes a dataset with its jobs. NOT_FOUND; FAILED_PRECONDITION (JOB_RUNNING) while a job of it has not
  // ended: the check alone, and the deed.
  absl::Status CheckDeletable(const std::string& dataset) const;
  absl::Status Delete(const std::string& dataset);

  // Waits until the job is newer than `seen`, which it then sets; 0 is older than every job. Nothing when
  // `stop` fired or the jobs stop; NOT_FOUND.
  absl::StatusOr<std::optional<v1::Job>> AwaitChange(const JobName& name, int64_t& seen,
                                                     std::stop_token stop) const;

  // Interrupts the running jobs, which go on with the next Open, and joins the threads. Idempotent.
  void Stop();

 private:
  struct Entry {
    JobRecord record;
    int64_t version = 1;
    std::stop_source stop;
    bool cancelled = false;  // by Cancel
  };
  using EntryPtr = std::shared_ptr<Entry>;

  DatasetJobs(const Dependencies& dependencies, const Options& options)
      : store_(dependencies.store),
        catalog_(dependencies.catalog),
        clock_(dependencies.clock),
        metrics_(dependencies.metrics),
        options_(options) {}

  absl::Status Recover();
  absl::Status RecoverJob(const std::string& dataset, const std::string& job);
  void Work();
  void Run(const EntryPtr& entry);
  absl::Status Make(const EntryPtr& entry, const JobName& name, const v1::DatasetSpec& spec);
  void Finish(const EntryPtr& entry, const JobName& name, const absl::Status& status);
  void ShowProgress(const EntryPtr& entry, const common::v1::Progress& progress);

  // Publishes the entry's record as `job`; under mutex_. The entry changes only if that worked, unless
  // `force`.
  absl::Status Publish(Entry& entry, v1::Job job, bool force);
  absl::StatusOr<EntryPtr> FindEntry(const JobName& name) const;  // under mutex_
  bool HasLiveJob(const std::string& dataset) const;              // under mutex_
  absl::Status CheckDeletableLocked(const std::string& dataset) const;

  const ArtefactStore& store_;
  const DatasetCatalog& catalog_;
  Clock& clock_;
  MetricsRegistry& metrics_;
  const Options options_;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, EntryPtr, std::greater<>>
      jobs_;  // by job id, newest first; guarded by mutex_, as all below
  std::deque<EntryPtr> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  // guarded by stop_mutex_
  std::mutex stop_mutex_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_DATASET_JOBS_H_
