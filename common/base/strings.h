#ifndef SDA_COMMON_BASE_STRINGS_H_
#define SDA_COMMON_BASE_STRINGS_H_

#include <string_view>

#include <absl/strings/string_view.h>

namespace sda {

// Debian builds Abseil with its own string_view, which converts to and from std::string_view in neither
// direction. Our interfaces use the std types; these two cross over where Abseil is called.
inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view ToStd(absl::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace sda

#endif  // SDA_COMMON_BASE_STRINGS_H_
