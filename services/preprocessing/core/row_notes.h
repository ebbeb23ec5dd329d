#ifndef SDA_SERVICES_PREPROCESSING_CORE_ROW_NOTES_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ROW_NOTES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/operations/learned.h"
#include "services/preprocessing/core/scratch_file.h"
#include "services/preprocessing/core/sorted_runs.h"

namespace sda::preprocessing {

// A whole number from 0 for each row of the log, by row number; 0 where nothing else was noted. In memory or
// in a scratch file. Thread-safe.
class RowNotes {
 public:
  // Bytes of a number.
  size_t width() const { return width_; }
  int64_t rows() const { return rows_; }
  int64_t memory_bytes() const { return static_cast<int64_t>(memory_.size()); }

  // The numbers of rows first to end − 1, those of rows that do not exist being 0.
  absl::Status Read(int64_t first, int64_t end, std::vector<int64_t>& out) const;

  // The same as bytes, little-endian, of rows that exist.
  absl::Status ReadBytes(int64_t first, int64_t end, std::string& out) const;

 private:
  friend class RowNotesBuilder;

  size_t width_ = 1;
  int64_t rows_ = 0;
  std::string memory_;  // where `file_` is null
  std::unique_ptr<ScratchFile> file_;
};

// Takes the notes of rows in any order, each row's at most once.
class RowNotesBuilder {
 public:
  // Numbers of `width` bytes, 1 or 8, for `rows` rows.
  RowNotesBuilder(size_t width, int64_t rows, const LearnSettings& settings);

  absl::Status Set(int64_t row, int64_t number);

  // Instead: the bytes of the next rows, in order.
  absl::Status Append(std::string_view bytes);

  // Call once, last.
  absl::StatusOr<std::shared_ptr<const RowNotes>> Finish();

 private:
  absl::Status WriteSorted();

  const LearnSettings& settings_;
  const bool in_memory_;
  std::shared_ptr<RowNotes> notes_;
  RecordSorter sorter_;
  size_t appended_ = 0;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ROW_NOTES_H_
