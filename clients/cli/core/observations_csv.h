#ifndef SDA_CLIENTS_CLI_CORE_OBSERVATIONS_CSV_H_
#define SDA_CLIENTS_CLI_CORE_OBSERVATIONS_CSV_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace sda::cli {

// A small table of text with a header, and where each row stood.
struct ObservationTable {
  struct Row {
    int64_t line = 0;  // in the file, from 1
    std::vector<std::string> cells;
  };
  std::vector<std::string> header;
  std::vector<Row> rows;
};

// RFC 4180: commas, double quotes around cells that need them, CR LF or LF, a byte order mark at the
// beginning is skipped, as are blank lines. INVALID_ARGUMENT "<file>: line 3, column 2 …" names every line
// that is not so: other numbers of cells than the header, an open quote, text behind a closing quote, names
// that are empty or there twice; at most 20 of them.
absl::StatusOr<ObservationTable> ParseObservations(std::string_view text, const std::string& file);

// INVALID_ARGUMENT out of one sentence a problem; the first 20, and how many more there are.
absl::Status BadTable(const std::string& file, const std::vector<std::string>& problems);

// "line 3, column 2 (rate)"; columns count from 1.
std::string PlaceOf(const ObservationTable& table, size_t row, size_t column);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_OBSERVATIONS_CSV_H_
