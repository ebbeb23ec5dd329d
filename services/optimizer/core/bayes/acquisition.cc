#include "services/optimizer/core/bayes/acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "services/optimizer/core/bayes/normal.h"

namespace sda::optimizer::bayes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// log(ψ(high) − ψ(low)) with its derivatives, where ψ(a) = σ·h((a − μ)/σ).
struct Part {
  double log = -kInfinity, by_mean = 0, by_deviation = 0;
};

struct End {
  double z = -kInfinity, log_h = -kInfinity;
  double log_cdf = -kInfinity, log_pdf = -kInfinity;
};

End MakeEnd(double end, double mean, double deviation) {
  const double z = (end - mean) / deviation;
  return {z, LogImprovement(z), LogNormalCdf(z), LogNormalPdf(z)};
}

Part Between(const End& low, const End& high, double deviation) {
  Part part;
  const double log_deviation = std::log(deviation);
  const double width = high.z - low.z;
  if (low.log_h == -kInfinity) {
    part.log = log_deviation + high.log_h;
    part.by_mean = -std::exp(high.log_cdf - high.log_h) / deviation;
    part.by_deviation = std::exp(high.log_pdf - high.log_h) / deviation;
    return part;
  }
  if (width < 1e-5 * (1 + std::abs(high.z))) {
    // Too close to subtract: width times Φ at the middle.
    const double z = 0.5 * (high.z + low.z);
    const double log_cdf = LogNormalCdf(z);
    const double hazard = std::exp(LogNormalPdf(z) - log_cdf);
    part.log = log_deviation + std::log(std::max(width, 1e-300)) + log_cdf;
    part.by_mean = -hazard / deviation;
    part.by_deviation = -z * hazard / deviation;
    return part;
  }
  const double log_difference = LogDifference(high.log_h, low.log_h);
  part.log = log_deviation + log_difference;
  // ψ' by μ is −Φ, by σ is φ.
  part.by_mean = -std::exp(LogDifference(high.log_cdf, low.log_cdf) - log_difference) / deviation;
  const double pdf = high.log_pdf > low.log_pdf
                         ? std::exp(LogDifference(high.log_pdf, low.log_pdf) - log_difference)
                         : -std::exp(LogDifference(low.log_pdf, high.log_pdf) - log_difference);
  part.by_deviation = pdf / deviation;
  return part;
}

}  // namespace

BoxImprovement::BoxImprovement(std::span<const Box> boxes) {
  const size_t dimensions = boxes.empty() ? 0 : boxes[0].low.size();
  ends_.assign(dimensions, {-kInfinity});
  for (size_t m = 0; m < dimensions; ++m) {
    for (const Box& box : boxes) {
      for (const double end : {box.low[m], box.high[m]}) {
        if (end != -kInfinity) ends_[m].push_back(end);
      }
    }
    std::sort(ends_[m].begin(), ends_[m].end());
    ends_[m].erase(std::unique(ends_[m].begin(), ends_[m].end()), ends_[m].end());
  }
  for (const Box& box : boxes) {
    std::vector<std::pair<size_t, size_t>> indices(dimensions);
    for (size_t m = 0; m < dimensions; ++m) {
      const auto index = [&](double end) {
        return static_cast<size_t>(std::lower_bound(ends_[m].begin(), ends_[m].end(), end) -
                                   ends_[m].begin());
      };
      indices[m] = {index(box.low[m]), index(box.high[m])};
    }
    boxes_.push_back(std::move(indices));
  }
}

double BoxImprovement::Log(std::span<const double> mean, std::span<const double> deviation) const {
  return Log(mean, deviation, {}, {});
}

