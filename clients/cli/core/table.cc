#include "clients/cli/core/table.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

namespace sda::cli {
namespace {

size_t Width(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; });
}

std::string Clean(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

bool IsNumeric(const std::string& text) {
  double value = 0;
  return text.empty() || text == "-" || absl::SimpleAtod(text, &value);
}

}  // namespace

std::string Table::Render() const {
  std::vector<std::vector<std::string>> lines = {header_};
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<size_t> widths(header_.size(), 0);
  std::vector<bool> numeric(header_.size(), true);
  for (size_t r = 0; r < lines.size(); ++r) {
    lines[r].resize(header_.size());
    for (size_t c = 0; c < header_.size(); ++c) {
      lines[r][c] = Clean(lines[r][c]);
      widths[c] = std::max(widths[c], Width(lines[r][c]));
      if (r > 0 && !IsNumeric(lines[r][c])) numeric[c] = false;
    }
  }
  std::string out;
  for (const std::vector<std::string>& cells : lines) {
    std::string line;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - Width(cells[c]), ' ');
      absl::StrAppend(&line, c == 0 ? "" : "  ", numeric[c] ? padding : "", cells[c],
                      numeric[c] ? "" : padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string FormatNumber(double value) {
  constexpr double kExact = 1e15;
  if (std::isfinite(value) && value == std::trunc(value) && std::fabs(value) < kExact) {
    return absl::StrFormat("%.0f", value);
  }
  return absl::StrFormat("%.6g", value);
}

std::string FormatSeconds(double seconds) {
  if (!(seconds >= 0) || !std::isfinite(seconds)) return "-";
  if (seconds < 9.95) return absl::StrFormat("%.1fs", seconds);
  const long long whole = std::llround(seconds);
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole / 60 % 60);
}

std::string FormatCount(long long count) {
  std::string digits = absl::StrCat(count);
  const int first = count < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3) digits.insert(at, ",");
  return digits;
}

}  // namespace sda::cli
