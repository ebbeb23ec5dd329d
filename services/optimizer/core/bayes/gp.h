#ifndef SDA_SERVICES_OPTIMIZER_CORE_BAYES_GP_H_
#define SDA_SERVICES_OPTIMIZER_CORE_BAYES_GP_H_

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "services/optimizer/core/bayes/covariance.h"
#include "services/optimizer/core/bayes/linalg.h"
#include "services/optimizer/core/bayes/vector_math.h"

namespace sda::optimizer::bayes {

// Points in columns of coordinates, as the vector loops want them.
class Points {
 public:
  Points() = default;
  explicit Points(size_t coordinates) : coordinates_(coordinates) {}

  void Reserve(size_t count);
  void Add(std::span<const double> point);
  size_t size() const { return size_; }
  // Coordinates of point i into `out`.
  void Get(size_t i, std::span<double> out) const;
  // The first n points.
  PointSet First(size_t n, size_t numeric) const { return {data_.data(), ld_, n, coordinates_, numeric}; }

 private:
  size_t coordinates_ = 0, ld_ = 0, size_ = 0;
  std::vector<double> data_;
};

// A Gaussian process with the kernel σ²·kernel(r) + offset, r² = Σ (Δ_c/ℓ_c)², and noise of variance
// `noise` plus whatever is known of each point. The offset stands for an unknown constant mean with that
// prior variance, integrated out.
struct Hyper {
  std::vector<double> log_length;  // [Layout::lengths]
  double log_signal = 0;           // log σ²
  double log_noise = -9;
};

// Prior beliefs on the hyperparameters, for outputs of mean 0 and variance 1 and inputs in the unit cube.
enum class HyperPrior {
  // Length scales that grow with the root of the dimension of a kernel (Hvarfner et al. 2024), σ² = 1.
  kDimensionScaled,
  // The same, σ² free.
  kDimensionScaledFree,
  // Wide: neither very short nor very long (as Optuna's).
  kWide,
};

// The mean of the values is unknown. A wide belief: where the good values crowd in one place, the mean of all
// places is still taken from the others.
inline constexpr double kMeanVariance = 30;

struct TrainingSet {
  const Layout* layout = nullptr;
  const Points* points = nullptr;
  size_t n = 0;                         // the first n points
  std::span<const double> y;            // [n]
  std::span<const double> known_noise;  // [n] variances, or empty
  double offset = kMeanVariance;
  Kernel kernel = Kernel::kMatern52;
  Structure structure = Structure::kJoint;
};

struct FitOptions {
  HyperPrior prior = HyperPrior::kDimensionScaled;
  double min_noise = 1e-6;
  int max_evaluations = 40;
  std::function<bool()> out_of_time = nullptr;  // true ends the search with what there is
};

// −log posterior density of the hyperparameters (up to a constant) and its gradient with regard to
// (log_length…, log_signal, log_noise). Infinite where the matrix is not positive definite.
class MapObjective {
 public:
  MapObjective(const TrainingSet& set, HyperPrior prior);
  double operator()(std::span<const double> parameters, std::span<double> gradient);

 private:
  const TrainingSet set_;
  const HyperPrior prior_;
  Matrix k_, factor_, slopes_, inverse_triangle_, inverse_;
};

// The hyperparameters of highest posterior density found by a local search from each start. `value` receives
// the −log density.
Hyper FitMap(const TrainingSet& set, const FitOptions& options, std::span<const Hyper> starts,
             double* value = nullptr);

Hyper DefaultHyper(const Layout& layout, HyperPrior prior, Structure structure = Structure::kJoint);

// The process given data. The last `pending` points of the set have no value yet: they reduce the variance,
// and their values are drawn (fantasies).
class Gp {
 public:
  // `y` of the set covers the first n − pending points. Adds to the noise what a factorisation needs.
  // `fantasies` rows of draws [fantasies][pending], standard normal; at least one row where pending > 0.
  Gp(const TrainingSet& set, const Hyper& hyper, size_t pending = 0, std::span<const double> draws = {},
     size_t fantasies = 1);

  // The process given draws of the true values of all its points: each fantasy is a posterior draw of the
  // values without noise at the points that have a value and at the pending ones, jointly, and the variance
  // is what these would leave open. So noise weighs on what is held to be the best so far, not only on what
  // is expected elsewhere (Letham et al. 2019, "Constrained Bayesian optimization with noisy experiments",
  // section 4). The draws are made by pathwise conditioning (Wilson et al. 2020, "Efficiently sampling
  // functions from Gaussian process posteriors", equation 13). `draws` [fantasies][2·n − pending], standard
  // normal: n for the process, then those for the noise of the values.
  struct OfTrueValues {};
  Gp(OfTrueValues, const TrainingSet& set, const Hyper& hyper, size_t pending, std::span<const double> draws,
     size_t fantasies);

  size_t size() const { return n_; }
  size_t fantasies() const { return fantasies_; }
  const Hyper& hyper() const { return hyper_; }
  // Variance of the noise of point i, jitter included.
  double noise(size_t i) const { return noise_[i]; }
  // Of the latent function, without data.
  double prior_variance() const { return covariance_.variance(); }

  // Value the model believes the latent function has at training point i, under fantasy f.
  double FittedMean(size_t i, size_t f = 0) const;

  struct Scratch {
    std::vector<double> k, slopes, s, factor;
  };
  // mean[f] for each fantasy, and the latent variance. Keeps in the scratch what Gradient needs.
  void Predict(const double* point, Scratch& scratch, double* mean, double* variance) const;
  // Adds to out[c] the derivative of Σ_f mean_factor[f]·mean_f + variance_factor·variance with regard to the
  // numeric coordinate c, at the point of the last Predict.
  void AddGradient(const double* point, Scratch& scratch, const double* mean_factor, double variance_factor,
                   double* out) const;

  // Many points at once, in rows: means [rows][fantasies], variances [rows].
  void PredictMany(const Matrix& points, size_t rows, std::vector<double>& means,
                   std::vector<double>& variances) const;

  // Prediction of each valued point from all the others (needs pending = 0).
  void LeaveOneOut(std::vector<double>& means, std::vector<double>& variances) const;

 private:
  // What both kinds have in common: all but what follows from the values.
  struct Bare {};
  Gp(Bare, const TrainingSet& set, const Hyper& hyper, size_t fantasies);
  // Of the points, without noise; the lower triangle.
  Matrix PriorCovariance() const;
  // Of the first n points with the noise on the diagonal and, as far as the factorisation needs it, jitter,
  // which the noise receives.
  void Factorize(const Matrix& kernel, size_t n, std::span<double> noise, Matrix& factor) const;

  // The first n points.
  PointSet Known(size_t n) const { return points_->First(n, covariance_.layout().numeric); }

  const Covariance covariance_;
  const Points* points_;
  const Hyper hyper_;
  size_t n_ = 0, fantasies_ = 1;
  std::vector<double> noise_, y_;
  Matrix inverse_;             // row j: column j of L⁻¹
  mutable Matrix transposed_;  // L⁻¹, made when PredictMany is first called
  std::vector<double> alpha_;  // [fantasies][n]
  // [fantasies][drawn_]: values of the last points, which have none of their own.
  std::vector<double> fantasy_y_;
  size_t drawn_ = 0;
};

}  // namespace sda::optimizer::bayes

#endif  // SDA_SERVICES_OPTIMIZER_CORE_BAYES_GP_H_
