#include "services/preprocessing/core/profile/column_summary.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/base/numbers.h"
#include "common/storage/dense_transform.h"
#include "services/preprocessing/core/profile/label_statistics.h"

namespace sda::preprocessing {
namespace {

using Ranges = std::vector<NumberCounts::Range>;

constexpr double kLogSkewness = 2;
constexpr size_t kCandidates = 200;
constexpr double kQuantileShares[] = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

NumberBin BinOf(const NumberCounts::Range& range) {
  return {range.lower, range.upper, range.tally.train(), range.tally.positives(), range.tally.test()};
}

double Unlog(double y) {
  return std::copysign(std::expm1(std::abs(y)), y);
}

Ranges InLogarithms(Ranges ranges) {
  for (NumberCounts::Range& range : ranges) range.lower = range.upper = SignedLog(range.middle());
  return ranges;
}

// Bins of equal width on the axis on which the numbers are less skewed; one bin a value where there are few.
void FillHistogram(const Ranges& ranges, bool exact, NumberSummary& summary) {
  int64_t with_rows = 0;
  for (const NumberCounts::Range& range : ranges) with_rows += range.tally.train() > 0 ? 1 : 0;
  if (exact && with_rows <= kHistogramBins && ranges.size() <= 2 * kHistogramBins) {
    for (const NumberCounts::Range& range : ranges) summary.histogram.push_back(BinOf(range));
    return;
  }
  const double log_skewness = Skewness(InLogarithms(ranges));
  summary.histogram_log =
      std::abs(summary.skewness) > kLogSkewness && std::abs(log_skewness) < std::abs(summary.skewness);
  const auto axis = [&](double value) { return summary.histogram_log ? SignedLog(value) : value; };
  const double first = axis(summary.min);
  const double width = (axis(summary.max) - first) / kHistogramBins;
  summary.histogram.resize(kHistogramBins);
  for (int i = 0; i < kHistogramBins; ++i) {
    const double lower = first + width * i;
    NumberBin& bin = summary.histogram[static_cast<size_t>(i)];
    bin.lower = i == 0 ? summary.min : summary.histogram_log ? Unlog(lower) : lower;
    if (i > 0) summary.histogram[static_cast<size_t>(i - 1)].upper = bin.lower;
  }
  summary.histogram.back().upper = summary.max;
  for (const NumberCounts::Range& range : ranges) {
    const double at = width > 0 ? (axis(range.middle()) - first) / width : 0;
    const int i = static_cast<int>(std::clamp(at, 0.0, static_cast<double>(kHistogramBins - 1)));
    NumberBin& bin = summary.histogram[static_cast<size_t>(i)];
    bin.rows += range.tally.train();
    bin.positives += range.tally.positives();
    bin.test_rows += range.tally.test();
  }
}

NumberSummary SummariseNumbers(const Ranges& ranges, const NumberCounts::Moments& moments, bool exact) {
  NumberSummary summary;
  summary.mean = moments.mean;
  summary.stddev = moments.stddev;
  summary.skewness = Skewness(ranges);
  bool first = true;
  for (const NumberCounts::Range& range : ranges) {
    const int64_t rows = range.tally.train();
    if (rows == 0) continue;
    if (std::exchange(first, false)) summary.min = range.lower;
    summary.max = range.upper;
    if (range.lower <= 0 && range.upper >= 0) summary.zeros += rows;
    if (range.upper < 0) summary.negatives += rows;
    if (!exact)
      summary.quantile_rank_error = std::max(summary.quantile_rank_error, Share(rows, moments.rows));
  }
  constexpr int kPercent = 100;
  const Ranges percentiles = Quantiles(ranges, kPercent);
  for (const double share : kQuantileShares) {
    const auto index = static_cast<size_t>(std::lround(share * kPercent));
    summary.quantiles.push_back({share, percentiles[index].middle()});
  }
  FillHistogram(ranges, exact, summary);
  for (const NumberCounts::Range& part : EqualParts(ranges, kEqualBins))
    summary.equal_bins.push_back(BinOf(part));
  return summary;
}

TopValue ToTopValue(std::string value, const Tally& tally) {
  return {std::move(value), tally.train(), tally.positives(), tally.test()};
}

std::vector<TopValue> TopNumbers(Ranges ranges) {
  std::stable_sort(ranges.begin(), ranges.end(),
                   [](const auto& a, const auto& b) { return a.tally.train() > b.tally.train(); });
  std::vector<TopValue> top;
  for (const NumberCounts::Range& range : ranges) {
    if (top.size() == kTopValues || range.tally.train() == 0) break;
    top.push_back(ToTopValue(NumberToText(range.lower), range.tally));
  }
  return top;
}

// The most frequent values of the sample, by the sketch's counts. One that the sketch could have made up is
// left out.
std::vector<TopValue> TopSampled(const CategoryCounts& counts, const std::vector<std::string>& sampled) {
  std::map<std::string_view, int64_t> found;
  for (const std::string& value : sampled) ++found[value];
  std::vector<std::pair<int64_t, std::string_view>> candidates;
  for (const auto& [value, rows] : found) {
    if (rows > 1) candidates.emplace_back(-rows, value);
  }
  std::sort(candidates.begin(), candidates.end());
  if (candidates.size() > kCandidates) candidates.resize(kCandidates);
  std::vector<TopValue> top;
  for (const auto& [rows, value] : candidates) {
    const Tally tally = counts.Find(value);
    if (tally.train() > counts.count_error()) top.push_back(ToTopValue(std::string(value), tally));
  }
  std::sort(top.begin(), top.end(), [](const TopValue& a, const TopValue& b) {
    return a.rows != b.rows ? a.rows > b.rows : a.value < b.value;
  });
  if (top.size() > kTopValues) top.resize(kTopValues);
  return top;
}

// The groups of most training rows one by one and the others together, the missing ones apart.
std::vector<Tally> DriftGroups(std::vector<Tally> groups, const Tally& missing) {
  std::sort(groups.begin(), groups.end(), [](const Tally& a, const Tally& b) {
    return a.train() != b.train() ? a.train() > b.train() : a.test() > b.test();
  });
  Tally others;
  for (size_t i = kDriftValues; i < groups.size(); ++i) others += groups[i];
  if (groups.size() > kDriftValues) groups.resize(kDriftValues);
  for (const Tally& extra : {others, missing}) {
    if (extra.train() + extra.test() > 0) groups.push_back(extra);
  }
  return groups;
}

double UnseenShare(const std::vector<Tally>& values) {
  int64_t test = 0;
  int64_t unseen = 0;
  for (const Tally& value : values) {
    test += value.test();
    if (value.train() == 0) unseen += value.test();
  }
  return Share(unseen, test);
}

// What groups and missing rows together say of the label.
LabelAssociation Associate(std::vector<Tally> groups, const Tally& missing) {
  Tally present;
  for (const Tally& group : groups) present += group;
  if (missing.train() > 0) groups.push_back(missing);
  Tally all = present;
  all += missing;
  LabelAssociation label;
  label.mutual_information_nats = MutualInformation(groups);
  const double entropy = LabelEntropy(all);
  label.mutual_information_share = entropy > 0 ? std::min(1.0, label.mutual_information_nats / entropy) : 0;
  label.held_out_auc = HeldOutAuc(groups);
  if (missing.train() > 0) label.missing_positive_rate = Share(missing.positives(), missing.train());
  if (present.train() > 0) label.present_positive_rate = Share(present.positives(), present.train());
  return label;
}

void FinishNumbers(const ColumnCounts& counts, const SummaryContext& context, ProfiledColumn& out) {
  const NumberCounts& numbers = *counts.numbers();
  const Ranges ranges = numbers.Ranges();
  const NumberCounts::Moments moments = numbers.TrainMoments();
  out.values = moments.rows;
  out.distinct = numbers.distinct();
  out.distinct_relative_error = numbers.distinct_relative_error();
  if (moments.rows > 0) {
    out.number = SummariseNumbers(ranges, moments, numbers.exact());
    if (numbers.exact()) out.top_values = TopNumbers(ranges);
  }
  if (context.has_label && moments.rows > 0) {
    std::vector<Tally> bins;
    for (const NumberCounts::Range& part : EqualParts(ranges, kAucBins)) bins.push_back(part.tally);
    out.label = Associate(std::move(bins), counts.missing());
    int64_t positives = 0;
    for (const NumberCounts::Range& range : ranges) positives += range.tally.positives();
    out.label->pearson = PearsonCorrelation(moments, positives);
    out.label->rank_auc = RankAuc(ranges);
  }
  if (!context.has_test) return;
  std::vector<Tally> bins;
  for (const NumberCounts::Range& part : EqualParts(ranges, kEqualBins)) bins.push_back(part.tally);
  if (counts.missing().train() + counts.missing().test() > 0) bins.push_back(counts.missing());
  out.drift = ColumnDrift{PopulationStabilityIndex(bins), KolmogorovSmirnov(ranges), std::nullopt};
}

void FinishCategories(const CountedColumn& column, const ColumnCounts& counts, const SummaryContext& context,
                      ProfiledColumn& out) {
  const CategoryCounts& categories = *counts.categories();
  const std::vector<Tally> groups = categories.Groups();
  out.values = categories.train_rows();
  out.distinct = categories.distinct();
  out.distinct_relative_error = categories.distinct_relative_error();
  out.top_count_error = categories.count_error();
  std::vector<int64_t> descending;
  if (categories.exact()) {
    for (auto& [value, tally] : categories.Top(kZipfValues)) {
      descending.push_back(tally.train());
      if (out.top_values.size() < kTopValues) out.top_values.push_back(ToTopValue(std::move(value), tally));
    }
  } else {
    out.top_values = TopSampled(categories, context.sampled_values);
    for (const TopValue& top : out.top_values) descending.push_back(top.rows);
  }
  out.zipf_exponent = ZipfExponent(descending);
  if (column.kind == ColumnKind::kLabel) return;
  if (context.has_label && out.values > 0) {
    out.label = Associate(groups, counts.missing());
    std::vector<Tally> with_missing = groups;
    if (counts.missing().train() > 0) with_missing.push_back(counts.missing());
    out.label->cramers_v = CramersV(with_missing);
  }
  if (!context.has_test) return;
  out.drift = ColumnDrift{PopulationStabilityIndex(DriftGroups(groups, counts.missing())), std::nullopt,
                          categories.exact() ? std::optional(UnseenShare(groups)) : std::nullopt};
}

}  // namespace

double LabelAssociation::strongest_auc() const {
  // What was learned is right way round; a number may point either way.
  const double rank = rank_auc.value_or(0.5);
  return std::max({0.5, held_out_auc.value_or(0.5), rank, 1 - rank});
}

ProfiledColumn SummariseColumn(const CountedColumn& column, const ColumnCounts& counts,
                               const SummaryContext& context) {
  ProfiledColumn out;
  out.name = column.name;
  out.kind = column.kind;
  out.reason = column.reason;
  out.missing_rows = counts.missing().train();
  out.test_missing_rows = counts.missing().test();
  out.invalid_rows = counts.invalid().rows;
  out.first_invalid = counts.invalid().first;
  if (counts.numbers()) {
    FinishNumbers(counts, context, out);
  } else {
    FinishCategories(column, counts, context, out);
  }
  return out;
}

}  // namespace sda::preprocessing
