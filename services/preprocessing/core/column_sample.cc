#include "services/preprocessing/core/column_sample.h"

#include <algorithm>
#include <cmath>

#include "common/base/error.h"
#include "common/base/numbers.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/layout_detection.h"

namespace sda::preprocessing {
namespace {

// "007", but not "0", "0.5" and "0e1".
bool HasLeadingZero(std::string_view number) {
  if (number.front() == '-') number.remove_prefix(1);
  return number.size() > 1 && number[0] == '0' && number[1] >= '0' && number[1] <= '9';
}

bool IsTellingHash(std::string_view hash) {
  return hash.front() == '0' || std::any_of(hash.begin(), hash.end(), [](char c) { return c >= 'a'; });
}

}  // namespace

void ColumnSample::Add(std::string_view value) {
  ++values_;
  distinct_.emplace(value);
  if (IsHexHash(value) && (hash_length_ == 0 || hash_length_ == value.size())) {
    hash_length_ = value.size();
    ++hashes_;
    if (IsTellingHash(value)) ++telling_hashes_;
  }
  const auto number = ParseNumber(value);
  if (!number) {
    if (ParseTime(value)) ++times_;
    return;
  }
  min_ = numbers_ == 0 ? *number : std::min(min_, *number);
  max_ = numbers_ == 0 ? *number : std::max(max_, *number);
  ++numbers_;
  // By value, not by notation: tools write identifiers as 1.42e+19 and counts with gaps as 3.0.
  if (*number == std::nearbyint(*number)) ++integers_;
  if (HasLeadingZero(value)) ++leading_zeros_;
}

absl::StatusOr<InputSample> ReadSample(const std::vector<InputFile>& files, const InputLayout& layout,
                                       const MissingTest& missing, int64_t rows) {
  InputSample sample;
  sample.columns.resize(layout.columns.size());
  const auto source = OpenRowSource(files, layout);
  const auto decoder = source->NewDecoder();
  Block block;
  CellBlock cells;
  int64_t line = 0;
  while (sample.rows < rows) {
    cells.bad.clear();
    const auto more = source->Next(block);
    // The pass over all rows names the line.
    if (sample.rows > 0 && GetErrorReason(more.status()) == "ROW_TOO_LONG") break;
    SDA_RETURN_IF_ERROR(more.status());
    if (!*more) {
      sample.complete = true;
      break;
    }
    if (block.starts_file) line = block.header_lines;
    SDA_ASSIGN_OR_RETURN(const auto cell_error, decoder->Decode(block, cells));
    for (size_t row = 0; row < cells.rows && sample.rows < rows; ++row, ++sample.rows) {
      for (size_t column = 0; column < cells.columns; ++column) {
        const std::string_view value = cells.view(row, column);
        if (missing(value)) {
          sample.columns[column].AddMissing();
        } else {
          sample.columns[column].Add(value);
        }
      }
    }
    if (cell_error && sample.rows < rows) {
      const std::string column =
          cell_error->column < 0 || static_cast<size_t>(cell_error->column) >= layout.columns.size()
              ? ""
              : layout.columns[static_cast<size_t>(cell_error->column)];
      return error::BadCell(
          {files[static_cast<size_t>(block.file)].path, line + cell_error->line + 1, column},
          cell_error->reason, cell_error->rule);
    }
    line += cells.lines;
  }
  if (sample.rows == 0) return error::InputEmpty(files.front().path, "has no rows");
  return sample;
}

}  // namespace sda::preprocessing
