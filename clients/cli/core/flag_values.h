#ifndef SDA_CLIENTS_CLI_CORE_FLAG_VALUES_H_
#define SDA_CLIENTS_CLI_CORE_FLAG_VALUES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// Reading of single option values. Every error is INVALID_ARGUMENT naming option, value and rule.

// A whole number within [min, max].
absl::StatusOr<int64_t> ParseIntFlag(std::string_view option, std::string_view text, int64_t min,
                                     int64_t max);

// A finite number within [min, max].
absl::StatusOr<double> ParseDoubleFlag(std::string_view option, std::string_view text, double min,
                                       double max);

// Parts of a comma-separated list; "\," stands for a comma inside a part and "\\" for a backslash. Blanks are
// kept, empty parts too: "NA," is {"NA", ""}.
std::vector<std::string> SplitList(std::string_view text);

// A field delimiter: 1 to 8 characters, where "\t" and the words tab, comma, semicolon and pipe stand for
// theirs.
absl::StatusOr<std::string> ParseDelimiterFlag(std::string_view option, std::string_view text);

// A resource name "{collection}/{id}"; `collection` alone may be left out ("abc" is "runs/abc"). The id is 1
// to 63 characters of [a-z0-9-], starting with a letter.
absl::StatusOr<std::string> ParseNameFlag(std::string_view option, std::string_view collection,
                                          std::string_view text);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_FLAG_VALUES_H_
