#include "services/preprocessing/server/dataset_jobs.h"

#include <utility>

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/time_util.h>

#include "common/base/error.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "services/preprocessing/core/artefact_output.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/server/job_progress.h"
#include "services/preprocessing/server/limits.h"
#include "services/preprocessing/server/spec_converter.h"

namespace sda::preprocessing {
namespace {

void SetTime(absl::Time time, google::protobuf::Timestamp& out) {
  out = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(time));
}

void SetError(const absl::Status& status, common::v1::ResourceError& out) {
  const ErrorDetail detail = GetErrorDetail(status).value_or(ErrorDetail{});
  out.set_code(static_cast<int>(status.code()));
  out.set_reason(detail.reason.empty() ? absl::StatusCodeToString(status.code()) : detail.reason);
  out.set_message(ToValidUtf8(std::string(status.message())));
  for (const auto& [key, value] : detail.metadata) (*out.mutable_metadata())[key] = ToValidUtf8(value);
}

absl::Status DatasetExists(const std::string& dataset) {
  return MakeError(
      absl::StatusCode::kAlreadyExists,
      absl::StrCat(DatasetName(dataset), " exists; choose another dataset_id"),
      {.reason = "DATASET_EXISTS", .metadata = {{"dataset", DatasetName(dataset)}}, .violations = {}});
}

absl::Status JobNotFound(const JobName& name) {
  const std::string full = JobNameOf(name.dataset, name.job);
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat("there is no job ", full),
                   {.reason = "JOB_NOT_FOUND", .metadata = {{"job", full}}, .violations = {}});
}

