#ifndef SDA_COMMON_BASE_CPU_TIME_H_
#define SDA_COMMON_BASE_CPU_TIME_H_

#include <ctime>

namespace sda {

inline double SecondsOn(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Seconds that the calling thread has spent on a core so far, without what other threads and programs took.
inline double ThreadSeconds() {
  return SecondsOn(CLOCK_THREAD_CPUTIME_ID);
}

// Seconds that all threads of this process have spent on cores so far, user and system time.
inline double ProcessSeconds() {
  return SecondsOn(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace sda

#endif  // SDA_COMMON_BASE_CPU_TIME_H_
