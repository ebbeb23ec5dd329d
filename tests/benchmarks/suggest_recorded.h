#ifndef SDA_TESTS_BENCHMARKS_SUGGEST_RECORDED_H_
#define SDA_TESTS_BENCHMARKS_SUGGEST_RECORDED_H_

#include <string>
#include <vector>

#include "services/optimizer/core/space.h"

namespace sda::bench {

// How a numeric parameter lies in [0, 1], or nearly: by its logarithm or by itself.
struct RecordedAxis {
  bool log = false;
  double low = 0, high = 1;
};

// Trainings of points of a space on a click log. A row has the parameters in the order of the space,
// categories as their index, inactive ones as -1; then the validation logloss and the processor seconds.
struct Recording {
  optimizer::Space space = {};
  std::vector<RecordedAxis> axes = {};  // one a parameter; of no meaning for categories
  std::vector<std::vector<double>> trainings = {};
};

// "adult", "criteo" or "tencent": dense update rule, learning rates, batch, embedding width, layers, their
// width, momentum of SGD, dropout; one epoch. "adult_wide", "criteo_wide" or "tencent_wide": the same over
// ranges in which the dearest training takes hundreds of times as long as the cheapest, and 1 to 4 epochs.
// Without trainings for any other name.
Recording RecordingOf(const std::string& name);

// The space of the former three, or of the latter.
optimizer::Space RecordedSpace(bool wide);

// The part of a row that the parameters fill.
std::vector<double> RecordedRow(const optimizer::Space& space, const optimizer::Assignments& assignments);

// What a surface says of any point: kernel regression over the recorded trainings (Matérn-3/2, fixed length
// scales, a nugget for what differs from training to training), of the logloss and of the logarithm of the
// seconds. Fixed for ever: figures over these problems are comparable.
class RecordedSurface {
 public:
  explicit RecordedSurface(Recording recording);

  const optimizer::Space& space() const { return recording_.space; }
  double Logloss(const optimizer::Assignments& assignments) const;
  double Seconds(const optimizer::Assignments& assignments) const;

 private:
  using Point = std::vector<double>;
  Point ToPoint(const std::vector<double>& row) const;
  double Kernel(const Point& a, const Point& b) const;
  double Predict(const std::vector<double>& weights, double mean,
                 const optimizer::Assignments& assignments) const;

  Recording recording_;
  std::vector<Point> points_;
  double mean_logloss_ = 0, mean_seconds_ = 0;
  std::vector<double> logloss_, seconds_;
};

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_SUGGEST_RECORDED_H_
