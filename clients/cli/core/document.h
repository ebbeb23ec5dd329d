#ifndef SDA_CLIENTS_CLI_CORE_DOCUMENT_H_
#define SDA_CLIENTS_CLI_CORE_DOCUMENT_H_

#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <nlohmann/json.hpp>

namespace sda::cli {

// What a command prints: a tree with its keys in the order they were put in.
using Document = nlohmann::ordered_json;

enum class OutputFormat { kTable, kJson, kYaml };

// "table", "json" or "yaml"; INVALID_ARGUMENT names --output otherwise.
absl::StatusOr<OutputFormat> ParseOutputFormat(std::string_view text);

// JSON, indented by two blanks, with a newline at the end. Bytes that are no UTF-8 become U+FFFD, numbers
// that are not finite become null.
std::string ToJson(const Document& document);

// Block-style YAML 1.2 of the same tree, with a newline at the end. Text that YAML would read as anything but
// a string is quoted; text with line breaks becomes a literal block.
std::string ToYaml(const Document& document);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_DOCUMENT_H_
