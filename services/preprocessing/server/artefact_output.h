#ifndef SDA_SERVICES_PREPROCESSING_SERVER_ARTEFACT_OUTPUT_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_ARTEFACT_OUTPUT_H_

#include <string>
#include <string_view>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/storage/artefact_store.h"
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

  absl::Status Remove(const std::string& path) override {
    return store_.Remove(absl::StrCat(folder_, "/", path));
  }

 private:
  const ArtefactStore& store_;
  const std::string folder_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_ARTEFACT_OUTPUT_H_
