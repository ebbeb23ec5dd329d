#include "clients/cli/core/observations_csv.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

namespace sda::cli {
namespace {

constexpr size_t kMaxProblems = 20;

// Reads cell by cell.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ >= text_.size(); }
  int64_t line() const { return line_; }

  // One record; problems name its line.
  std::vector<std::string> Record(std::vector<std::string>& problems) {
    std::vector<std::string> cells;
    const int64_t begin = line_;
    while (true) {
      cells.push_back(Cell(begin, cells.size() + 1, problems));
      if (AtEnd()) return cells;
      const char next = text_[at_++];
      if (next == ',') continue;
      if (next == '\r' && !AtEnd() && text_[at_] == '\n') ++at_;
      ++line_;
      return cells;
    }
  }

 private:
  std::string Cell(int64_t begin, size_t column, std::vector<std::string>& problems) {
    std::string cell;
    if (AtEnd() || text_[at_] != '"') {
      while (!AtEnd() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') cell += text_[at_++];
      return cell;
    }
    ++at_;
    while (true) {
      if (AtEnd()) {
        problems.push_back(absl::StrCat("line ", begin, ", column ", column, ": a quote is not closed"));
        return cell;
      }
      const char c = text_[at_++];
      if (c == '\n') ++line_;
      if (c != '"') {
        cell += c;
      } else if (!AtEnd() && text_[at_] == '"') {
        cell += text_[at_++];
      } else {
        break;
      }
    }
    bool behind = false;
    while (!AtEnd() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') behind = (++at_, true);
    if (behind)
      problems.push_back(
          absl::StrCat("line ", begin, ", column ", column, ": has text behind the closing quote"));
    return cell;
  }

  std::string_view text_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

absl::Status BadTable(const std::string& file, const std::vector<std::string>& problems) {
  const size_t shown = std::min(problems.size(), kMaxProblems);
  std::string text =
      absl::StrCat(file, ": ",
                   absl::StrJoin(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(shown),
                                 absl::StrCat("\n", file, ": ")));
  if (shown < problems.size())
    absl::StrAppend(&text, "\n", file, ": and ", problems.size() - shown, " more of the kind");
  return absl::InvalidArgumentError(text);
}

std::string PlaceOf(const ObservationTable& table, size_t row, size_t column) {
  return absl::StrCat("line ", table.rows[row].line, ", column ", column + 1, " (", table.header[column],
                      ")");
}

absl::StatusOr<ObservationTable> ParseObservations(std::string_view text, const std::string& file) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  ObservationTable table;
  std::vector<std::string> problems;
  Scanner scanner(text);
  while (!scanner.AtEnd()) {
    const int64_t line = scanner.line();
    std::vector<std::string> cells = scanner.Record(problems);
    if (cells.size() == 1 && cells[0].empty()) continue;
    if (table.header.empty()) {
      table.header = std::move(cells);
      for (size_t i = 0; i < table.header.size(); ++i) {
        const auto first = std::find(table.header.begin(), table.header.end(), table.header[i]);
        if (table.header[i].empty())
          problems.push_back(absl::StrCat("line ", line, ", column ", i + 1, ": has no name"));
        else if (first != table.header.begin() + static_cast<std::ptrdiff_t>(i))
          problems.push_back(
              absl::StrCat("line ", line, ", column ", i + 1, ": \"", table.header[i], "\" is there twice"));
      }
      continue;
    }
    if (cells.size() != table.header.size()) {
      problems.push_back(absl::StrCat("line ", line, ": has ", cells.size(), " cells; the header has ",
                                      table.header.size()));
      continue;
    }
    table.rows.push_back({line, std::move(cells)});
  }
  if (table.header.empty()) problems.push_back("has no header");
  if (!table.header.empty() && table.rows.empty() && problems.empty()) problems.push_back("has no row");
  if (!problems.empty()) return BadTable(file, problems);
  return table;
}

}  // namespace sda::cli
