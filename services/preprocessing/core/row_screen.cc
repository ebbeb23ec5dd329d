#include "services/preprocessing/core/row_screen.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/fast_number.h"
#include "services/preprocessing/core/row_weight.h"
#include "services/preprocessing/core/utf8_check.h"

namespace sda::preprocessing {

std::optional<CellError> RowRules::CheckDense(std::string_view field) const {
  double value = 0;
  if (missing(field) || ParseDense(field, value)) return std::nullopt;
  return CellError{0, -1, "BAD_NUMBER", absl::StrCat(error::Quoted(field), " is not a number")};
}

std::optional<CellError> RowRules::CheckText(std::string_view field) {
  if (field.find('\0') != std::string_view::npos)
    return CellError{0, -1, "BAD_TEXT",
                     absl::StrCat(error::Quoted(field), " holds a NUL byte; repair the file")};
  if (IsValidUtf8(field)) return std::nullopt;
  return CellError{0, -1, "BAD_TEXT",
                   absl::StrCat(error::Quoted(field), " is not valid UTF-8; convert the file")};
}

bool RowScreen::Bad(CellBlock& cells, size_t row, int column, CellError error, bool can_be_missing) {
  error.line = cells.line(row);
  error.column = column;
  cells.bad.push_back(std::move(error));
  if (rules_.policy != BadRowPolicy::kNull || !can_be_missing) return false;
  cells.cells[row * cells.columns + static_cast<size_t>(column)].size = 0;
  return true;
}

bool RowScreen::Check(CellBlock& cells, size_t row) {
  const auto field = [&](int column) { return cells.view(row, static_cast<size_t>(column)); };
  const std::string_view label = field(rules_.label);
  if (!rules_.labels.Read(label))
    return Bad(cells, row, rules_.label, {0, -1, "BAD_LABEL", rules_.labels.Rule(label)}, false);
  if (rules_.time && !ParseTime(field(*rules_.time))) {
    const std::string rule =
        absl::StrCat(error::Quoted(field(*rules_.time)), " is neither a number nor an ISO 8601 date or time");
    return Bad(cells, row, *rules_.time, {0, -1, "BAD_TIME", rule}, false);
  }
  if (rules_.weight && !ReadWeight(field(*rules_.weight))) {
    return Bad(cells, row, *rules_.weight, {0, -1, "BAD_WEIGHT", WeightRule(field(*rules_.weight))}, false);
  }
  for (const int column : rules_.dense) {
    auto error = rules_.CheckDense(field(column));
    if (error && !Bad(cells, row, column, *std::move(error), true)) return false;
  }
  if (cells.ascii) return true;
  for (const int column : rules_.categorical) {
    auto error = RowRules::CheckText(field(column));
    if (error && !Bad(cells, row, column, *std::move(error), true)) return false;
  }
  return true;
}

void RowScreen::CheckFields(CellBlock& cells, const FieldCheck& check, std::vector<uint8_t>& keep) {
  const auto column = static_cast<size_t>(check.column);
  fields_.Reset(pipeline::ColumnType::kText, cells.rows);
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, column);
    fields_.texts[row] = field;
    fields_.missing[row] = keep[row] == 0 || rules_.missing(field) ? 1 : 0;
    if (fields_.missing[row] == 0 || keep[row] == 0 || !check.required) continue;
    keep[row] = 0;
    Bad(cells, row, check.column,
        {0, -1, "BAD_TIME", absl::StrCat("is missing; ", check.step, " needs it in every row")}, false);
  }
  made_.resize(check.outputs);
  pipeline::OutputColumns out;
  for (size_t i = 0; i < check.outputs; ++i) out.push_back(&made_[i]);
  const pipeline::RowContext context{cells.rows, nullptr, nullptr, 0};
  // Nearly always the first look finds nothing; else one more for each bad field.
  while (const auto problem = check.operation->Apply({&fields_}, context, out)) {
    fields_.missing[problem->row] = 1;
    CellError error{0, -1, problem->reason,
                    absl::StrCat(problem->rule, ", as ", check.step, " of the pipeline wants it")};
    if (!Bad(cells, problem->row, check.column, std::move(error), !check.required)) keep[problem->row] = 0;
  }
}

void RowScreen::Keep(CellBlock& cells, const std::vector<uint8_t>& keep) {
  if (std::find(keep.begin(), keep.end(), 0) == keep.end()) return;
  // From here on rows are not lines.
  if (cells.line_of_row.empty()) {
    for (size_t i = 0; i < cells.rows; ++i) cells.line_of_row.push_back(static_cast<uint32_t>(i));
  }
  size_t kept = 0;
  for (size_t row = 0; row < cells.rows; ++row) {
    if (keep[row] == 0) continue;
    const auto from = cells.cells.begin() + static_cast<int64_t>(row * cells.columns);
    std::copy(from, from + static_cast<int64_t>(cells.columns),
              cells.cells.begin() + static_cast<int64_t>(kept * cells.columns));
    cells.line_of_row[kept] = cells.line_of_row[row];
    ++kept;
  }
  cells.rows = kept;
  cells.cells.resize(kept * cells.columns);
  cells.line_of_row.resize(kept);
}

void RowScreen::Screen(CellBlock& cells) {
  std::vector<uint8_t> keep(cells.rows);
  for (size_t row = 0; row < cells.rows; ++row) keep[row] = Check(cells, row) ? 1 : 0;
  for (const FieldCheck& check : rules_.checks) CheckFields(cells, check, keep);
  Keep(cells, keep);
}

}  // namespace sda::preprocessing
