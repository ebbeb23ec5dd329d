#include "services/preprocessing/server/preprocessing_service.h"

#include <mutex>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/unary.h"
#include "common/storage/artefact_store.h"
#include "sda/preprocessing/v1/preprocessing_service.grpc.pb.h"
#include "services/preprocessing/core/pipeline/auto_pipeline.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
#include "services/preprocessing/core/schema_inference.h"
#include "services/preprocessing/server/data_profiler.h"
#include "services/preprocessing/server/dataset_catalog.h"
#include "services/preprocessing/server/dataset_jobs.h"
#include "services/preprocessing/server/limits.h"
#include "services/preprocessing/server/reply_records.h"
#include "services/preprocessing/server/resource_names.h"
#include "services/preprocessing/server/root_owner.h"
#include "services/preprocessing/server/spec_converter.h"

namespace sda::preprocessing {
namespace {

using namespace v1;  // NOLINT(google-build-using-namespace): every message of one small package

// The messages' Job and DatasetSpec would hide the core's.
using CoreSpec = ::sda::preprocessing::DatasetSpec;

template <class Request>
absl::StatusOr<RequestKey> KeyOf(const Request& request, const char* method) {
  const std::string& id = request.request_id();
  if (id.empty() || id.size() > kMaxRequestIdBytes) {
    return InvalidField("request_id",
                        absl::StrCat("has ", id.size(), " characters; must have 1 to ", kMaxRequestIdBytes));
  }
  return RequestKey{id, method, Sha256Hex(request.SerializeAsString())};
}

absl::StatusOr<int> PageSize(int32_t page_size) {
  if (page_size < 0 || page_size > kMaxPageSize) {
    return InvalidField("page_size", absl::StrCat("is ", page_size, "; must be in [0, ", kMaxPageSize, "]"));
  }
  return page_size == 0 ? kDefaultPageSize : page_size;
}

}  // namespace

class PreprocessingServer::Impl final : public PreprocessingService::CallbackService {
 public:
  Impl(std::unique_ptr<ArtefactStore> store, std::unique_ptr<RootOwner> owner, Clock& clock,
       rpc::CallEnvironment& calls)
      : store_(std::move(store)),
        owner_(std::move(owner)),
        clock_(clock),
        calls_(calls),
        catalog_(*store_),
        replies_(*store_) {}

  absl::Status Open(const Config& config) {
    SDA_RETURN_IF_ERROR(replies_.RemoveOld(clock_.Now() - kReplyLifetime));
    SDA_ASSIGN_OR_RETURN(const int64_t memory_bytes, config.MemoryOfJob());
    SDA_ASSIGN_OR_RETURN(jobs_, DatasetJobs::Open({*store_, catalog_, clock_, calls_.metrics()},
                                                  {.threads = config.ThreadsOfJob(),
                                                   .running_jobs = config.jobs,
                                                   .memory_bytes = memory_bytes,
                                                   .scratch_folder = config.scratch_folder}));
    profiler_ = std::make_unique<DataProfiler>(
        catalog_, clock_, DataProfiler::Options{.threads = config.ThreadsOfJob(), .running = config.jobs});
    return absl::OkStatus();
  }

  absl::Status CheckReady() const { return store_->Exists("datasets").status(); }

  void Stop() { jobs_->Stop(); }

