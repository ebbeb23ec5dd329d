#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_MEMORY_PROBE_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_MEMORY_PROBE_H_

#include <cstdint>
#include <string>

namespace sda::trainer {

// Memory at one moment, in bytes.
struct MemoryReading {
  int64_t available = 0;  // that this process may still take, without swapping
  int64_t process = 0;    // that it has taken; pages of mapped files apart, which can be given up
};

// By the machine's MemAvailable and, where a container sets a limit, by what is left of it: caches of files
// count as free in both. `root` is put before the paths of the kernel's files; for tests.
MemoryReading ReadMemory(const std::string& root = "");

// Bytes that may still be written to the disk of an existing folder; the largest number where that cannot be
// said.
int64_t FreeDiskBytes(const std::string& folder);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_MEMORY_PROBE_H_
