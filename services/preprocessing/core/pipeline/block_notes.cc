#include "services/preprocessing/core/pipeline/block_notes.h"

#include "common/base/status_macros.h"

namespace sda::preprocessing {

absl::StatusOr<std::unique_ptr<BlockNotes>> BlockNotes::Create(const std::string& scratch_folder) {
  SDA_ASSIGN_OR_RETURN(auto places, ScratchFile::Create(scratch_folder));
  SDA_ASSIGN_OR_RETURN(auto bytes, ScratchFile::Create(scratch_folder));
  return std::unique_ptr<BlockNotes>(new BlockNotes(std::move(places), std::move(bytes)));
}

absl::Status BlockNotes::Write(int64_t block, std::string_view bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  const Place place{end_.fetch_add(size, std::memory_order_relaxed), size};
  SDA_RETURN_IF_ERROR(bytes_->WriteAt(place.offset, bytes.data(), bytes.size()));
  return places_->WriteAt(block * static_cast<int64_t>(sizeof(Place)), &place, sizeof(place));
}

absl::StatusOr<BlockNotes::Place> BlockNotes::Find(int64_t block) const {
  Place place;
  SDA_RETURN_IF_ERROR(places_->ReadAt(block * static_cast<int64_t>(sizeof(place)), &place, sizeof(place)));
  return place;
}

absl::Status BlockNotes::Rewrite(int64_t block, std::string_view bytes) {
  SDA_ASSIGN_OR_RETURN(const Place place, Find(block));
  if (place.size != static_cast<int64_t>(bytes.size())) return absl::DataLossError("notes of another size");
  return bytes_->WriteAt(place.offset, bytes.data(), bytes.size());
}

absl::Status BlockNotes::Read(int64_t block, std::string& bytes) const {
  SDA_ASSIGN_OR_RETURN(const Place place, Find(block));
  bytes.resize(static_cast<size_t>(place.size));
  return bytes_->ReadAt(place.offset, bytes.data(), bytes.size());
}

}  // namespace sda::preprocessing
