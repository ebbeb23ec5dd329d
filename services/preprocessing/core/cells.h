#ifndef SDA_SERVICES_PREPROCESSING_CORE_CELLS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sda::preprocessing {

// One field of one row: bytes [begin, begin + size) of the block's text.
struct Cell {
  uint32_t begin = 0;
  uint32_t size = 0;
};

// A field or row that cannot be read, by its place inside a block; the caller knows where the block lies.
struct CellError {
  int64_t line = 0;    // lines (text) or rows (columnar files) before it in the block
  int column = -1;     // position of the column; -1: the row as a whole
  std::string reason;  // UPPER_SNAKE_CASE
  std::string rule;    // what is wrong, e.g. "has 3 fields; must have 40"

  bool operator==(const CellError&) const = default;
};

// The fields of a block of rows. Owns nothing of the text: `text` points into the block it was decoded from,
// and kCellPadding bytes behind the last cell may be read.
struct CellBlock {
  const char* text = nullptr;
  size_t rows = 0;
  size_t columns = 0;
  int64_t lines = 0;        // lines (text) or rows (columnar files) in the block, blank ones included
  std::vector<Cell> cells;  // row-major, rows × columns
  std::vector<uint32_t> line_of_row;  // lines before the row in the block; empty: row r is line r
  bool ascii = true;                  // no byte of the text is above 127 or NUL
  std::vector<CellError> bad;         // rows left out and fields emptied, where they do not end the job

  const Cell& cell(size_t row, size_t column) const { return cells[row * columns + column]; }
  std::string_view view(size_t row, size_t column) const {
    const Cell& c = cell(row, column);
    return {text + c.begin, c.size};
  }
  int64_t line(size_t row) const {
    return line_of_row.empty() ? static_cast<int64_t>(row) : line_of_row[row];
  }
};

inline constexpr size_t kCellPadding = 16;

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_CELLS_H_
