#include "services/preprocessing/core/profile/column_counts.h"

#include <absl/strings/str_cat.h>

#include "common/base/numbers.h"
#include "common/storage/list_cell.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/fast_number.h"
#include "services/preprocessing/core/utf8_check.h"

namespace sda::preprocessing {

void InvalidCells::Merge(const InvalidCells& other) {
  rows += other.rows;
  if (other.first_row < 0 || (first_row >= 0 && first_row < other.first_row)) return;
  first_row = other.first_row;
  first = other.first;
}

ColumnCounts::ColumnCounts(const CountedColumn& column, const MissingTest& missing, size_t limit)
    : column_(column), missing_(missing) {
  if (column.kind == ColumnKind::kNumber || column.kind == ColumnKind::kTime) {
    numbers_.emplace(limit);
  } else {
    categories_.emplace(limit);
  }
}

void ColumnCounts::Add(const CellBlock& cells, const Input& input, const BlockPlace& place,
                       const std::vector<uint8_t>& slots) {
  if (numbers_) {
    AddNumbers(cells, input, place, slots);
  } else {
    AddCategories(cells, input, place, slots);
  }
}

bool ColumnCounts::ParseCell(std::string_view field, double& value) const {
  if (ParseDense(field, value)) {
    if (column_.kind == ColumnKind::kTime) value /= column_.time_units;
    return true;
  }
  if (column_.kind != ColumnKind::kTime) return false;
  const auto time = ParseTime(field);
  if (time) value = *time;
  return time.has_value();
}

void ColumnCounts::AddNumbers(const CellBlock& cells, const Input& input, const BlockPlace& place,
                              const std::vector<uint8_t>& slots) {
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, static_cast<size_t>(column_.position));
    double value = 0;
    if (missing_(field)) {
      ++missing_rows_.counts[slots[row]];
    } else if (ParseCell(field, value)) {
      numbers_->Add(value, slots[row]);
    } else {
      AddInvalid(cells, input, place, row);
    }
  }
}

void ColumnCounts::AddCategories(const CellBlock& cells, const Input& input, const BlockPlace& place,
                                 const std::vector<uint8_t>& slots) {
  keys_.clear();
  key_slots_.clear();
  const auto add = [&](std::string_view value, uint8_t slot) {
    keys_.push_back(ValueTable::MakeKey(value.data(), static_cast<uint32_t>(value.size())));
    key_slots_.push_back(slot);
  };
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, static_cast<size_t>(column_.position));
    // A list whose values are all missing is missing too, which shows last:
    // NOLINTNEXTLINE(bugprone-branch-clone)
    if (missing_(field)) {
      ++missing_rows_.counts[slots[row]];
    } else if (!cells.ascii && !IsValidUtf8(field)) {
      AddInvalid(cells, input, place, row);
    } else if (column_.list_separator.empty()) {
      add(field, slots[row]);
    } else if (ForEachListValue(field, column_.list_separator, column_.list_max_values, missing_,
                                [&](std::string_view value) { add(value, slots[row]); }) == 0) {
      ++missing_rows_.counts[slots[row]];
    }
  }
  categories_->Add(keys_, key_slots_);
}

void ColumnCounts::AddInvalid(const CellBlock& cells, const Input& input, const BlockPlace& place,
                              size_t row) {
  ++invalid_.rows;
  const int64_t number = place.first_row + static_cast<int64_t>(row);
  if (invalid_.first_row >= 0 && invalid_.first_row < number) return;
  invalid_.first_row = number;
  const error::Place at = PlaceOf(input, place, cells.line(row), column_.position);
  invalid_.first = absl::StrCat(at.file, ":", at.line, ": ",
                                error::Quoted(cells.view(row, static_cast<size_t>(column_.position))));
}

void ColumnCounts::Merge(const ColumnCounts& other) {
  missing_rows_ += other.missing_rows_;
  invalid_.Merge(other.invalid_);
  if (numbers_) numbers_->Merge(*other.numbers_);
  if (categories_) categories_->Merge(*other.categories_);
}

}  // namespace sda::preprocessing
