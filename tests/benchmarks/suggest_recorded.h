#ifndef SDA_TESTS_BENCHMARKS_SUGGEST_RECORDED_H_
#define SDA_TESTS_BENCHMARKS_SUGGEST_RECORDED_H_

#include <array>
#include <span>
#include <string>

#include "services/optimizer/core/space.h"

namespace sda::bench {

// The space of the recorded trainings: dense update rule, learning rates, batch, embedding width, layers,
// their width, momentum of SGD, dropout.
optimizer::Space RecordedSpace();

// The parameters of the space in order, categories as their index, inactive ones as -1; then the validation
// logloss and the processor seconds of the training.
inline constexpr size_t kRecordedParameters = 9;
using RecordedTraining = std::array<double, kRecordedParameters + 2>;

// What a surface says of any point: kernel regression over the recorded trainings (Matérn-3/2, fixed length
// scales, a nugget for what differs from training to training), of the logloss and of the logarithm of the
// seconds. Fixed for ever: figures over these problems are comparable.
class RecordedSurface {
 public:
  explicit RecordedSurface(std::span<const RecordedTraining> trainings);

  double Logloss(const optimizer::Assignments& assignments) const;
  double Seconds(const optimizer::Assignments& assignments) const;

 private:
  using Point = std::array<double, kRecordedParameters>;
  double Predict(const std::vector<double>& weights, double mean,
                 const optimizer::Assignments& assignments) const;

  std::vector<Point> points_;
  double mean_logloss_ = 0, mean_seconds_ = 0;
  std::vector<double> logloss_, seconds_;
};

// "adult", "criteo" or "tencent"; empty for others.
std::span<const RecordedTraining> RecordedTrainings(const std::string& dataset);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_SUGGEST_RECORDED_H_
