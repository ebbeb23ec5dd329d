#ifndef SDA_CLIENTS_CLI_CORE_INPUT_FILES_H_
#define SDA_CLIENTS_CLI_CORE_INPUT_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::cli {

// Where input files are looked for.
enum class FileCheck {
  kHere,       // the services share this machine's files: paths become absolute and must be readable
  kElsewhere,  // the services run on other machines: paths are passed on as they are
};

// Data files, globs, folders and URIs ("s3://…") as the services are to be told. With kHere INVALID_ARGUMENT
// names option, path and what is wrong: missing, not readable, empty, a glob without matches, a folder
// without files.
absl::StatusOr<std::vector<std::string>> ResolveInputs(std::string_view option,
                                                       const std::vector<std::string>& texts,
                                                       FileCheck check);

// The whole text of a file of at most `max_bytes`; INVALID_ARGUMENT names option, path and reason.
absl::StatusOr<std::string> ReadSmallFile(std::string_view option, const std::string& path, size_t max_bytes);

// `path` with the working directory before it where it is relative, without "." and "..".
std::string AbsolutePath(const std::string& path);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_INPUT_FILES_H_