const char* OutcomeOf(v1::Job::State state) {
  return state == v1::Job::STATE_SUCCEEDED   ? "succeeded"
         : state == v1::Job::STATE_CANCELLED ? "cancelled"
                                             : "failed";
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatasetJobs>> DatasetJobs::Open(const Dependencies& dependencies,
                                                               const Options& options) {
  std::unique_ptr<DatasetJobs> jobs(new DatasetJobs(dependencies, options));
  SDA_RETURN_IF_ERROR(jobs->Recover());
  for (int i = 0; i < options.running_jobs; ++i)
    jobs->threads_.emplace_back([raw = jobs.get()] { raw->Work(); });
  return jobs;
}

DatasetJobs::~DatasetJobs() {
  Stop();
}

absl::Status DatasetJobs::Recover() {
  SDA_ASSIGN_OR_RETURN(const auto datasets, store_.ListFolders("datasets"));
  for (const std::string& dataset : datasets) {
    // Nobody writes records yet: what is half-written is of a process that was killed.
    SDA_RETURN_IF_ERROR(store_.RemoveUnpublished(JobsFolder(dataset), /*except=*/""));
    SDA_ASSIGN_OR_RETURN(const auto files, store_.ListFiles(JobsFolder(dataset)));
    for (const std::string& file : files) {
      const size_t dot = file.rfind(".json");
      if (dot == std::string::npos) continue;
      const absl::Status status = RecoverJob(dataset, file.substr(0, dot));
      if (!status.ok()) log::Error("job record passed over", {{"file", file}, {"error", status.message()}});
    }
  }
  // Job ids sort by time: the oldest first.
  for (auto entry = jobs_.rbegin(); entry != jobs_.rend(); ++entry) {
    if (!IsFinal(entry->second->record.job)) queue_.push_back(entry->second);
  }
  return absl::OkStatus();
}

absl::Status DatasetJobs::RecoverJob(const std::string& dataset, const std::string& job) {
  const JobName name{dataset, job};
  const std::string path = JobPath(dataset, job);
  SDA_ASSIGN_OR_RETURN(const std::string json, store_.Read(path));
  auto entry = std::make_shared<Entry>();
  SDA_ASSIGN_OR_RETURN(entry->record, JobRecordFromJson(json, path));
  if (entry->record.job.name() != JobNameOf(dataset, job))
    return absl::DataLossError(absl::StrCat(path, ": holds another job"));
  jobs_[job] = entry;
  if (IsFinal(entry->record.job)) return absl::OkStatus();
  // The manifest is published before the record of success.
  SDA_ASSIGN_OR_RETURN(const bool made, catalog_.Exists(dataset));
  if (made) {
    Finish(entry, name, absl::OkStatus());
  } else {
    entry->record.job.set_state(v1::Job::STATE_QUEUED);
    log::Info("job goes on", {{"job", entry->record.job.name()}});
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Job> DatasetJobs::Create(const std::string& dataset, const v1::DatasetSpec& spec,
                                            const RequestKey& request) {
  const std::lock_guard lock(mutex_);
  SDA_ASSIGN_OR_RETURN(const bool made, catalog_.Exists(dataset));
  if (made || HasLiveJob(dataset)) return DatasetExists(dataset);
  if (queue_.size() >= kMaxQueuedJobs || stopping_) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     absl::StrCat(queue_.size(), " jobs wait; try again later"),
                     {.reason = "TOO_MANY_JOBS", .metadata = {}, .violations = {}});
  }
  const absl::Time now = clock_.Now();
  const std::string id = NewUlid(now);
  auto entry = std::make_shared<Entry>();
  v1::Job& job = entry->record.job;
  job.set_name(JobNameOf(dataset, id));
  job.set_state(v1::Job::STATE_QUEUED);
  *job.mutable_spec() = spec;
  job.set_dataset(DatasetName(dataset));
  SetTime(now, *job.mutable_create_time());
  entry->record.request = request;
  SDA_RETURN_IF_ERROR(store_.Write(JobPath(dataset, id), JobRecordToJson(entry->record)));
  jobs_[id] = entry;
  queue_.push_back(entry);
  changed_.notify_all();
  return job;
}

absl::StatusOr<std::optional<v1::Job>> DatasetJobs::FindCreated(const RequestKey& request) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : jobs_) {
    if (entry->record.request.request_id != request.request_id) continue;
    if (entry->record.request != request) return RequestIdReused(request.request_id);
    // As it was then: what came later is for GetJob.
    v1::Job job;
    job.set_name(entry->record.job.name());
    job.set_state(v1::Job::STATE_QUEUED);
    *job.mutable_spec() = entry->record.job.spec();
    job.set_dataset(entry->record.job.dataset());
    *job.mutable_create_time() = entry->record.job.create_time();
    return job;
  }
  return std::nullopt;
}

absl::StatusOr<v1::Job> DatasetJobs::Get(const JobName& name) const {
  const std::lock_guard lock(mutex_);
  SDA_ASSIGN_OR_RETURN(const EntryPtr entry, FindEntry(name));
  return entry->record.job;
}

DatasetJobs::Page DatasetJobs::List(const std::string& dataset, const std::string& after, int limit) const {
  const std::lock_guard lock(mutex_);
  Page page;
  const std::string parent = DatasetName(dataset);
  for (auto entry = after.empty() ? jobs_.begin() : jobs_.upper_bound(after); entry != jobs_.end(); ++entry) {
    const v1::Job& job = entry->second->record.job;
    if (!dataset.empty() && job.dataset() != parent) continue;
    if (static_cast<int>(page.jobs.size()) == limit) {
      page.more = true;
      break;
    }
    page.jobs.push_back(job);
  }
  return page;
}

absl::StatusOr<v1::Job> DatasetJobs::Cancel(const JobName& name, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  SDA_ASSIGN_OR_RETURN(const EntryPtr entry, FindEntry(name));
  if (entry->record.job.state() == v1::Job::STATE_QUEUED) {
    v1::Job job = entry->record.job;
    job.set_state(v1::Job::STATE_CANCELLED);
    SetTime(clock_.Now(), *job.mutable_complete_time());
    SDA_RETURN_IF_ERROR(Publish(*entry, std::move(job), /*force=*/false));
    std::erase(queue_, entry);
    metrics_.Increment(metrics::kPreprocessingJobs, {"cancelled"});
  }
  entry->cancelled = true;
  entry->stop.request_stop();
  const bool ended = changed_.wait(lock, stop, [&] { return IsFinal(entry->record.job); });
  if (!ended) return absl::CancelledError("the call ended before the job did");
  return entry->record.job;
}

