#ifndef SDA_SERVICES_PREPROCESSING_CORE_UTF8_CHECK_H_
#define SDA_SERVICES_PREPROCESSING_CORE_UTF8_CHECK_H_

#include <string_view>

namespace sda::preprocessing {

// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool IsValidUtf8(std::string_view text);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_UTF8_CHECK_H_