double BoxImprovement::Log(std::span<const double> mean, std::span<const double> deviation,
                           std::span<double> by_mean, std::span<double> by_deviation) const {
  const size_t dimensions = ends_.size();
  thread_local std::vector<std::vector<End>> ends;
  thread_local std::vector<Part> parts;
  thread_local std::vector<double> logs;
  ends.resize(std::max(ends.size(), dimensions));
  for (size_t m = 0; m < dimensions; ++m) {
    ends[m].assign(1, End{});
    for (size_t e = 1; e < ends_[m].size(); ++e)
      ends[m].push_back(MakeEnd(ends_[m][e], mean[m], deviation[m]));
  }
  parts.resize(boxes_.size() * dimensions);
  logs.assign(boxes_.size(), 0.0);
  for (size_t b = 0; b < boxes_.size(); ++b) {
    for (size_t m = 0; m < dimensions; ++m) {
      const auto& [low, high] = boxes_[b][m];
      parts[b * dimensions + m] = Between(ends[m][low], ends[m][high], deviation[m]);
      logs[b] += parts[b * dimensions + m].log;
    }
  }
  const double total = LogSum(logs);
  if (by_mean.empty()) return total;
  for (size_t b = 0; b < boxes_.size(); ++b) {
    const double share = std::exp(logs[b] - total);
    if (!(share > 1e-12)) continue;
    for (size_t m = 0; m < dimensions; ++m) {
      by_mean[m] += share * parts[b * dimensions + m].by_mean;
      by_deviation[m] += share * parts[b * dimensions + m].by_deviation;
    }
  }
  return total;
}

double Acquisition::Log(std::span<const double> means, std::span<const double> variances,
                        std::span<double> by_mean, std::span<double> by_variance) const {
  const bool derivatives = !by_mean.empty();
  const size_t m = objectives.size();
  double mean[8], deviation[8], objective_by_mean[8], objective_by_deviation[8];
  thread_local std::vector<double> logs, mean_parts, variance_parts;
  logs.assign(fantasies, 0.0);
  if (derivatives) {
    mean_parts.assign(models * fantasies, 0.0);
    variance_parts.assign(models * fantasies, 0.0);
  }
  for (size_t f = 0; f < fantasies; ++f) {
    if (!improvements.empty()) {
      for (size_t o = 0; o < m; ++o) {
        mean[o] = means[objectives[o] * fantasies + f];
        deviation[o] = std::sqrt(variances[objectives[o]]);
        objective_by_mean[o] = objective_by_deviation[o] = 0;
      }
      const std::span<double> none;
      logs[f] += improvements[std::min(f, improvements.size() - 1)].Log(
          {mean, m}, {deviation, m}, derivatives ? std::span<double>(objective_by_mean, m) : none,
          derivatives ? std::span<double>(objective_by_deviation, m) : none);
      for (size_t o = 0; derivatives && o < m; ++o) {
        mean_parts[objectives[o] * fantasies + f] += objective_by_mean[o];
        variance_parts[objectives[o] * fantasies + f] += objective_by_deviation[o] / (2 * deviation[o]);
      }
    }
    if (cost) {
      logs[f] -= cost->factor * means[cost->model * fantasies + f];
      if (derivatives) mean_parts[cost->model * fantasies + f] -= cost->factor;
    }
    for (const Limit& limit : limits) {
      const double variance = variances[limit.model] + limit.extra_variance;
      const double sd = std::sqrt(variance);
      const double z = (limit.at_most - means[limit.model * fantasies + f]) / sd + limit.optimism;
      const double log_cdf = LogNormalCdf(z);
      logs[f] += log_cdf;
      if (!derivatives) continue;
      const double hazard = std::exp(LogNormalPdf(z) - log_cdf);
      mean_parts[limit.model * fantasies + f] -= hazard / sd;
      variance_parts[limit.model * fantasies + f] -= hazard * (z - limit.optimism) / (2 * variance);
    }
  }
  const double total = LogSum(logs);
  if (derivatives) {
    std::fill(by_variance.begin(), by_variance.end(), 0.0);
    for (size_t f = 0; f < fantasies; ++f) {
      const double share = std::isfinite(total) ? std::exp(logs[f] - total) : 0;
      for (size_t k = 0; k < models; ++k) {
        by_mean[k * fantasies + f] = share * mean_parts[k * fantasies + f];
        by_variance[k] += share * variance_parts[k * fantasies + f];
      }
    }
  }
  return total - std::log(static_cast<double>(fantasies));
}

double Acquisition::FeasibilityProbability(std::span<const double> means,
                                           std::span<const double> variances) const {
  double log = 0;
  for (const Limit& limit : limits) {
    const double sd = std::sqrt(variances[limit.model] + limit.extra_variance);
    log += LogNormalCdf((limit.at_most - means[limit.model * fantasies]) / sd);
  }
  return std::exp(log);
}

}  // namespace sda::optimizer::bayes
