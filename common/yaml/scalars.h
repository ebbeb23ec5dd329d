#ifndef SDA_COMMON_YAML_SCALARS_H_
#define SDA_COMMON_YAML_SCALARS_H_

#include <cstdint>
#include <string_view>

namespace sda {

// A plain decimal number as YAML writes it; ".nan" and ".inf" are numbers too. False where `text` is none.
bool ParseReal(std::string_view text, double* value);
bool ParseInteger(std::string_view text, int64_t* value);

}  // namespace sda

#endif  // SDA_COMMON_YAML_SCALARS_H_
