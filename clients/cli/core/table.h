#ifndef SDA_CLIENTS_CLI_CORE_TABLE_H_
#define SDA_CLIENTS_CLI_CORE_TABLE_H_

#include <string>
#include <vector>

namespace sda::cli {

// Text in columns, two blanks apart, for people. Columns whose cells are all numbers (or empty, or "-") are
// aligned to the right. Widths count characters, not bytes. Control characters are shown as blanks. Rows may
// be shorter than the header, not longer.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  bool empty() const { return rows_.empty(); }

  // Each line ends with a newline and without trailing blanks.
  std::string Render() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// A number as people read it: 6 significant digits, whole numbers without a point.
std::string FormatNumber(double value);

// "0.8s", "42s", "3m05s", "2h07m"; seconds below 0 and NaN are "-".
std::string FormatSeconds(double seconds);

// 1234567 as "1,234,567".
std::string FormatCount(long long count);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_TABLE_H_
