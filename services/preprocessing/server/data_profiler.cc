#include "services/preprocessing/server/data_profiler.h"

#include <algorithm>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/profile/profile_data.h"
#include "services/preprocessing/core/profile/profile_page.h"
#include "services/preprocessing/core/profile/profile_pipeline.h"
#include "services/preprocessing/core/schema_inference.h"
#include "services/preprocessing/server/job_progress.h"
#include "services/preprocessing/server/limits.h"
#include "services/preprocessing/server/profile_converter.h"
#include "services/preprocessing/server/resource_names.h"
#include "services/preprocessing/server/spec_converter.h"

namespace sda::preprocessing {
namespace {

// Of one reply, each far below what a message may have: a column takes up to 20 values of 256 bytes; files
// and warnings take less.
constexpr int kPartsOfReply = 200;
constexpr size_t kTextBytesOfReply = 1 << 20;

bool SplitsByStep(const v1::DatasetSpec& spec) {
  return std::any_of(spec.pipeline().steps().begin(), spec.pipeline().steps().end(),
                     [](const v1::Step& step) { return step.has_split(); });
}

absl::StatusOr<ProfileSpec> SpecOf(const v1::ProfileDataRequest& request, const DatasetCatalog& catalog) {
  ProfileSpec spec;
  const double leakage_auc = request.leakage_auc();
  if (leakage_auc != 0) {
    if (!(leakage_auc > 0.5 && leakage_auc <= 1))
      return InvalidField("leakage_auc", absl::StrCat("is ", leakage_auc, "; must be in (0.5, 1]"));
    spec.bounds.leakage_auc = leakage_auc;
  }
  switch (request.source_case()) {
    case v1::ProfileDataRequest::kSpec: {
      SDA_ASSIGN_OR_RETURN(spec.data, SpecFromProto(request.spec()));
      DatasetSpec labelled = spec.data;  // the only rule that differs
      if (labelled.label.empty()) labelled.label = "0";
      SDA_RETURN_IF_ERROR(ValidateRequestSpec(labelled));
      spec.by_split = request.spec().split().test_case() != v1::SplitSpec::TEST_NOT_SET;
      return spec;
    }
    case v1::ProfileDataRequest::kDataset: {
      SDA_ASSIGN_OR_RETURN(const std::string id, ParseDatasetName("dataset", request.dataset()));
      SDA_ASSIGN_OR_RETURN(const v1::Dataset dataset, catalog.Get(id));
      SDA_ASSIGN_OR_RETURN(spec.data, SpecFromProto(dataset.spec()));
      if (spec.data.format.kind == FormatSpec::Kind::kMlperf)
        return InvalidField("dataset", "is of files in MLPerf's binary format, which have no raw columns");
      // Test rows that a step of its pipeline chose cannot be told without applying it.
      spec.by_split = !SplitsByStep(dataset.spec());
      return spec;
    }
    case v1::ProfileDataRequest::SOURCE_NOT_SET:
      break;
  }
  return InvalidField("source", "is missing; give spec or dataset");
}

absl::Status Gone() {
  return absl::CancelledError("nobody reads the profile");
}

// Collects parts of the profile and sends them once there are enough.
class PartWriter {
 public:
  explicit PartWriter(const DataProfiler::Replies& replies) : replies_(replies) {
    response_.mutable_profile();
  }

  v1::DataProfile& profile() { return *response_.mutable_profile(); }

  // A part was added. False when nobody reads.
  bool Added() { return ++parts_ < kPartsOfReply || Flush(); }
  bool Flush() {
    parts_ = 0;
    v1::ProfileDataResponse full;
    full.Swap(&response_);
    response_.mutable_profile();
    return replies_.write(std::move(full));
  }

