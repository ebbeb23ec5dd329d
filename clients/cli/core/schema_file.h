#ifndef SDA_CLIENTS_CLI_CORE_SCHEMA_FILE_H_
#define SDA_CLIENTS_CLI_CORE_SCHEMA_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

enum class ColumnUse { kInferred, kDense, kCategorical, kIgnored };

// What the user says of one column of the log.
struct ColumnRule {
  std::string name;
  ColumnUse use = ColumnUse::kInferred;
  std::optional<bool> log;          // dense columns only
  int64_t frequency_threshold = 0;  // categorical columns only; 0: as for all
  std::string list_separator = {};  // categorical columns only; not empty: cells hold lists
  int64_t list_max_values = 0;      // of lists; 0: all

  bool operator==(const ColumnRule&) const = default;
};

// Reads the text of a schema file:
//
//   columns:
//     - name: age
//       role: dense            # dense, categorical or ignored; without it the role is inferred
//       log: true              # dense: take the logarithm
//     - name: user_id
//       role: categorical
//       frequency_threshold: 5
//     - name: genres           # cells such as Comedy|Drama
//       list_separator: "|"    # makes it categorical
//       list_max_values: 20    # keep the first 20; without it all
//
// Columns that are not named are inferred. INVALID_ARGUMENT names `source` (the file), line, column and rule;
// unknown keys, names given twice and values of the wrong type are refused.
absl::StatusOr<std::vector<ColumnRule>> ParseSchemaFile(const std::string& source, const std::string& yaml);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_SCHEMA_FILE_H_
