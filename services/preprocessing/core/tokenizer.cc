#include "services/preprocessing/core/tokenizer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "services/preprocessing/core/separator_scan.h"

namespace sda::preprocessing {
namespace {

CellError RaggedRow(int64_t line, size_t found, size_t expected) {
  return {line, -1, "RAGGED_ROW",
          absl::StrCat("has ", found, found == 1 ? " field" : " fields", "; must have ", expected)};
}

bool IsBlankLine(const char* text) {
  return text[0] == '\n' || (text[0] == '\r' && text[1] == '\n');
}

// Walks through text record by record; the slow, complete path for quotes and long delimiters.
class RecordWalker {
 public:
  RecordWalker(char* text, size_t size, const uint32_t* positions, size_t count, const TextFormat& format)
      : text_(text), size_(size), positions_(positions), count_(count), format_(format) {}

  bool AtEnd() const { return at_ >= size_; }
  size_t at() const { return at_; }
  int64_t line() const { return line_; }

  bool SkipBlankLine() {
    if (!IsBlankLine(text_ + at_)) return false;
    at_ += text_[at_] == '\r' ? 2 : 1;
    ++line_;
    return true;
  }

  // Moves behind the line of the field that was found bad.
  void SkipLine() {
    size_t from = at_;
    // The field may lie behind positions that were looked at already.
    next_ = static_cast<size_t>(std::lower_bound(positions_, positions_ + count_, from) - positions_);
    for (from = NextPosition(from); from < size_ && text_[from] != '\n'; from = NextPosition(from + 1)) {
    }
    at_ = std::min(from + 1, size_);
    ++line_;
  }

  // Calls add(cell) for each field of the record at the current place and moves behind it.
  template <class Add>
  std::optional<CellError> Record(const Add& add) {
    const int64_t first_line = line_;
    for (int column = 0;; ++column) {
      Cell cell;
      if (auto error = format_.quotes && text_[at_] == '"' ? Quoted(cell, column) : Unquoted(cell, column)) {
        return error;
      }
      add(cell);
      if (text_[at_] == '\n') {
        ++at_;
        ++line_;
        return std::nullopt;
      }
      if (at_ >= size_) return CellError{first_line, column, "UNCLOSED_ROW", "has no end"};
      at_ += format_.delimiter.size();
    }
  }

 private:
  // The next separator byte from `from` on; `size_` where there is none.
  size_t NextPosition(size_t from) {
    while (next_ < count_ && positions_[next_] < from) ++next_;
    return next_ < count_ ? positions_[next_] : size_;
  }

  bool IsDelimiter(size_t at) const {
    return size_ - at >= format_.delimiter.size() &&
           std::memcmp(text_ + at, format_.delimiter.data(), format_.delimiter.size()) == 0;
  }

  std::optional<CellError> Unquoted(Cell& cell, int column) {
    const size_t begin = at_;
    for (size_t from = at_;;) {
      const size_t position = NextPosition(from);
      if (position >= size_) return CellError{line_, column, "UNCLOSED_ROW", "has no end"};
      const char c = text_[position];
      if (c == '\n' || IsDelimiter(position)) {
        size_t end = position;
        if (c == '\n' && end > begin && text_[end - 1] == '\r') --end;
        cell = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)};
        at_ = position;
        return std::nullopt;
      }
      if (format_.quotes && c == '"') {
        return CellError{line_, column, "BAD_QUOTING",
                         "has a quote inside an unquoted field; quote the field and double the quote"};
      }
      from = position + 1;
    }
  }

  // Nothing is rewritten before the field is known to be good, so that SkipLine finds the text as it was.
  std::optional<CellError> Quoted(Cell& cell, int column) {
    const size_t begin = at_ + 1;
    bool doubled = false;
    int64_t newlines = 0;
    size_t close = NextPosition(begin);
    while (true) {
      if (close >= size_)
        return CellError{line_, column, "BAD_QUOTING", "opens a quote that is never closed"};
      size_t from = close + 1;
      if (text_[close] == '\n') ++newlines;
      if (text_[close] == '"') {
        if (text_[close + 1] != '"') break;
        doubled = true;
        from = close + 2;
      }
      close = NextPosition(from);
    }
    size_t next = close + 1;
    if (text_[next] == '\r' && text_[next + 1] == '\n') ++next;
    if (text_[next] != '\n' && !IsDelimiter(next))
      return CellError{line_ + newlines, column, "BAD_QUOTING", "has text behind the closing quote"};
    const size_t end = doubled ? Unescape(begin, close) : close;
    cell = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin)};
    at_ = next;
    line_ += newlines;
    return std::nullopt;
  }

  // Makes one quote of each two in text [begin, end); the new end.
  size_t Unescape(size_t begin, size_t end) {
    size_t out = begin;
    for (size_t in = begin; in < end; ++in) {
      text_[out++] = text_[in];
      if (text_[in] == '"') ++in;
    }
    return out;
  }

  char* const text_;
  const size_t size_;
  const uint32_t* const positions_;
  const size_t count_;
  const TextFormat& format_;
  size_t at_ = 0;
  size_t next_ = 0;
  int64_t line_ = 0;
};

}  // namespace

Tokenizer::Tokenizer(TextFormat format, size_t columns) : format_(std::move(format)), columns_(columns) {}

