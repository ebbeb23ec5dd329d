#ifndef SDA_TESTS_FUZZ_REQUEST_FUZZ_H_
#define SDA_TESTS_FUZZ_REQUEST_FUZZ_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace sda::fuzz {

// Bytes as a request of the type, taken as the service would; what every fuzz target calls. One world for all
// calls, replaced when it has grown. OK for bytes that are no such message; a status only where the answer
// was not an orderly one.
absl::Status FuzzRequest(const std::string& type, std::string_view bytes);

}  // namespace sda::fuzz

#endif  // SDA_TESTS_FUZZ_REQUEST_FUZZ_H_
