#include "services/preprocessing/core/datagen/criteo_teacher.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/row_hash.h"
#include "services/preprocessing/core/dense_stats.h"

namespace sda::preprocessing::datagen {
namespace {

constexpr double kClickShare = 0.25;
constexpr double kLogitSpread = 1.75;
constexpr double kLearnableShare = 1.0 / 200;
constexpr int64_t kCalibrationRows = 20'000;

// What an integer does: t is its standardised logarithm.
struct DenseEffect {
  double center;
  double spread;
  double slope;
  double hump;     // times 1 − t²
  double missing;  // instead, where the integer is missing
};
constexpr std::array<DenseEffect, kCriteoInts> kDenseEffects = {{{1.4, 0.9, 0.45, 0, -0.35},
                                                                 {2.0, 2.0, 0.20, 0.15, 0},
                                                                 {2.1, 1.2, 0, 0.20, 0.1},
                                                                 {1.8, 0.9, -0.20, 0, 0.1},
                                                                 {7.4, 2.1, -0.35, 0, 0.2},
                                                                 {3.5, 1.8, -0.25, 0, -0.2},
                                                                 {2.1, 1.2, 0.35, 0, 0},
                                                                 {2.3, 0.9, 0, 0, 0},
                                                                 {4.0, 1.5, 0.10, 0.10, 0},
                                                                 {0.9, 0.4, 0.15, 0, -0.3},
                                                                 {1.3, 0.6, 0.40, 0, 0},
                                                                 {0.9, 0.5, 0, 0, 0.15},
                                                                 {1.8, 0.9, -0.25, 0.15, 0.1}}};

constexpr double kValueEffect = 0.27;
constexpr double kVectorScale = 0.25;
constexpr double kSlopeScale = 0.10;

// Columns that act together; all have values frequent enough to be learned.
constexpr std::array<std::pair<int, int>, 3> kPairs = {{{4, 8}, {7, 22}, {16, 24}}};
// A column that changes the effect of an integer.
constexpr std::array<std::pair<int, int>, 2> kSlopes = {{{5, 4}, {13, 10}}};

double Standardised(size_t column, int32_t value) {
  const double t = (SignedLog(value) - kDenseEffects[column].center) / kDenseEffects[column].spread;
  return std::clamp(t, -2.5, 2.5);
}

double EffectOf(size_t column, int32_t value) {
  const DenseEffect& effect = kDenseEffects[column];
  if (value == CriteoRow::kMissingInt) return effect.missing;
  const double t = Standardised(column, value);
  return effect.slope * t + effect.hump * (1 - t * t);
}

double Sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// A normal number that belongs to (seed, column, rank, use), by the sum of twelve uniform ones.
double PlantedNormal(uint64_t seed, int column, int32_t rank, int use) {
  uint64_t state =
      Mix64(Mix64(Mix64(seed ^ 0x7eac4e5u) + static_cast<uint64_t>(column)) + static_cast<uint64_t>(rank)) +
      static_cast<uint64_t>(use) * 64;
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += ToUnit(Mix64(state++));
  return sum;
}

}  // namespace

CriteoTeacher::CriteoTeacher(const CriteoSampler& sampler, int64_t seed) {
  PlantValues(sampler, static_cast<uint64_t>(seed));
  Calibrate(sampler);
}

void CriteoTeacher::PlantValues(const CriteoSampler& sampler, uint64_t seed) {
  for (int column = 0; column < kCriteoCategories; ++column) {
    const int32_t kept = std::min(sampler.cardinalities()[static_cast<size_t>(column)], kKeptValues);
    auto& values = values_[static_cast<size_t>(column)];
    values.resize(static_cast<size_t>(kept) + 1);
    for (int32_t rank = 0; rank <= kept; ++rank) {
      const double share = rank == CriteoRow::kMissingRank ? 1 : sampler.RankProbability(column, rank);
      const double shrink = share / (share + kLearnableShare);
      Value& value = values[static_cast<size_t>(rank)];
      value.effect = static_cast<float>(shrink * kValueEffect * PlantedNormal(seed, column, rank, 0));
      value.slope = static_cast<float>(shrink * kSlopeScale * PlantedNormal(seed, column, rank, 1));
      for (int i = 0; i < kVector; ++i) {
        value.vector[static_cast<size_t>(i)] =
            static_cast<float>(shrink * kVectorScale * PlantedNormal(seed, column, rank, 2 + i));
      }
    }
  }
}

const CriteoTeacher::Value& CriteoTeacher::ValueOf(int column, int32_t rank) const {
  static const Value kNothing;
  const auto& values = values_[static_cast<size_t>(column)];
  return static_cast<size_t>(rank) < values.size() ? values[static_cast<size_t>(rank)] : kNothing;
}

double CriteoTeacher::RawLogit(const CriteoRow& row) const {
  double logit = 0;
  for (size_t i = 0; i < row.ints.size(); ++i) logit += EffectOf(i, row.ints[i]);
  for (int column = 0; column < kCriteoCategories; ++column) {
    logit += ValueOf(column, row.ranks[static_cast<size_t>(column)]).effect;
  }
  for (const auto& [a, b] : kPairs) {
    const Value& left = ValueOf(a, row.ranks[static_cast<size_t>(a)]);
    const Value& right = ValueOf(b, row.ranks[static_cast<size_t>(b)]);
    for (size_t i = 0; i < kVector; ++i) logit += left.vector[i] * right.vector[i];
  }
  for (const auto& [category, integer] : kSlopes) {
    const int32_t value = row.ints[static_cast<size_t>(integer)];
    if (value == CriteoRow::kMissingInt) continue;
    logit += ValueOf(category, row.ranks[static_cast<size_t>(category)]).slope *
             Standardised(static_cast<size_t>(integer), value);
  }
  return logit;
}

void CriteoTeacher::Calibrate(const CriteoSampler& sampler) {
  std::vector<double> logits(kCalibrationRows);
  double sum = 0;
  double squares = 0;
  for (int64_t i = 0; i < kCalibrationRows; ++i) {
    // Rows beyond any log, so that calibration does not look at the rows it is for.
    const double logit = RawLogit(sampler.Sample(-1 - i));
    logits[static_cast<size_t>(i)] = logit;
    sum += logit;
    squares += logit * logit;
  }
  center_ = sum / kCalibrationRows;
  scale_ = kLogitSpread / std::sqrt(squares / kCalibrationRows - center_ * center_);
  double low = -20;
  double high = 20;
  for (int step = 0; step < 60; ++step) {
    bias_ = (low + high) / 2;
    double clicks = 0;
    for (const double logit : logits) clicks += Sigmoid(bias_ + scale_ * (logit - center_));
    (clicks < kClickShare * kCalibrationRows ? low : high) = bias_;
  }
}

double CriteoTeacher::Logit(const CriteoRow& row) const {
  return bias_ + scale_ * (RawLogit(row) - center_);
}

double CriteoTeacher::ClickProbability(const CriteoRow& row) const {
  return Sigmoid(Logit(row));
}

}  // namespace sda::preprocessing::datagen