std::optional<CellError> Tokenizer::Tokenize(char* text, size_t size, CellBlock& out) {
  if (capacity_ < size + 64) {
    capacity_ = size + size / 4 + 64;
    positions_.reset(new uint32_t[capacity_]);
  }
  out.text = text;
  out.columns = columns_;
  out.rows = 0;
  out.lines = 0;
  out.cells.clear();
  out.line_of_row.clear();
  // NUL is no text either; it is looked for where fields are checked.
  out.ascii = IsAscii(text, size) && std::memchr(text, 0, size) == nullptr;

  const bool has_quotes = format_.quotes && CountByte(text, size, '"') > 0;
  const char first = format_.delimiter[0];
  const size_t count = FindSeparators(text, size, {first, '\n', has_quotes ? '"' : first}, positions_.get());
  if (!has_quotes && format_.delimiter.size() == 1) return TokenizePlain(text, count, out);
  return TokenizeGeneral(text, count, out);
}

std::optional<CellError> Tokenizer::TokenizePlain(const char* text, size_t count, CellBlock& out) {
  const uint32_t* positions = positions_.get();
  out.cells.resize(count + columns_);  // no row has more separators than fields
  Cell* cells = out.cells.data();
  uint32_t start = 0;
  uint32_t line = 0;
  size_t next = 0;
  bool gaps = false;  // some line was no row
  const auto open_gap = [&] {
    if (gaps) return;
    gaps = true;
    out.line_of_row.reserve(count / columns_ + 1);
    for (uint32_t row = 0; row < out.rows; ++row) out.line_of_row.push_back(row);
  };
  while (next < count) {
    if (IsBlankLine(text + start)) {
      open_gap();
      start = positions[next] + 1;
      ++next;
      ++line;
      continue;
    }
    size_t column = 0;
    bool ended = false;
    for (; column < columns_ && next < count && !ended; ++column, ++next) {
      const uint32_t end = positions[next];
      cells[column] = {start, end - start};
      ended = text[end] == '\n';
      start = end + 1;
    }
    if (!ended || column != columns_) {
      size_t found = column;
      for (; !ended && next < count; ++next, ++found) ended = text[positions[next]] == '\n';
      if (format_.bad_rows == BadRowPolicy::kFail) {
        out.cells.resize(out.rows * columns_);
        return RaggedRow(line, found, columns_);
      }
      out.bad.push_back(RaggedRow(line, found, columns_));
      start = positions[next - 1] + 1;
      if (format_.bad_rows == BadRowPolicy::kSkip) {
        open_gap();
        ++line;
        continue;
      }
      if (column < columns_) {
        // Fields without a separator, for which there is no room yet.
        const auto done = static_cast<size_t>(cells - out.cells.data());
        out.cells.resize(out.cells.size() + columns_ - column);
        cells = out.cells.data() + done;
      }
      // The last field may end with a carriage return, where it is the last one of the line.
      for (; column < columns_; ++column) cells[column] = {start - 1, 0};
      if (found < columns_ && text[start - 1] == '\n' && start > 1 && text[start - 2] == '\r') {
        Cell& end = cells[found - 1];
        if (end.size > 0) --end.size;
      }
    }
    Cell& last = cells[columns_ - 1];
    const bool ends_line = text[last.begin + last.size] == '\n';  // not where a longer row was cut
    if (ends_line && last.size > 0 && text[last.begin + last.size - 1] == '\r') --last.size;
    cells += columns_;
    if (gaps) out.line_of_row.push_back(line);
    ++out.rows;
    ++line;
  }
  out.lines = line;
  out.cells.resize(out.rows * columns_);
  return std::nullopt;
}

std::optional<CellError> Tokenizer::TokenizeGeneral(char* text, size_t count, CellBlock& out) {
  // The text ends with a newline, so the last position is its last byte.
  const size_t size = count == 0 ? 0 : positions_[count - 1] + size_t{1};
  RecordWalker walker(text, size, positions_.get(), count, format_);
  while (!walker.AtEnd()) {
    if (walker.SkipBlankLine()) continue;
    const int64_t line = walker.line();
    size_t found = 0;
    auto error = walker.Record([&](Cell cell) {
      if (++found <= columns_) out.cells.push_back(cell);
    });
    const bool malformed = error.has_value();
    if (!error && found != columns_) error = RaggedRow(line, found, columns_);
    if (error && format_.bad_rows == BadRowPolicy::kFail) {
      out.cells.resize(out.rows * columns_);
      out.lines = walker.line();
      return error;
    }
    if (error) {
      out.bad.push_back(*std::move(error));
      if (malformed) walker.SkipLine();
      if (malformed || format_.bad_rows == BadRowPolicy::kSkip) {
        out.cells.resize(out.rows * columns_);
        continue;
      }
      out.cells.resize((out.rows + 1) * columns_, Cell{static_cast<uint32_t>(size - 1), 0});
    }
    out.line_of_row.push_back(static_cast<uint32_t>(line));
    ++out.rows;
  }
  out.lines = walker.line();
  return std::nullopt;
}

std::vector<RawRecord> ReadRecords(std::string_view text, const TextFormat& format, size_t limit) {
  std::string copy(text);
  if (copy.empty() || copy.back() != '\n') copy.push_back('\n');
  const size_t size = copy.size();
  copy.resize(size + kCellPadding);
  std::unique_ptr<uint32_t[]> positions(new uint32_t[size + 64]);
  const char first = format.delimiter[0];
  const size_t count =
      FindSeparators(copy.data(), size, {first, '\n', format.quotes ? '"' : first}, positions.get());
  RecordWalker walker(copy.data(), size, positions.get(), count, format);
  std::vector<RawRecord> records;
  while (records.size() < limit && !walker.AtEnd()) {
    if (walker.SkipBlankLine()) continue;
    RawRecord record;
    record.line = walker.line();
    std::vector<Cell> cells;
    if (walker.Record([&](Cell cell) { cells.push_back(cell); })) break;
    for (const Cell& cell : cells) record.fields.emplace_back(copy.data() + cell.begin, cell.size);
    record.end = std::min(walker.at(), text.size());
    record.lines = walker.line();
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace sda::preprocessing
