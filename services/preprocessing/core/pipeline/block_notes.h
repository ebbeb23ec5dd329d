#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_BLOCK_NOTES_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_BLOCK_NOTES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/scratch_file.h"

namespace sda::preprocessing {

// What a step made of each block of the log, on disk: values whose table does not fit into memory and was
// gone through in parts. Thread-safe for different blocks.
class BlockNotes {
 public:
  static absl::StatusOr<std::unique_ptr<BlockNotes>> Create(const std::string& scratch_folder);

  // The first notes of a block.
  absl::Status Write(int64_t block, std::string_view bytes);

  // Other notes of the same size in their place.
  absl::Status Rewrite(int64_t block, std::string_view bytes);

  // Empty for a block that none were written of.
  absl::Status Read(int64_t block, std::string& bytes) const;

 private:
  struct Place {
    int64_t offset = 0;
    int64_t size = 0;
  };

  BlockNotes(std::unique_ptr<ScratchFile> places, std::unique_ptr<ScratchFile> bytes)
      : places_(std::move(places)), bytes_(std::move(bytes)) {}
  absl::StatusOr<Place> Find(int64_t block) const;

  const std::unique_ptr<ScratchFile> places_;  // by block
  const std::unique_ptr<ScratchFile> bytes_;
  std::atomic<int64_t> end_ = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_BLOCK_NOTES_H_