absl::Status DatasetJobs::CheckDeletable(const std::string& dataset) const {
  const std::lock_guard lock(mutex_);
  return CheckDeletableLocked(dataset);
}

absl::Status DatasetJobs::CheckDeletableLocked(const std::string& dataset) const {
  if (HasLiveJob(dataset)) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("a job of ", DatasetName(dataset), " has not ended; cancel it first"),
        {.reason = "JOB_RUNNING", .metadata = {{"dataset", DatasetName(dataset)}}, .violations = {}});
  }
  SDA_ASSIGN_OR_RETURN(const bool known, store_.Exists(DatasetName(dataset)));
  return known ? absl::OkStatus() : catalog_.Get(dataset).status();
}

absl::Status DatasetJobs::Delete(const std::string& dataset) {
  const std::lock_guard lock(mutex_);
  SDA_RETURN_IF_ERROR(CheckDeletableLocked(dataset));
  SDA_RETURN_IF_ERROR(catalog_.RemoveFiles(dataset));
  SDA_RETURN_IF_ERROR(store_.RemoveFolder(DatasetName(dataset)));
  std::erase_if(jobs_,
                [&](const auto& job) { return job.second->record.job.dataset() == DatasetName(dataset); });
  changed_.notify_all();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::Job>> DatasetJobs::AwaitChange(const JobName& name, int64_t& seen,
                                                                std::stop_token stop) const {
  std::unique_lock lock(mutex_);
  SDA_ASSIGN_OR_RETURN(const EntryPtr entry, FindEntry(name));
  changed_.wait(lock, stop, [&] { return stopping_ || entry->version > seen || !FindEntry(name).ok(); });
  SDA_RETURN_IF_ERROR(FindEntry(name).status());
  if (entry->version <= seen) return std::nullopt;
  seen = entry->version;
  return entry->record.job;
}

void DatasetJobs::Stop() {
  const std::lock_guard stop_lock(stop_mutex_);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [id, entry] : jobs_) entry->stop.request_stop();
    changed_.notify_all();
  }
  threads_.clear();
}

void DatasetJobs::Work() {
  while (true) {
    EntryPtr entry;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      entry = queue_.front();
      queue_.pop_front();
      v1::Job job = entry->record.job;
      job.set_state(v1::Job::STATE_RUNNING);
      job.mutable_progress()->set_stage("start");
      // Unpublished, the job would go on all the same.
      Publish(*entry, std::move(job), /*force=*/true).IgnoreError();
    }
    Run(entry);
  }
}

void DatasetJobs::Run(const EntryPtr& entry) {
  v1::Job job;
  {
    const std::lock_guard lock(mutex_);
    job = entry->record.job;
  }
  const auto name = ParseJobName("job", job.name());
  log::Info("job begins", {{"job", job.name()}});
  metrics_.Add(metrics::kPreprocessingRunningJobs, 1);
  const absl::Status status = name.ok() ? Make(entry, *name, job.spec()) : name.status();
  metrics_.Add(metrics::kPreprocessingRunningJobs, -1);
  {
    const std::lock_guard lock(mutex_);
    // Interrupted, not ended: the record on disk says that it runs, so it goes on.
    if (stopping_ && !entry->cancelled && absl::IsCancelled(status)) return;
  }
  Finish(entry, *name, status);
}

