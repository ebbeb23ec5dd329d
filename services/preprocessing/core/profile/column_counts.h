#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_COUNTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/preprocessing/core/block_runner.h"
#include "services/preprocessing/core/missing_test.h"
#include "services/preprocessing/core/profile/category_counts.h"
#include "services/preprocessing/core/profile/data_profile.h"
#include "services/preprocessing/core/profile/number_counts.h"
#include "services/preprocessing/core/profile/tally.h"

namespace sda::preprocessing {

// A column as it is counted.
struct CountedColumn {
  int position = 0;  // in the input
  std::string name;
  ColumnKind kind = ColumnKind::kCategory;
  std::string reason;
  double time_units = 1;  // of times: units of a second where cells hold numbers
  std::string list_separator;
  int64_t list_max_values = 0;
};

// Cells that are not what their column is said to hold: no number, no time, no UTF-8.
struct InvalidCells {
  int64_t rows = 0;
  int64_t first_row = -1;  // over all files
  std::string first;       // "FILE:LINE: value"

  void Merge(const InvalidCells& other);
};

// The rows of one column. Results do not depend on the order of rows, nor on how they were dealt to several
// objects that are merged. Not thread-safe.
class ColumnCounts {
 public:
  // `limit` bounds the values that are counted one by one; `column` must outlive this.
  ColumnCounts(const CountedColumn& column, const MissingTest& missing, size_t limit);

  // Adds the rows of a block; row i is one of slots[i].
  void Add(const CellBlock& cells, const Input& input, const BlockPlace& place,
           const std::vector<uint8_t>& slots);
  // Of the same column.
  void Merge(const ColumnCounts& other);

  const Tally& missing() const { return missing_rows_; }
  const InvalidCells& invalid() const { return invalid_; }
  const std::optional<NumberCounts>& numbers() const { return numbers_; }          // of numbers and times
  const std::optional<CategoryCounts>& categories() const { return categories_; }  // of all others

 private:
  void AddNumbers(const CellBlock& cells, const Input& input, const BlockPlace& place,
                  const std::vector<uint8_t>& slots);
  void AddCategories(const CellBlock& cells, const Input& input, const BlockPlace& place,
                     const std::vector<uint8_t>& slots);
  bool ParseCell(std::string_view field, double& value) const;
  void AddInvalid(const CellBlock& cells, const Input& input, const BlockPlace& place, size_t row);

  const CountedColumn& column_;
  const MissingTest missing_;
  Tally missing_rows_;
  InvalidCells invalid_;
  std::optional<NumberCounts> numbers_;
  std::optional<CategoryCounts> categories_;
  std::vector<ValueTable::Key> keys_;  // scratch, as below
  std::vector<uint8_t> key_slots_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_COUNTS_H_
