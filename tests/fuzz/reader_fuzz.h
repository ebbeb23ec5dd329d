#ifndef SDA_TESTS_FUZZ_READER_FUZZ_H_
#define SDA_TESTS_FUZZ_READER_FUZZ_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

namespace sda::fuzz {

// Files that people and programs give us to read: "manifest", "pipeline" (YAML), "schema" (YAML).
const std::vector<std::string>& ReaderNames();

// Reads bytes as a file of that kind; what every fuzz target calls. A status only where the reader did not do
// as it says: neither a value nor a reason, a reason that does not name the file, a value that is not the
// same when it is written and read again.
absl::Status FuzzReader(const std::string& reader, std::string_view bytes);

}  // namespace sda::fuzz

#endif  // SDA_TESTS_FUZZ_READER_FUZZ_H_
