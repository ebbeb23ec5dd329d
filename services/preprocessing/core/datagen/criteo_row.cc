#include "services/preprocessing/core/datagen/criteo_row.h"

#include <algorithm>
#include <cmath>

#include "common/base/row_hash.h"

namespace sda::preprocessing::datagen {
namespace {

constexpr double kKaggleRows = 45'840'617;

constexpr std::array<int32_t, kCriteoCategories> kKaggle = {
    1460, 583,   10131227, 2202608, 305,  24,   12517, 633,     3,  93145, 5683,   8351593, 3194,
    27,   14992, 5461306,  10,      5652, 2173, 4,     7046547, 18, 15,    286181, 105,     142572};
constexpr std::array<int32_t, kCriteoCategories> kKaggleFirstSeventh = {
    1396, 550,   1761917, 507795, 290,  21,   11948, 608,     3,  58176, 5237,   1497287, 3127,
    26,   12153, 1068715, 10,     4836, 2085, 4,     1312273, 17, 15,    110946, 91,      72655};

// Shares of missing fields, as in the Kaggle log.
constexpr std::array<double, kCriteoInts> kMissingInts = {0.45,   0,     0.21, 0.21,  0.026, 0.22, 0.043,
                                                          0.0005, 0.043, 0.45, 0.043, 0.76,  0.21};
constexpr std::array<double, kCriteoCategories> kMissingCategories = {
    0, 0, 0.034, 0.034, 0, 0.12, 0,    0,     0,    0, 0,     0.034, 0,
    0, 0, 0.034, 0,     0, 0.44, 0.44, 0.034, 0.76, 0, 0.034, 0.44,  0.44};

// Location and spread of the logarithm of each count.
struct LogNormal {
  double mean;
  double spread;
};
constexpr std::array<LogNormal, kCriteoInts> kCounts = {{{0.9, 1.2},
                                                         {2.2, 2.2},
                                                         {1.9, 1.4},
                                                         {1.6, 1.0},
                                                         {7.4, 2.2},
                                                         {3.4, 1.9},
                                                         {1.9, 1.4},
                                                         {2.2, 1.0},
                                                         {3.9, 1.6},
                                                         {0.3, 0.5},
                                                         {0.9, 0.8},
                                                         {0.2, 0.7},
                                                         {1.6, 1.0}}};
constexpr int kSignedInt = 1;    // I2 goes down to −3
constexpr double kCommon = 0.5;  // correlation of the logarithms with the factor they share

constexpr double kTwoPi = 6.283185307179586;

// A stream of numbers that belongs to one row.
class RowRandom {
 public:
  RowRandom(uint64_t seed, int64_t row)
      : state_(HashRow(seed, RandomStream::kDatagen, static_cast<uint64_t>(row))) {}

  double Unit() { return ToUnit(Mix64(state_++)); }

  // Two independent normal numbers (Box and Muller 1958).
  std::array<double, 2> Normals() {
    const double radius = std::sqrt(-2 * std::log(1 - Unit()));
    const double angle = kTwoPi * Unit();
    return {radius * std::cos(angle), radius * std::sin(angle)};
  }

 private:
  uint64_t state_;
};

}  // namespace

std::array<int32_t, kCriteoCategories> CriteoCardinalities(int64_t rows) {
  std::array<int32_t, kCriteoCategories> sizes{};
  const double share = std::min(static_cast<double>(rows) / kKaggleRows, 1.0);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double full = kKaggle[i];
    const double exponent = std::log(full / kKaggleFirstSeventh[i]) / std::log(7.0);
    sizes[i] = static_cast<int32_t>(std::clamp(std::round(full * std::pow(share, exponent)), 2.0, full));
  }
  return sizes;
}

CriteoSampler::CriteoSampler(int64_t rows, int64_t seed)
    : seed_(static_cast<uint64_t>(seed)), cardinalities_(CriteoCardinalities(rows)) {
  for (size_t i = 0; i < log_sizes_.size(); ++i) log_sizes_[i] = std::log(cardinalities_[i] + 1.0);
}

CriteoRow CriteoSampler::Sample(int64_t row) const {
  RowRandom random(seed_, row);
  CriteoRow out;
  // Draws happen whether or not the field is missing, so that columns do not depend on one another's gaps.
  const auto [common, spare] = random.Normals();
  std::array<double, 2> own{spare, 0};
  for (size_t i = 0; i < out.ints.size(); ++i) {
    if (i % 2 == 1) own = random.Normals();
    const double normal = kCommon * common + std::sqrt(1 - kCommon * kCommon) * own[i % 2];
    const double count = std::exp(kCounts[i].mean + kCounts[i].spread * normal);
    const auto whole = static_cast<int32_t>(std::min(count, 5e6));
    out.ints[i] = i == kSignedInt ? whole - 3 : whole;
    if (random.Unit() < kMissingInts[i]) out.ints[i] = CriteoRow::kMissingInt;
  }
  for (size_t i = 0; i < out.ranks.size(); ++i) {
    const auto rank = static_cast<int32_t>(std::exp(random.Unit() * log_sizes_[i]));
    out.ranks[i] = std::clamp(rank, 1, cardinalities_[i]);
    if (random.Unit() < kMissingCategories[i]) out.ranks[i] = CriteoRow::kMissingRank;
  }
  return out;
}

double CriteoSampler::LabelDraw(int64_t row) const {
  return ToUnit(Mix64(~HashRow(seed_, RandomStream::kDatagen, static_cast<uint64_t>(row))));
}

double CriteoSampler::RankProbability(int column, int32_t rank) const {
  return std::log1p(1.0 / rank) / log_sizes_[static_cast<size_t>(column)];
}

uint32_t CriteoValue(int column, int32_t rank) {
  // The finaliser of MurmurHash3, a bijection of 32 bits, over ranks and a number of the column.
  uint32_t x = static_cast<uint32_t>(rank) ^ (static_cast<uint32_t>(column + 1) * 0x9e3779b9u);
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

}  // namespace sda::preprocessing::datagen
