#include <algorithm>
#include <cmath>
#include <limits>

#include "services/optimizer/core/bayes/search.h"

namespace sda::optimizer::bayes {

Scorer::Scorer(const Encoding& encoding, std::vector<const Gp*> models, const Acquisition& acquisition)
    : encoding_(encoding), models_(std::move(models)), acquisition_(acquisition), scratch_(models_.size()) {
  means_.resize(models_.size() * acquisition.fantasies);
  by_mean_.resize(means_.size());
  variances_.resize(models_.size());
  by_variance_.resize(models_.size());
  coordinates_.resize(encoding.layout().coordinates);
}

std::vector<double> Scorer::ScoreMany(const std::vector<Place>& places) const {
  const size_t fantasies = acquisition_.fantasies;
  Matrix points(places.size(), encoding_.layout().coordinates);
  for (size_t i = 0; i < places.size(); ++i) {
    encoding_.ActiveAxes(places[i], active_);
    encoding_.Coordinates(places[i], active_, points.row(i));
  }
  std::vector<std::vector<double>> means(models_.size()), variances(models_.size());
  for (size_t k = 0; k < models_.size(); ++k)
    models_[k]->PredictMany(points, places.size(), means[k], variances[k]);
  std::vector<double> scores(places.size());
  for (size_t i = 0; i < places.size(); ++i) {
    for (size_t k = 0; k < models_.size(); ++k) {
      std::copy_n(means[k].begin() + static_cast<std::ptrdiff_t>(i * fantasies), fantasies,
                  means_.begin() + static_cast<std::ptrdiff_t>(k * fantasies));
      variances_[k] = variances[k][i];
    }
    for (size_t k = 0; k < expectations_.size(); ++k) {
      if (expectations_[k] == nullptr) continue;
      const double expected = expectations_[k]->At(places[i], {});
      for (size_t f = 0; f < fantasies; ++f) means_[k * fantasies + f] += expected;
    }
    scores[i] = acquisition_.Log(means_, variances_, {}, {});
    if (belief_ != nullptr) {
      encoding_.ActiveAxes(places[i], active_);
      scores[i] += belief_weight_ * belief_->Log(places[i], active_, 0, {});
    }
    if (std::isnan(scores[i])) scores[i] = -std::numeric_limits<double>::infinity();
  }
  return scores;
}

double Scorer::Score(const Place& place, std::span<double> gradient) const {
  const size_t fantasies = acquisition_.fantasies;
  encoding_.ActiveAxes(place, active_);
  encoding_.Coordinates(place, active_, coordinates_.data());
  for (size_t k = 0; k < models_.size(); ++k)
    models_[k]->Predict(coordinates_.data(), scratch_[k], means_.data() + k * fantasies, &variances_[k]);
  for (size_t k = 0; k < expectations_.size(); ++k) {
    if (expectations_[k] == nullptr) continue;
    const double expected = expectations_[k]->At(place, {});
    for (size_t f = 0; f < fantasies; ++f) means_[k * fantasies + f] += expected;
  }
  const double believed =
      belief_ == nullptr ? 0 : belief_weight_ * belief_->Log(place, active_, belief_weight_, {});
  if (gradient.empty()) return acquisition_.Log(means_, variances_, {}, {}) + believed;
  const double score = acquisition_.Log(means_, variances_, by_mean_, by_variance_) + believed;
  by_coordinate_.assign(encoding_.layout().coordinates, 0.0);
  for (size_t k = 0; k < models_.size(); ++k) {
    models_[k]->AddGradient(coordinates_.data(), scratch_[k], by_mean_.data() + k * fantasies,
                            by_variance_[k], by_coordinate_.data());
  }
  encoding_.GradientOfPlace(place, active_, by_coordinate_.data(), gradient);
  for (size_t k = 0; k < expectations_.size(); ++k) {
    if (expectations_[k] == nullptr) continue;
    double factor = 0;
    for (size_t f = 0; f < fantasies; ++f) factor += by_mean_[k * fantasies + f];
    expected_by_place_.assign(place.size(), 0.0);
    expectations_[k]->At(place, expected_by_place_);
    for (size_t i = 0; i < place.size(); ++i) {
      if (active_[i]) gradient[i] += factor * expected_by_place_[i];
    }
  }
  if (belief_ != nullptr) belief_->Log(place, active_, belief_weight_, gradient);
  return score;
}

void Scorer::Predict(const Place& place, std::vector<double>& means, std::vector<double>& variances) const {
  Score(place, {});
  const size_t fantasies = acquisition_.fantasies;
  means.assign(models_.size(), 0);
  variances = variances_;
  for (size_t k = 0; k < models_.size(); ++k) {
    const std::span<const double> drawn(means_.data() + k * fantasies, fantasies);
    for (const double mean : drawn) means[k] += mean / static_cast<double>(fantasies);
    for (const double mean : drawn)
      variances[k] += (mean - means[k]) * (mean - means[k]) / static_cast<double>(fantasies);
  }
}

}  // namespace sda::optimizer::bayes
