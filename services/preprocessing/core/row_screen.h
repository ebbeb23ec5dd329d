#ifndef SDA_SERVICES_PREPROCESSING_CORE_ROW_SCREEN_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ROW_SCREEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/preprocessing/core/bad_rows.h"
#include "services/preprocessing/core/cells.h"
#include "services/preprocessing/core/field_check.h"
#include "services/preprocessing/core/label_reader.h"
#include "services/preprocessing/core/missing_test.h"

namespace sda::preprocessing {

// What fields must be for a row to be good, where bad ones do not end the job: positions of columns by what
// is read from them.
struct RowRules {
  BadRowPolicy policy = BadRowPolicy::kFail;
  int label = 0;
  std::optional<int> time;    // of a split by time
  std::optional<int> weight;  // of the rows
  std::vector<int> dense;
  std::vector<int> categorical;    // also other columns with text
  std::vector<FieldCheck> checks;  // of a pipeline
  MissingTest missing;
  LabelReader labels;

  // The reason why a field is bad, with the rule; nothing where it is good.
  std::optional<CellError> CheckDense(std::string_view field) const;
  static std::optional<CellError> CheckText(std::string_view field);
};

// Takes bad rows out of a block, or empties bad fields, before rows are numbered; so every pass sees the same
// rows. What it found is added to cells.bad. Not thread-safe.
class RowScreen {
 public:
  explicit RowScreen(const RowRules& rules) : rules_(rules) {}

  void Screen(CellBlock& cells);

 private:
  // False where the row must go.
  bool Check(CellBlock& cells, size_t row);
  bool Bad(CellBlock& cells, size_t row, int column, CellError error, bool can_be_missing);

  // Clears the flags of rows that a step cannot take.
  void CheckFields(CellBlock& cells, const FieldCheck& check, std::vector<uint8_t>& keep);

  static void Keep(CellBlock& cells, const std::vector<uint8_t>& keep);

  const RowRules& rules_;
  pipeline::ColumnData fields_;
  std::vector<pipeline::ColumnData> made_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ROW_SCREEN_H_
