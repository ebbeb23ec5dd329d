#ifndef SDA_COMMON_STORAGE_LIST_CELL_H_
#define SDA_COMMON_STORAGE_LIST_CELL_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sda {

// Visits the values of one raw cell of a column of lists, in order: the pieces between the separators,
// without those that `is_missing` says mean "missing"; of these at most `max_values`, 0 for all. A cell that
// is missing itself has no values. One function for datasets and for serving, so that a cell becomes the same
// ids in both. `separator` is not empty. Views point into `cell`. Returns how many values there were.
template <class IsMissing, class Visit>
int64_t ForEachListValue(std::string_view cell, std::string_view separator, int64_t max_values,
                         const IsMissing& is_missing, const Visit& visit) {
  if (is_missing(cell)) return 0;
  int64_t values = 0;
  for (size_t begin = 0; begin <= cell.size();) {
    size_t end = cell.find(separator, begin);
    if (end == std::string_view::npos) end = cell.size();
    const std::string_view value = cell.substr(begin, end - begin);
    if (!is_missing(value)) {
      visit(value);
      if (++values == max_values) break;
    }
    begin = end + separator.size();
  }
  return values;
}

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_LIST_CELL_H_
