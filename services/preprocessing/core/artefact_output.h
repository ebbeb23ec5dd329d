#ifndef SDA_SERVICES_PREPROCESSING_CORE_ARTEFACT_OUTPUT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ARTEFACT_OUTPUT_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "common/pipeline/fitted_pipeline.h"
#include "common/storage/artefact_store.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/dataset_output.h"

namespace sda::preprocessing {

// A dataset's folder in an artefact store.
class ArtefactOutput final : public DatasetOutput {
 public:
  // `folder` is the dataset's name; `store` must outlive this.
  ArtefactOutput(const ArtefactStore& store, std::string folder)
      : store_(store), folder_(std::move(folder)) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    return store_.Write(absl::StrCat(folder_, "/", path), bytes);
  }

  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) override {
    return store_.Create(absl::StrCat(folder_, "/", path));
  }

  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    return store_.OpenUnmapped(absl::StrCat(folder_, "/", path));
  }

  // The manifest first, so that nobody sees half a dataset. The jobs' records stay.
  absl::Status Clear() override {
    SDA_RETURN_IF_ERROR(Remove(kManifestPath));
    SDA_ASSIGN_OR_RETURN(const std::vector<std::string> folders, store_.ListFolders(folder_));
    for (const std::string& folder : folders) {
      if (folder != kJobsFolder) SDA_RETURN_IF_ERROR(store_.RemoveFolder(absl::StrCat(folder_, "/", folder)));
    }
    return Remove(pipeline::kFittedPipelinePath);
  }

  // What a killed process left half-written. The jobs' records have writers of their own.
  absl::Status RemoveUnpublished() { return store_.RemoveUnpublished(folder_, kJobsFolder); }

  absl::Status Remove(const std::string& path) override {
    return store_.Remove(absl::StrCat(folder_, "/", path));
  }

 private:
  static constexpr char kJobsFolder[] = "jobs";

  const ArtefactStore& store_;
  const std::string folder_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ARTEFACT_OUTPUT_H_