  grpc::ServerUnaryReactor* CreateDataset(grpc::CallbackServerContext* context,
                                          const CreateDatasetRequest* request,
                                          CreateDatasetResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "CreateDataset",
                            [this](const CreateDatasetRequest& request, CreateDatasetResponse* response,
                                   rpc::RequestContext&) { return DoCreateDataset(request, response); });
  }

  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context, const GetDatasetRequest* request,
                                       GetDatasetResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "GetDataset",
                            [this](const GetDatasetRequest& request, GetDatasetResponse* response,
                                   rpc::RequestContext&) -> absl::Status {
                              SDA_ASSIGN_OR_RETURN(const std::string id,
                                                   ParseDatasetName("name", request.name()));
                              SDA_ASSIGN_OR_RETURN(*response->mutable_dataset(), catalog_.Get(id));
                              return absl::OkStatus();
                            });
  }

  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context,
                                         const ListDatasetsRequest* request,
                                         ListDatasetsResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "ListDatasets",
        [this](const ListDatasetsRequest& request, ListDatasetsResponse* response,
               rpc::RequestContext&) -> absl::Status {
          SDA_ASSIGN_OR_RETURN(const int limit, PageSize(request.page_size()));
          SDA_ASSIGN_OR_RETURN(DatasetCatalog::Page page, catalog_.List(request.page_token(), limit));
          for (Dataset& dataset : page.datasets) *response->add_datasets() = std::move(dataset);
          if (page.more) {
            SDA_ASSIGN_OR_RETURN(const std::string last,
                                 ParseDatasetName("name", response->datasets().rbegin()->name()));
            response->set_next_page_token(last);
          }
          return absl::OkStatus();
        });
  }

  grpc::ServerUnaryReactor* DeleteDataset(grpc::CallbackServerContext* context,
                                          const DeleteDatasetRequest* request,
                                          DeleteDatasetResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "DeleteDataset",
                            [this](const DeleteDatasetRequest& request, DeleteDatasetResponse*,
                                   rpc::RequestContext&) { return DoDeleteDataset(request); });
  }

  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context, const GetJobRequest* request,
                                   GetJobResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "GetJob",
        [this](const GetJobRequest& request, GetJobResponse* response, rpc::RequestContext&) -> absl::Status {
          SDA_ASSIGN_OR_RETURN(const JobName name, ParseJobName("name", request.name()));
          SDA_ASSIGN_OR_RETURN(*response->mutable_job(), jobs_->Get(name));
          return absl::OkStatus();
        });
  }

  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context, const ListJobsRequest* request,
                                     ListJobsResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "ListJobs",
                            [this](const ListJobsRequest& request, ListJobsResponse* response,
                                   rpc::RequestContext&) -> absl::Status {
                              std::string dataset;
                              if (!request.parent().empty()) {
                                SDA_ASSIGN_OR_RETURN(dataset, ParseDatasetName("parent", request.parent()));
                              }
                              SDA_ASSIGN_OR_RETURN(const int limit, PageSize(request.page_size()));
                              DatasetJobs::Page page = jobs_->List(dataset, request.page_token(), limit);
                              for (Job& job : page.jobs) *response->add_jobs() = std::move(job);
                              if (page.more) {
                                SDA_ASSIGN_OR_RETURN(const JobName last,
                                                     ParseJobName("name", response->jobs().rbegin()->name()));
                                response->set_next_page_token(last.job);
                              }
                              return absl::OkStatus();
                            });
  }

  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context, const CancelJobRequest* request,
                                      CancelJobResponse* response) override {
    return rpc::HandleUnary(
        calls_, context, request, response, "CancelJob",
        [this](const CancelJobRequest& request, CancelJobResponse* response, rpc::RequestContext& call) {
          return DoCancelJob(request, response, call);
        });
  }

  grpc::ServerWriteReactor<WatchJobResponse>* WatchJob(grpc::CallbackServerContext* context,
                                                       const WatchJobRequest* request) override {
    return rpc::HandleServerStream<WatchJobResponse>(
        calls_, context, request, "WatchJob",
        [this](const WatchJobRequest& request, rpc::StreamWriter<WatchJobResponse>& stream,
               rpc::RequestContext& call) -> absl::Status {
          SDA_ASSIGN_OR_RETURN(const JobName name, ParseJobName("name", request.name()));
          int64_t seen = 0;
          while (true) {
            SDA_ASSIGN_OR_RETURN(const auto job, jobs_->AwaitChange(name, seen, call.stop_token()));
            if (!job) return absl::UnavailableError("the watch ended before the job did");
            WatchJobResponse response;
            *response.mutable_job() = *job;
            if (!stream.Write(std::move(response)) || IsFinal(*job)) return absl::OkStatus();
          }
        });
  }

  grpc::ServerUnaryReactor* InferSchema(grpc::CallbackServerContext* context,
                                        const InferSchemaRequest* request,
                                        InferSchemaResponse* response) override {
    return rpc::HandleUnary(calls_, context, request, response, "InferSchema",
                            [](const InferSchemaRequest& request, InferSchemaResponse* response,
                               rpc::RequestContext&) { return DoInferSchema(request, response); });
  }

  grpc::ServerWriteReactor<ProfileDataResponse>* ProfileData(grpc::CallbackServerContext* context,
                                                             const ProfileDataRequest* request) override {
    return rpc::HandleServerStream<ProfileDataResponse>(
        calls_, context, request, "ProfileData",
        [this](const ProfileDataRequest& request, rpc::StreamWriter<ProfileDataResponse>& stream,
               rpc::RequestContext& call) {
          const DataProfiler::Replies replies{
              .write = [&](ProfileDataResponse reply) { return stream.Write(std::move(reply)); },
              .try_write = [&](ProfileDataResponse reply) { stream.TryWrite(std::move(reply)); }};
          return profiler_->Profile(request, replies, call.stop_token());
        });
  }

 private:
  absl::Status DoCreateDataset(const CreateDatasetRequest& request, CreateDatasetResponse* response) {
    SDA_ASSIGN_OR_RETURN(const RequestKey key, KeyOf(request, "CreateDataset"));
    if (!request.dataset_id().empty())
      SDA_RETURN_IF_ERROR(CheckDatasetId("dataset_id", request.dataset_id()));
    SDA_ASSIGN_OR_RETURN(const CoreSpec spec, SpecFromProto(request.spec()));
    SDA_RETURN_IF_ERROR(ValidateRequestSpec(spec));
    const std::lock_guard lock(changes_);
    SDA_ASSIGN_OR_RETURN(const auto reply, replies_.Find(key));
    if (reply && response->ParseFromString(*reply)) return absl::OkStatus();
    // The job's own record counts before the reply's: it is written first.
    SDA_ASSIGN_OR_RETURN(auto job, jobs_->FindCreated(key));
    if (!job) {
      const std::string id = request.dataset_id().empty() ? NewDatasetId(spec.data_uris.front(), clock_.Now())
                                                          : request.dataset_id();
      if (request.replace()) SDA_RETURN_IF_ERROR(RemoveForReplacement(id));
      SDA_ASSIGN_OR_RETURN(job, jobs_->Create(id, request.spec(), key));
    }
    *response->mutable_job() = *std::move(job);
    return replies_.Save(key, response->SerializeAsString(), clock_.Now());
  }

  absl::Status RemoveForReplacement(const std::string& id) {
    SDA_ASSIGN_OR_RETURN(const bool made, catalog_.Exists(id));
    return made ? jobs_->Delete(id) : absl::OkStatus();
  }

  absl::Status DoDeleteDataset(const DeleteDatasetRequest& request) {
    SDA_ASSIGN_OR_RETURN(const RequestKey key, KeyOf(request, "DeleteDataset"));
    SDA_ASSIGN_OR_RETURN(const std::string id, ParseDatasetName("name", request.name()));
    const std::lock_guard lock(changes_);
    SDA_ASSIGN_OR_RETURN(const auto reply, replies_.Find(key));
    if (reply == kDone) return absl::OkStatus();
    // Announced first: a repeated call that finds the announcement and no dataset knows that it is done.
    const bool announced = reply.has_value();
    if (!announced) {
      SDA_RETURN_IF_ERROR(jobs_->CheckDeletable(id));
      SDA_RETURN_IF_ERROR(replies_.Save(key, kAnnounced, clock_.Now()));
    }
    absl::Status deleted = jobs_->Delete(id);
    if (!deleted.ok() && !(announced && absl::IsNotFound(deleted))) return deleted;
    return replies_.Save(key, kDone, clock_.Now());
  }

  absl::Status DoCancelJob(const CancelJobRequest& request, CancelJobResponse* response,
                           rpc::RequestContext& call) {
    SDA_ASSIGN_OR_RETURN(const RequestKey key, KeyOf(request, "CancelJob"));
    SDA_ASSIGN_OR_RETURN(const JobName name, ParseJobName("name", request.name()));
    SDA_ASSIGN_OR_RETURN(const auto reply, replies_.Find(key));
    if (reply && response->ParseFromString(*reply)) return absl::OkStatus();
    SDA_ASSIGN_OR_RETURN(*response->mutable_job(), jobs_->Cancel(name, call.stop_token()));
    return replies_.Save(key, response->SerializeAsString(), clock_.Now());
  }

  static absl::Status DoInferSchema(const InferSchemaRequest& request, InferSchemaResponse* response) {
    const int64_t rows = request.sample_rows_count();
    if (rows < 0 || rows > kMaxSampleRows) {
      return InvalidField("sample_rows_count",
                          absl::StrCat("is ", rows, "; must be in [0, ", kMaxSampleRows, "]"));
    }
    SDA_ASSIGN_OR_RETURN(const CoreSpec spec, SpecFromProto(request.spec()));
    SDA_ASSIGN_OR_RETURN(const SchemaGuess guess, GuessSchema(spec, rows == 0 ? kDefaultSampleRows : rows));
    for (const Column& column : guess.schema) ColumnToProto(column, *response->add_columns());
    LayoutToProto(guess.layout, spec.format, *response->mutable_format());
    if (!spec.label.empty()) {
      response->set_pipeline_yaml(AutoPipelineYaml(guess.schema, guess.sample));
      const PipelineReading reading = ReadPipeline(response->pipeline_yaml());
      if (reading.pipeline) PipelineToProto(*reading.pipeline, *response->mutable_pipeline());
    }
    return absl::OkStatus();
  }

  // Replies of DeleteDataset, whose message is empty.
  static constexpr char kAnnounced[] = "announced";
  static constexpr char kDone[] = "done";

  const std::unique_ptr<ArtefactStore> store_;
  const std::unique_ptr<RootOwner> owner_;
  Clock& clock_;
  rpc::CallEnvironment& calls_;
  const DatasetCatalog catalog_;
  const ReplyRecords replies_;
  std::unique_ptr<DatasetJobs> jobs_;
  std::unique_ptr<DataProfiler> profiler_;
  std::mutex changes_;  // one create or delete at a time, so that a request id is worked on once
};

PreprocessingServer::PreprocessingServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PreprocessingServer::~PreprocessingServer() = default;

absl::StatusOr<std::unique_ptr<PreprocessingServer>> PreprocessingServer::Create(
    const Config& config, Clock& clock, rpc::CallEnvironment& calls) {
  SDA_ASSIGN_OR_RETURN(auto store, ArtefactStore::Open(config.artefacts));
  SDA_ASSIGN_OR_RETURN(auto owner, RootOwner::Take(*store));
  auto impl = std::make_unique<Impl>(std::move(store), std::move(owner), clock, calls);
  SDA_RETURN_IF_ERROR(impl->Open(config));
  return std::unique_ptr<PreprocessingServer>(new PreprocessingServer(std::move(impl)));
}

grpc::Service& PreprocessingServer::grpc_service() {
  return *impl_;
}

absl::Status PreprocessingServer::CheckReady() const {
  return impl_->CheckReady();
}

void PreprocessingServer::Stop() {
  impl_->Stop();
}

}  // namespace sda::preprocessing
