#ifndef SDA_COMMON_BASE_VERSION_H_
#define SDA_COMMON_BASE_VERSION_H_

#include <string_view>

namespace sda {

// Version of the suite, e.g. "0.1.0".
std::string_view Version();

}  // namespace sda

#endif  // SDA_COMMON_BASE_VERSION_H_
