#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_LABEL_STATISTICS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_LABEL_STATISTICS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "services/preprocessing/core/profile/number_counts.h"
#include "services/preprocessing/core/profile/tally.h"

// What groups of rows, one a value or a range of values, say of the label and of drift. Pure functions; with
// n rows, P positive ones, rate p = P / n, and n_g, P_g of group g. Where nothing can be said the result is
// nothing or 0.
namespace sda::preprocessing {

// Entropy of the label in nats: −p ln p − (1 − p) ln(1 − p).
double LabelEntropy(const Tally& all);

// Mutual information of group and label in nats, Σ_g Σ_y n_gy/n · ln(n_gy · n / (n_g · n_y)), less the
// first-order bias of many small groups, (K − 1) / 2n with K groups (G. Miller, "Note on the bias of
// information estimates", 1955); not below 0.
double MutualInformation(std::span<const Tally> groups);

// Cramér's V without the bias of many small groups (W. Bergsma, "A bias-correction for Cramér's V and
// Tschuprow's T", 2013): φ² = χ²/n with χ² = Σ_g (P_g − n_g p)² / (n_g p (1 − p)); V = sqrt(max(0, φ² − (K −
// 1)/(n − 1)) / min(k̃ − 1, r̃ − 1)), k̃ = K − (K − 1)²/(n − 1), r̃ = 2 − 1/(n − 1). In [0, 1].
double CramersV(std::span<const Tally> groups);

// AUC of the group alone on rows that its scores were not learned from: a row of one fold scores (P_g + s p)
// / (n_g + s) with s = 20 and the counts of the other fold; the AUCs within each fold are averaged by their
// numbers of pairs. Nothing unless a fold has rows of both labels. A feature that says nothing has about 0.5.
std::optional<double> HeldOutAuc(std::span<const Tally> groups);

// AUC of the number itself, pairs of one range counting half; nothing unless there are rows of both labels.
// Below 0.5 where clicks have the smaller numbers.
std::optional<double> RankAuc(std::span<const NumberCounts::Range> ascending);

// Pearson's correlation of a number with the label, over rows that have it: (mean of the clicks − mean) /
// deviation · sqrt(p / (1 − p)). 0 where either does not vary.
double PearsonCorrelation(const NumberCounts::Moments& moments, int64_t positives);

// Third standardised moment of the training rows, each at the middle of its range.
double Skewness(std::span<const NumberCounts::Range> ascending);

// The ranges with quantiles i / parts of the training rows for i = 0 … parts: that of the smallest value with
// at least i/parts of the rows at or below it. Empty without rows.
std::vector<NumberCounts::Range> Quantiles(std::span<const NumberCounts::Range> ascending, int parts);

// At most `parts` neighbouring ranges with about equally many training rows, none cut.
std::vector<NumberCounts::Range> EqualParts(std::span<const NumberCounts::Range> ascending, int parts);

// Population stability index of test against training rows: Σ_g (q_g − p_g) ln(q_g / p_g), shares of both
// with half a row added to each group so that none is 0. Below 0.1 is called stable, above 0.25 shifted.
std::optional<double> PopulationStabilityIndex(std::span<const Tally> groups);

// The most the shares of training and of test rows at or below a number differ; at the ends of ranges.
std::optional<double> KolmogorovSmirnov(std::span<const NumberCounts::Range> ascending);

// Exponent s of counts ~ rank^−s: least squares of ln(count) on ln(rank) over counts in descending order.
// Nothing for fewer than 5.
std::optional<double> ZipfExponent(std::span<const int64_t> descending);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_LABEL_STATISTICS_H_
