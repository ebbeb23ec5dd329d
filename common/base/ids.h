#ifndef SDA_COMMON_BASE_IDS_H_
#define SDA_COMMON_BASE_IDS_H_

#include <string>

#include <absl/time/time.h>

namespace sda {

// A random UUID (version 4), e.g. "0b0f7a2e-5d0c-4c57-9a0e-0d2c1a1f7c3b", from the system's random source.
std::string NewUuid();

// A ULID in lower case: 26 characters of [0-9a-z], the first 10 the time in milliseconds, the rest random, so
// that names sort by the time of their making. Fits a resource id. `time` before 1970 counts as 1970.
std::string NewUlid(absl::Time time);

}  // namespace sda

#endif  // SDA_COMMON_BASE_IDS_H_
