#include "services/optimizer/core/bayes/failure_model.h"

#include <algorithm>
#include <cmath>

namespace sda::optimizer::bayes {
namespace {

// The share of failures is known well enough.
constexpr double kOffset = 0.05;
// So many trials tell the length scales.
constexpr size_t kMaxFitted = 300;

}  // namespace

FailureModel::FailureModel(const Study& study, const std::function<bool()>& out_of_time)
    : layout_(&study.encoding.layout()), points_(study.encoding.layout().coordinates) {
  // By turns, so that a part of them is a fair sample.
  const size_t ended = study.finished.size(), failed = study.infeasible.size(), n = ended + failed;
  size_t next_ended = 0, next_failed = 0;
  for (size_t i = 0; i < n; ++i) {
    const bool fails = next_ended >= ended || (next_failed < failed && next_failed * n < (i + 1) * failed);
    points_.Add(fails ? study.infeasible[next_failed++].coordinates
                      : study.finished[next_ended++].coordinates);
    values_.push_back(fails ? 1 : -1);
  }
  mean_ = 2 * (static_cast<double>(failed) + 0.5) / (static_cast<double>(n) + 2) - 1;
  for (double& value : values_) value -= mean_;
  TrainingSet set = Set();
  set.n = std::min(n, kMaxFitted);
  set.y = set.y.first(set.n);
  const Hyper start = DefaultHyper(*layout_, HyperPrior::kDimensionScaled);
  hyper_ = FitMap(set,
                  {.prior = HyperPrior::kDimensionScaled,
                   .min_noise = 1e-2,
                   .max_evaluations = 15,
                   .out_of_time = out_of_time},
                  std::span(&start, 1));
}

TrainingSet FailureModel::Set() const {
  return {.layout = layout_,
          .points = &points_,
          .n = values_.size(),
          .y = values_,
          .known_noise = {},
          .offset = kOffset};
}

double FailureModel::noise() const {
  return std::exp(hyper_.log_noise);
}

}  // namespace sda::optimizer::bayes
