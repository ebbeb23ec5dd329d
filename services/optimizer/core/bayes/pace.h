#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_PACE_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_PACE_H_

#include <atomic>
#include <cstddef>

#include <absl/time/time.h>

namespace sda::optimizer::bayes {

// How long models of n trials take to build on this machine: a factorisation is not interrupted, so that one
// that would end after a deadline must not be begun. Thread-safe.
class Pace {
 public:
  // Thrice what the last ones took; before there were any, what a small factorisation takes.
  absl::Duration Expected(size_t n, size_t models) const;

  void Took(size_t n, size_t models, absl::Duration time);

 private:
  mutable std::atomic<double> cube_{
      0};  // nanoseconds of a factorisation over the cube of its trials; 0: unknown
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_PACE_H_
