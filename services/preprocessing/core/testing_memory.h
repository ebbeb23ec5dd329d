#ifndef SDA_SERVICES_PREPROCESSING_CORE_TESTING_MEMORY_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TESTING_MEMORY_H_

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include <malloc.h>

// What tests see of the process's memory. Sanitizers take a multiple of it, and time.
namespace sda::preprocessing::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// What the process took at most since the last reset.
inline int64_t PeakMemoryBytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    int64_t kilobytes = 0;
    if (words >> key >> kilobytes && key == "VmHWM:") return kilobytes * 1024;
  }
  return 0;
}

// Free memory that the heap still holds is given back before: what follows would take it without a trace.
inline void ResetPeakMemory() {
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace sda::preprocessing::testing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TESTING_MEMORY_H_
