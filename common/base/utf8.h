#ifndef SDA_COMMON_BASE_UTF8_H_
#define SDA_COMMON_BASE_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace sda {

// `text` with every byte that is no part of valid UTF-8 replaced by U+FFFD: what comes from files may hold
// anything, what goes into protos and JSON must not.
std::string ToValidUtf8(std::string_view text);

// The longest prefix of at most `max_bytes` bytes that does not cut a character; "…" ends it where something
// was cut. `text` must be valid UTF-8, `max_bytes` at least 3.
std::string TruncateUtf8(std::string_view text, size_t max_bytes);

}  // namespace sda

#endif  // SDA_COMMON_BASE_UTF8_H_
