#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_FAILURE_MODEL_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_FAILURE_MODEL_H_

#include <functional>

#include "services/optimizer/core/bayes/gp.h"
#include "services/optimizer/core/bayes/study.h"

namespace sda::optimizer::bayes {

// Where points fail: a process over −1 for trials that ended well and +1 for those that did not, about the
// share of both. A point succeeds where its value, noise included, is below 0.
class FailureModel {
 public:
  FailureModel(const Study& study, const std::function<bool()>& out_of_time);

  TrainingSet Set() const;
  const Hyper& hyper() const { return hyper_; }
  // What the value of a success is at most, about the mean.
  double limit() const { return -mean_; }
  double noise() const;

 private:
  const Layout* layout_;
  Points points_;
  std::vector<double> values_;
  Hyper hyper_;
  double mean_ = 0;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_FAILURE_MODEL_H_