 private:
  const DataProfiler::Replies& replies_;
  v1::ProfileDataResponse response_;
  int parts_ = 0;
};

absl::Status WriteProfile(const DataProfile& profile, const DataProfiler::Replies& replies) {
  PartWriter writer(replies);
  ProfileHeadToProto(profile, writer.profile());
  for (const std::string& file : profile.files) {
    writer.profile().add_files(ToValidUtf8(file));
    if (!writer.Added()) return Gone();
  }
  for (const ProfileWarning& warning : profile.warnings) {
    WarningToProto(warning, *writer.profile().add_warnings());
    if (!writer.Added()) return Gone();
  }
  for (const ProfiledColumn& column : profile.columns) {
    ProfiledColumnToProto(column, *writer.profile().add_columns());
    if (!writer.Added()) return Gone();
  }
  return writer.Flush() ? absl::OkStatus() : Gone();
}

// Writes a text in parts, each of which `set` puts into a reply.
template <class Set>
absl::Status WriteText(const std::string& text, const DataProfiler::Replies& replies, const Set& set) {
  for (size_t begin = 0; begin < text.size(); begin += kTextBytesOfReply) {
    v1::ProfileDataResponse response;
    set(response, text.substr(begin, kTextBytesOfReply));
    if (!replies.write(std::move(response))) return Gone();
  }
  return absl::OkStatus();
}

absl::Status WritePage(const DataProfile& profile, const DataProfiler::Replies& replies) {
  return WriteText(
      RenderProfilePage(profile), replies,
      [](v1::ProfileDataResponse& response, std::string part) { response.set_html(std::move(part)); });
}

absl::Status WritePipeline(const ProfileSpec& spec, const DataProfile& profile,
                           const DataProfiler::Replies& replies) {
  SDA_ASSIGN_OR_RETURN(const SchemaGuess guess, GuessSchema(spec.data, kDefaultSampleRows));
  SDA_ASSIGN_OR_RETURN(const std::string yaml, ProfilePipelineYaml(profile, guess.schema, guess.sample));
  return WriteText(yaml, replies, [](v1::ProfileDataResponse& response, std::string part) {
    response.set_pipeline_yaml(std::move(part));
  });
}

}  // namespace

class DataProfiler::Turn {
 public:
  // Waits until there is one; without one once `stop` fires.
  Turn(DataProfiler& profiler, const std::stop_token& stop) : profiler_(profiler) {
    std::unique_lock lock(profiler_.mutex_);
    held_ = profiler_.free_.wait(lock, stop, [&] { return profiler_.running_ < profiler_.options_.running; });
    if (held_) ++profiler_.running_;
  }
  ~Turn() {
    if (!held_) return;
    const std::lock_guard lock(profiler_.mutex_);
    --profiler_.running_;
    profiler_.free_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool held() const { return held_; }

 private:
  DataProfiler& profiler_;
  bool held_ = false;
};

absl::Status DataProfiler::Profile(const v1::ProfileDataRequest& request, const Replies& replies,
                                   std::stop_token stop) {
  SDA_ASSIGN_OR_RETURN(const ProfileSpec spec, SpecOf(request, catalog_));
  if (request.pipeline_yaml() && spec.data.label.empty())
    return InvalidField("pipeline_yaml", "is wanted without a label to learn; name it in spec.label");
  const Turn turn(*this, stop);
  if (!turn.held()) return absl::CancelledError("the call ended before its turn came");
  JobProgress progress;
  RunSettings settings{.threads = options_.threads, .stop = stop, .on_progress = {}};
  settings.on_progress = [&](const Progress& now) {
    v1::ProfileDataResponse response;
    if (progress.Update(now, clock_.Monotonic(), kProgressInterval, *response.mutable_progress()))
      replies.try_write(std::move(response));
  };
  SDA_ASSIGN_OR_RETURN(const DataProfile profile, ProfileData(spec, settings));
  SDA_RETURN_IF_ERROR(WriteProfile(profile, replies));
  if (request.html()) SDA_RETURN_IF_ERROR(WritePage(profile, replies));
  return request.pipeline_yaml() ? WritePipeline(spec, profile, replies) : absl::OkStatus();
}

}  // namespace sda::preprocessing
