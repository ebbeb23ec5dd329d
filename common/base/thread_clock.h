#ifndef SDA_COMMON_BASE_THREAD_CLOCK_H_
#define SDA_COMMON_BASE_THREAD_CLOCK_H_

#include <ctime>

namespace sda {

// Seconds that the calling thread has spent on a core so far, without what other threads and programs took.
inline double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace sda

#endif  // SDA_COMMON_BASE_THREAD_CLOCK_H_
