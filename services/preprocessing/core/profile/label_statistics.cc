#include "services/preprocessing/core/profile/label_statistics.h"

#include <algorithm>
#include <cmath>

namespace sda::preprocessing {
namespace {

constexpr double kSmoothing = 20;
constexpr size_t kFewestRanks = 5;

double Double(int64_t count) {
  return static_cast<double>(count);
}

Tally Sum(std::span<const Tally> groups) {
  Tally all;
  for (const Tally& group : groups) all += group;
  return all;
}

// n ln(n), 0 for 0.
double NLogN(int64_t count) {
  return count > 0 ? Double(count) * std::log(Double(count)) : 0;
}

int64_t GroupsWithRows(std::span<const Tally> groups) {
  return std::count_if(groups.begin(), groups.end(), [](const Tally& group) { return group.train() > 0; });
}

struct ScoredRows {
  double score = 0;
  int64_t positives = 0;
  int64_t negatives = 0;
};

// Pairs of a positive and a negative row in the right order, ties counting half. Integers up to the last
// step: the order of rows of one score does not matter.
double RightPairs(std::vector<ScoredRows>& rows) {
  std::sort(rows.begin(), rows.end(),
            [](const ScoredRows& a, const ScoredRows& b) { return a.score < b.score; });
  __int128 doubled = 0;
  int64_t below = 0;
  for (size_t i = 0; i < rows.size();) {
    int64_t positives = 0;
    int64_t negatives = 0;
    const double score = rows[i].score;
    for (; i < rows.size() && rows[i].score == score; ++i) {
      positives += rows[i].positives;
      negatives += rows[i].negatives;
    }
    doubled += static_cast<__int128>(positives) * (2 * static_cast<__int128>(below) + negatives);
    below += negatives;
  }
  return static_cast<double>(doubled) / 2;
}

}  // namespace

double LabelEntropy(const Tally& all) {
  const int64_t rows = all.train();
  if (rows == 0) return 0;
  const int64_t positives = all.positives();
  return std::log(Double(rows)) - (NLogN(positives) + NLogN(rows - positives)) / Double(rows);
}

double MutualInformation(std::span<const Tally> groups) {
  const Tally all = Sum(groups);
  const int64_t rows = all.train();
  if (rows == 0) return 0;
  // Summed by descending size, so that the order of the groups does not matter.
  std::vector<double> terms;
  terms.reserve(groups.size());
  for (const Tally& group : groups) {
    const int64_t positives = group.positives();
    if (group.train() > 0)
      terms.push_back(NLogN(positives) + NLogN(group.train() - positives) - NLogN(group.train()));
  }
  std::sort(terms.begin(), terms.end());
  double sum = 0;
  for (const double term : terms) sum += term;
  const double information = sum / Double(rows) + LabelEntropy(all);
  return std::max(0.0, information - Double(GroupsWithRows(groups) - 1) / (2 * Double(rows)));
}

double CramersV(std::span<const Tally> groups) {
  const Tally all = Sum(groups);
  const double rows = Double(all.train());
  const double rate = rows > 0 ? Double(all.positives()) / rows : 0;
  const double count = Double(GroupsWithRows(groups));
  if (rate == 0 || rate == 1 || rows < 3 || count < 2) return 0;
  std::vector<double> terms;
  for (const Tally& group : groups) {
    if (group.train() == 0) continue;
    const double expected = Double(group.train()) * rate;
    const double distance = Double(group.positives()) - expected;
    terms.push_back(distance * distance / (expected * (1 - rate)));
  }
  std::sort(terms.begin(), terms.end());
  double chi_squared = 0;
  for (const double term : terms) chi_squared += term;
  const double phi = std::max(0.0, chi_squared / rows - (count - 1) / (rows - 1));
  const double k = count - (count - 1) * (count - 1) / (rows - 1);
  const double r = 2 - 1 / (rows - 1);
  const double least = std::min(k - 1, r - 1);
  return least > 0 ? std::min(1.0, std::sqrt(phi / least)) : 0;
}

std::optional<double> HeldOutAuc(std::span<const Tally> groups) {
  const Tally all = Sum(groups);
  double right = 0;
  double pairs = 0;
  std::vector<ScoredRows> rows;
  for (int fold = 0; fold < kFolds; ++fold) {
    const int other = 1 - fold;
    if (all.positives(fold) == 0 || all.negatives(fold) == 0 || all.rows(other) == 0) continue;
    const double prior = Double(all.positives(other)) / Double(all.rows(other));
    rows.clear();
    for (const Tally& group : groups) {
      if (group.rows(fold) == 0) continue;
      const double score =
          (Double(group.positives(other)) + kSmoothing * prior) / (Double(group.rows(other)) + kSmoothing);
      rows.push_back({score, group.positives(fold), group.negatives(fold)});
    }
    right += RightPairs(rows);
    pairs += Double(all.positives(fold)) * Double(all.negatives(fold));
  }
  if (pairs == 0) return std::nullopt;
  return right / pairs;
}

std::optional<double> RankAuc(std::span<const NumberCounts::Range> ascending) {
  Tally all;
  std::vector<ScoredRows> rows;
  for (const NumberCounts::Range& range : ascending) {
    all += range.tally;
    const int64_t positives = range.tally.positives();
    rows.push_back({Double(static_cast<int64_t>(rows.size())), positives, range.tally.train() - positives});
  }
  const double pairs = Double(all.positives()) * Double(all.train() - all.positives());
  if (pairs == 0) return std::nullopt;
  return RightPairs(rows) / pairs;
}

double PearsonCorrelation(const NumberCounts::Moments& moments, int64_t positives) {
  if (positives == 0 || positives == moments.rows || moments.stddev == 0) return 0;
  const double odds = Double(positives) / Double(moments.rows - positives);
  return std::clamp((moments.positive_mean - moments.mean) / moments.stddev * std::sqrt(odds), -1.0, 1.0);
}

double Skewness(std::span<const NumberCounts::Range> ascending) {
  double rows = 0;
  double mean = 0;
  for (const NumberCounts::Range& range : ascending) {
    rows += Double(range.tally.train());
    mean += Double(range.tally.train()) * range.middle();
  }
  if (rows == 0) return 0;
  mean /= rows;
  double second = 0;
  double third = 0;
  for (const NumberCounts::Range& range : ascending) {
    const double distance = range.middle() - mean;
    second += Double(range.tally.train()) * distance * distance;
    third += Double(range.tally.train()) * distance * distance * distance;
  }
  const double variance = second / rows;
  const double skewness = third / rows / (variance * std::sqrt(variance));
  return std::isfinite(skewness) ? skewness : 0;
}

std::vector<NumberCounts::Range> Quantiles(std::span<const NumberCounts::Range> ascending, int parts) {
  int64_t rows = 0;
  for (const NumberCounts::Range& range : ascending) rows += range.tally.train();
  std::vector<NumberCounts::Range> quantiles;
  if (rows == 0) return quantiles;
  const auto rank = [&](size_t i) {
    return std::max<int64_t>(1, static_cast<int64_t>((static_cast<__int128>(i) * rows + parts - 1) / parts));
  };
  int64_t seen = 0;
  for (const NumberCounts::Range& range : ascending) {
    seen += range.tally.train();
    while (quantiles.size() <= static_cast<size_t>(parts) && seen >= rank(quantiles.size()))
      quantiles.push_back(range);
  }
  return quantiles;
}

std::vector<NumberCounts::Range> EqualParts(std::span<const NumberCounts::Range> ascending, int parts) {
  int64_t rows = 0;
  for (const NumberCounts::Range& range : ascending) rows += range.tally.train();
  std::vector<NumberCounts::Range> result;
  int64_t seen = 0;
  int64_t part = 0;
  bool open = false;
  for (const NumberCounts::Range& range : ascending) {
    // Ranges beyond the last training row stay with the last part.
    if (open || (!result.empty() && seen == rows)) {
      result.back().upper = range.upper;
      result.back().tally += range.tally;
    } else {
      result.push_back(range);
    }
    seen += range.tally.train();
    // A part ends where the next multiple of rows / parts is reached; a range of many rows may pass several.
    const auto reached = rows == 0 ? 0 : static_cast<int64_t>(static_cast<__int128>(seen) * parts / rows);
    open = reached == part;
    part = reached;
  }
  return result;
}

std::optional<double> PopulationStabilityIndex(std::span<const Tally> groups) {
  const Tally all = Sum(groups);
  if (all.train() == 0 || all.test() == 0) return std::nullopt;
  const double half = 0.5 * Double(static_cast<int64_t>(groups.size()));
  double index = 0;
  for (const Tally& group : groups) {
    const double train = (Double(group.train()) + 0.5) / (Double(all.train()) + half);
    const double test = (Double(group.test()) + 0.5) / (Double(all.test()) + half);
    index += (test - train) * std::log(test / train);
  }
  return index;
}

std::optional<double> KolmogorovSmirnov(std::span<const NumberCounts::Range> ascending) {
  Tally all;
  for (const NumberCounts::Range& range : ascending) all += range.tally;
  if (all.train() == 0 || all.test() == 0) return std::nullopt;
  double most = 0;
  int64_t train = 0;
  int64_t test = 0;
  for (const NumberCounts::Range& range : ascending) {
    train += range.tally.train();
    test += range.tally.test();
    most = std::max(most, std::abs(Double(train) / Double(all.train()) - Double(test) / Double(all.test())));
  }
  return most;
}

std::optional<double> ZipfExponent(std::span<const int64_t> descending) {
  double n = 0;
  double sum_x = 0;
  double sum_y = 0;
  double sum_xx = 0;
  double sum_xy = 0;
  for (size_t i = 0; i < descending.size() && descending[i] > 0; ++i) {
    const double x = std::log(static_cast<double>(i + 1));
    const double y = std::log(Double(descending[i]));
    n += 1;
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  if (n < static_cast<double>(kFewestRanks)) return std::nullopt;
  return -(n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x);
}

}  // namespace sda::preprocessing