absl::Status DatasetJobs::Make(const EntryPtr& entry, const JobName& name, const v1::DatasetSpec& proto) {
  SDA_ASSIGN_OR_RETURN(const DatasetSpec spec, SpecFromProto(proto));
  JobProgress progress;
  RunSettings settings{.threads = options_.threads,
                       .stop = entry->stop.get_token(),
                       .memory_bytes = options_.memory_bytes,
                       .scratch_folder = options_.scratch_folder};
  // A job that stops with the process goes on with the next one.
  settings.keeps_partial = [&] {
    const std::lock_guard lock(mutex_);
    return stopping_ && !entry->cancelled;
  };
  settings.on_progress = [&](const Progress& now) {
    common::v1::Progress shown;
    if (progress.Update(now, clock_.Monotonic(), kProgressInterval, shown)) ShowProgress(entry, shown);
  };
  ArtefactOutput output(store_, DatasetName(name.dataset));
  SDA_RETURN_IF_ERROR(output.RemoveUnpublished());
  const auto manifest = CreateDataset(spec, DatasetName(name.dataset), settings, output);
  if (manifest.ok()) {
    for (const auto& [split, content] : manifest->splits) {
      metrics_.Increment(metrics::kPreprocessingRows, {split}, static_cast<double>(content.rows));
    }
  } else if (!settings.keeps_partial()) {
    // Also what an earlier attempt left and this one did not come to.
    output.Clear().IgnoreError();
  }
  return manifest.status();
}

void DatasetJobs::Finish(const EntryPtr& entry, const JobName& name, const absl::Status& status) {
  // The spec as it turned out is in the manifest.
  const auto dataset = status.ok() ? catalog_.Get(name.dataset) : absl::StatusOr<v1::Dataset>(status);
  const std::lock_guard lock(mutex_);
  v1::Job job = entry->record.job;
  if (dataset.ok()) {
    job.set_state(v1::Job::STATE_SUCCEEDED);
    job.mutable_progress()->set_done_count(job.progress().total_count());
    job.mutable_progress()->clear_remaining();
  } else if (absl::IsCancelled(dataset.status()) && entry->cancelled) {
    job.set_state(v1::Job::STATE_CANCELLED);
  } else {
    job.set_state(v1::Job::STATE_FAILED);
    SetError(dataset.status(), *job.mutable_error());
  }
  SetTime(clock_.Now(), *job.mutable_complete_time());
  metrics_.Increment(metrics::kPreprocessingJobs, {OutcomeOf(job.state())});
  log::Info("job ended", {{"job", job.name()},
                          {"state", v1::Job::State_Name(job.state())},
                          {"reason", job.error().reason()},
                          {"error", job.error().message()}});
  const absl::Status published = Publish(*entry, std::move(job), /*force=*/true);
  if (!published.ok()) {
    log::Error("the end of a job is not on disk; it goes on after a restart",
               {{"job", entry->record.job.name()}, {"error", published.message()}});
  }
}

void DatasetJobs::ShowProgress(const EntryPtr& entry, const common::v1::Progress& progress) {
  const std::lock_guard lock(mutex_);
  *entry->record.job.mutable_progress() = progress;
  ++entry->version;
  changed_.notify_all();
}

absl::Status DatasetJobs::Publish(Entry& entry, v1::Job job, bool force) {
  const auto name = ParseJobName("job", job.name());
  SDA_RETURN_IF_ERROR(name.status());
  const JobRecord record{std::move(job), entry.record.request};
  const absl::Status written = store_.Write(JobPath(name->dataset, name->job), JobRecordToJson(record));
  if (!written.ok() && !force) return written;
  entry.record = record;
  ++entry.version;
  changed_.notify_all();
  return written;
}

absl::StatusOr<DatasetJobs::EntryPtr> DatasetJobs::FindEntry(const JobName& name) const {
  const auto entry = jobs_.find(name.job);
  if (entry == jobs_.end() || entry->second->record.job.dataset() != DatasetName(name.dataset))
    return JobNotFound(name);
  return entry->second;
}

bool DatasetJobs::HasLiveJob(const std::string& dataset) const {
  for (const auto& [id, entry] : jobs_) {
    if (entry->record.job.dataset() == DatasetName(dataset) && !IsFinal(entry->record.job)) return true;
  }
  return false;
}

}  // namespace sda::preprocessing
