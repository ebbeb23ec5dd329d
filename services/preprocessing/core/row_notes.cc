#include "services/preprocessing/core/row_notes.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/status_macros.h"

namespace sda::preprocessing {

absl::Status RowNotes::ReadBytes(int64_t first, int64_t end, std::string& out) const {
  end = std::min(end, rows_);
  const size_t from = static_cast<size_t>(first) * width_;
  out.assign(first < end ? static_cast<size_t>(end - first) * width_ : 0, '\0');
  if (out.empty()) return absl::OkStatus();
  if (file_) return file_->ReadAt(static_cast<int64_t>(from), out.data(), out.size());
  std::copy_n(memory_.data() + from, out.size(), out.data());
  return absl::OkStatus();
}

absl::Status RowNotes::Read(int64_t first, int64_t end, std::vector<int64_t>& out) const {
  std::string bytes;
  SDA_RETURN_IF_ERROR(ReadBytes(first, end, bytes));
  out.assign(static_cast<size_t>(end - first), 0);
  for (size_t i = 0; i * width_ < bytes.size(); ++i) std::memcpy(&out[i], bytes.data() + i * width_, width_);
  return absl::OkStatus();
}

RowNotesBuilder::RowNotesBuilder(size_t width, int64_t rows, const LearnSettings& settings)
    : settings_(settings),
      in_memory_(settings.table_bytes == 0 || rows * static_cast<int64_t>(width) <= settings.table_bytes),
      notes_(std::make_shared<RowNotes>()) {
  notes_->width_ = width;
  notes_->rows_ = rows;
  if (in_memory_) notes_->memory_.assign(static_cast<size_t>(rows) * width, '\0');
}

absl::Status RowNotesBuilder::Set(int64_t row, int64_t number) {
  const size_t width = notes_->width_;
  if (in_memory_) {
    std::memcpy(notes_->memory_.data() + static_cast<size_t>(row) * width, &number, width);
    return absl::OkStatus();
  }
  std::string key;
  AppendOrdered(static_cast<uint64_t>(row), key);
  sorter_.Add(key, {reinterpret_cast<const char*>(&number), width});
  return sorter_.SpillAbove(settings_.sort_bytes, settings_.scratch_folder);
}

absl::Status RowNotesBuilder::Append(std::string_view bytes) {
  if (!notes_->file_ && !in_memory_) {
    SDA_ASSIGN_OR_RETURN(notes_->file_, ScratchFile::Create(settings_.scratch_folder));
  }
  if (notes_->file_) return notes_->file_->Append(bytes);
  // Reserved as a whole when this was made; what is there is overwritten.
  if (appended_ + bytes.size() > notes_->memory_.size()) return absl::DataLossError("notes of more rows");
  std::copy(bytes.begin(), bytes.end(), notes_->memory_.begin() + static_cast<int64_t>(appended_));
  appended_ += bytes.size();
  return absl::OkStatus();
}

absl::Status RowNotesBuilder::WriteSorted() {
  SDA_ASSIGN_OR_RETURN(notes_->file_, ScratchFile::Create(settings_.scratch_folder));
  ScratchWriter writer(*notes_->file_);
  const size_t width = notes_->width_;
  const std::string nothing(width, '\0');
  int64_t next = 0;
  SDA_RETURN_IF_ERROR(sorter_.Finish([&](std::string_view key, std::string_view number) {
    const auto row = static_cast<int64_t>(ReadOrdered(key));
    for (; next < row; ++next) SDA_RETURN_IF_ERROR(writer.Write(nothing.data(), width));
    ++next;
    return writer.Write(number.data(), width);
  }));
  for (; next < notes_->rows_; ++next) SDA_RETURN_IF_ERROR(writer.Write(nothing.data(), width));
  return writer.Flush();
}

absl::StatusOr<std::shared_ptr<const RowNotes>> RowNotesBuilder::Finish() {
  if (!in_memory_ && !notes_->file_) SDA_RETURN_IF_ERROR(WriteSorted());
  if (notes_->file_ && notes_->file_->size() != notes_->rows_ * static_cast<int64_t>(notes_->width_))
    return absl::DataLossError("notes of other rows");
  return std::shared_ptr<const RowNotes>(std::move(notes_));
}

}  // namespace sda::preprocessing
