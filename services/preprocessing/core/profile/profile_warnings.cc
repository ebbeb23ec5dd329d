#include "services/preprocessing/core/profile/profile_warnings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

namespace sda::preprocessing {
namespace {

using Severity = ProfileWarning::Severity;

constexpr double kSecondsOfDay = 86400;

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string Percent(double share) {
  return absl::StrFormat("%.4g %%", 100 * share);
}

std::string Figure(double value) {
  return absl::StrFormat("%.4g", value);
}

// Standard errors between two rates (two-proportion z test, pooled).
double RateZ(double a, int64_t a_rows, double b, int64_t b_rows) {
  const auto n = static_cast<double>(a_rows);
  const auto m = static_cast<double>(b_rows);
  if (n == 0 || m == 0) return 0;
  const double pooled = (a * n + b * m) / (n + m);
  const double error = std::sqrt(pooled * (1 - pooled) * (1 / n + 1 / m));
  return error > 0 ? std::abs(a - b) / error : 0;
}

double RateRatio(double a, double b) {
  const double low = std::min(a, b);
  const double high = std::max(a, b);
  return low > 0 ? high / low : high > 0 ? HUGE_VAL : 1;
}

class Finder {
 public:
  Finder(const DataProfile& profile, const WarningBounds& bounds) : profile_(profile), bounds_(bounds) {}

  std::vector<ProfileWarning> Find() {
    Label();
    for (const ProfiledColumn& column : profile_.columns) {
      if (column.kind == ColumnKind::kLabel) continue;
      Contents(column);
      if (column.values == 0) continue;
      if (column.number && column.kind == ColumnKind::kNumber) Numbers(column);
      if (column.kind == ColumnKind::kCategory) Categories(column);
      if (column.kind == ColumnKind::kTime) Times(column);
      if (column.label) Leakage(column, *column.label);
      if (column.drift) Drift(column, *column.drift);
    }
    std::stable_sort(warnings_.begin(), warnings_.end(),
                     [](const auto& a, const auto& b) { return a.severity > b.severity; });
    return std::move(warnings_);
  }

 private:
  void Say(Severity severity, const char* code, const std::string& column, double figure, double threshold,
           std::string message, std::string suggestion) {
    warnings_.push_back(
        {severity, code, column, figure, threshold, std::move(message), std::move(suggestion)});
  }

  void Label() {
    if (profile_.label.empty()) return;
    const double rate = Share(profile_.positives, profile_.rows);
    if (profile_.rows > 0 && (profile_.positives == 0 || profile_.positives == profile_.rows)) {
      Say(Severity::kError, "LABEL_CONSTANT", profile_.label, rate, 0,
          absl::StrCat("the label is the same in all ", profile_.rows, " rows; there is nothing to learn"),
          "check which column is the label and which of its values are positive (--positive)");
    } else if (std::min(rate, 1 - rate) < bounds_.rare_label) {
      Say(Severity::kNotice, "LABEL_RARE", profile_.label, rate, bounds_.rare_label,
          absl::StrCat(Percent(std::min(rate, 1 - rate)), " of the rows have the rarer label"),
          "sample_negatives keeps all clicks and a share of the others, and trains as well in less time");
    }
    const double test_rate = Share(profile_.test_positives, profile_.test_rows);
    const double z = RateZ(rate, profile_.rows, test_rate, profile_.test_rows);
    const double ratio = RateRatio(rate, test_rate);
    if (z > bounds_.label_z && ratio > bounds_.label_rate_ratio) {
      Say(Severity::kWarning, "LABEL_DRIFT", profile_.label, ratio, bounds_.label_rate_ratio,
          absl::StrCat("label rate ", Percent(rate), " in training and ", Percent(test_rate),
                       " in test rows"),
          "check that both are labelled alike; probabilities of the model will be off by this ratio");
    }
  }

  void Contents(const ProfiledColumn& column) {
    if (column.invalid_rows > 0) {
      const char* what = column.kind == ColumnKind::kCategory ? "valid UTF-8"
                         : column.kind == ColumnKind::kTime   ? "a date or time"
                                                              : "a number";
      Say(Severity::kError, "INVALID_VALUES", column.name,
          Share(column.invalid_rows, profile_.rows + profile_.test_rows), 0,
          absl::StrCat(column.invalid_rows, " cells are not ", what, ", the first at ", column.first_invalid),
          column.kind == ColumnKind::kCategory
              ? "convert the file to UTF-8"
              : "name such values as missing (--null), or give the column the role categorical");
    }
    if (column.values == 0) {
      Say(Severity::kWarning, "NO_VALUES", column.name, 1, 1, "has no value in any training row",
          "leave it out (role: ignored)");
      return;
    }
    const double missing = Share(column.missing_rows, profile_.rows);
    if (missing > bounds_.missing_share) {
      Say(Severity::kNotice, "MANY_MISSING", column.name, missing, bounds_.missing_share,
          absl::StrCat(Percent(missing), " of the rows have no value"),
          "check the source; fill_missing with indicator: true keeps what missing says");
    }
    if (column.distinct == 1 && column.distinct_relative_error == 0 && column.missing_rows == 0) {
      Say(Severity::kWarning, "CONSTANT", column.name, 1, 1, "has a single value",
          "leave it out (role: ignored)");
    } else if (!column.top_values.empty()) {
      const double share = Share(column.top_values.front().rows, column.values);
      if (share > bounds_.top_share && column.distinct > 1) {
        Say(Severity::kNotice, "ONE_VALUE_DOMINATES", column.name, share, bounds_.top_share,
            absl::StrCat(Percent(share), " of its values are one and the same"),
            "leave it out unless the rest tells of the label");
      }
    }
    MissingTells(column);
  }

  void MissingTells(const ProfiledColumn& column) {
    if (!column.label || !column.label->missing_positive_rate || !column.label->present_positive_rate) return;
    const double missing = *column.label->missing_positive_rate;
    const double present = *column.label->present_positive_rate;
    const double z = RateZ(missing, column.missing_rows, present, profile_.rows - column.missing_rows);
    const double ratio = RateRatio(missing, present);
    if (z > bounds_.missing_z && ratio > bounds_.missing_rate_ratio) {
      Say(Severity::kNotice, "MISSING_TELLS", column.name, z, bounds_.missing_z,
          absl::StrCat("label rate ", Percent(missing), " where it is missing, ", Percent(present),
                       " where not: ", Figure(z), " standard errors apart"),
          column.kind == ColumnKind::kNumber
              ? "fill_missing with indicator: true"
              : "nothing to do for ids, which keep one for missing; do not drop rows without it");
    }
  }

  void Numbers(const ProfiledColumn& column) {
    const double skewness = column.number->skewness;
    if (std::abs(skewness) > bounds_.skewness && column.distinct > 2) {
      const bool log = column.number->histogram_log;
      Say(Severity::kNotice, "SKEWED", column.name, skewness, bounds_.skewness,
          absl::StrCat("skewness ", Figure(skewness), "; half of the values are at most ",
                       Figure(column.number->quantiles[4].value), ", the largest is ",
                       Figure(column.number->max)),
          log ? "take the logarithm (log), or quantile_bucket" : "clip it, or quantile_bucket");
    }
  }

  void Categories(const ProfiledColumn& column) {
    const double unique = Share(column.distinct, column.values);
    const double per_value = column.distinct > 0 ? Share(column.values, column.distinct) : 0;
    if (column.values >= bounds_.identifier_rows && unique > bounds_.identifier_share) {
      Say(Severity::kWarning, "IDENTIFIER", column.name, unique, bounds_.identifier_share,
          absl::StrCat(column.distinct, " values in ", column.values, " rows; nearly every row has its own"),
          "leave it out; ids seen once teach nothing that holds for new rows");
    } else if (column.distinct > bounds_.many_values && per_value < bounds_.rows_per_value) {
      Say(Severity::kNotice, "MANY_RARE_VALUES", column.name, per_value, bounds_.rows_per_value,
          absl::StrCat(column.distinct, " values with ", Figure(per_value), " rows each on average"),
          "a frequency_threshold, hashing (hash), or count_encode and target_encode beside the ids");
    }
  }

  void Times(const ProfiledColumn& column) {
    if (!column.number || !profile_.split.empty()) return;
    const double days = (column.number->max - column.number->min) / kSecondsOfDay;
    if (days > bounds_.time_span_days) {
      Say(Severity::kNotice, "SPLIT_BY_TIME", column.name, days, bounds_.time_span_days,
          absl::StrCat("rows span ", Figure(days), " days"),
          absl::StrCat(
              "--split time:", column.name,
              " tests on the latest rows, as serving will, and this profile then shows what drifts"));
    }
  }

  void Leakage(const ProfiledColumn& column, const LabelAssociation& label) {
    const double auc = label.strongest_auc();
    // Of a feature that says nothing the AUC has this deviation (Mann and Whitney 1947): a few rows prove
    // nothing.
    const auto positives = static_cast<double>(profile_.positives);
    const double negatives = static_cast<double>(profile_.rows) - positives;
    const double chance = std::sqrt((positives + negatives + 1) / (12 * positives * negatives));
    if (!(auc >= bounds_.leakage_auc && auc - 0.5 > bounds_.leakage_z * chance)) return;
    Say(Severity::kError, "LEAKAGE", column.name, auc, bounds_.leakage_auc,
        absl::StrCat("alone it predicts the label with AUC ", Figure(auc),
                     " on rows it was not learned from"),
        "is it known before the click? If it is written with or after the label, leave it out (role: "
        "ignored)");
  }

  void Drift(const ProfiledColumn& column, const ColumnDrift& drift) {
    // Chance alone: PSI of B bins is about (B − 1)(1/n + 1/m); the KS distance of equal distributions is
    // below 1.63 · sqrt(1/n + 1/m) in 99 of 100 cases.
    const double noise = profile_.test_rows > 0 ? 1 / static_cast<double>(profile_.rows) +
                                                      1 / static_cast<double>(profile_.test_rows)
                                                : 0;
    constexpr double kMostBins = 22;
    const double psi_bound = bounds_.stability_index + 3 * kMostBins * noise;
    // Times always move on.
    const bool time = column.kind == ColumnKind::kTime;
    const double psi = drift.population_stability_index.value_or(0);
    if (!time && psi > psi_bound) {
      Say(Severity::kWarning, "DRIFT", column.name, psi, psi_bound,
          absl::StrCat("population stability index ", Figure(psi), " between training and test rows"),
          "look at what changed; a model may not carry over. Encodings by rank (quantile_bucket) or without "
          "the "
          "column are safer");
    }
    const double ks_bound = bounds_.ks_distance + 1.63 * std::sqrt(noise);
    const double ks = drift.kolmogorov_smirnov.value_or(0);
    if (!time && ks > ks_bound && psi <= psi_bound) {
      Say(Severity::kNotice, "DISTRIBUTION_MOVED", column.name, ks, ks_bound,
          absl::StrCat("Kolmogorov-Smirnov distance ", Figure(ks), " between training and test rows"),
          "compare the histograms; standardised numbers move with it");
    }
    const double unseen = drift.unseen_share.value_or(0);
    if (unseen > bounds_.unseen_share) {
      Say(Severity::kNotice, "UNSEEN_VALUES", column.name, unseen, bounds_.unseen_share,
          absl::StrCat(Percent(unseen), " of the test rows have a value that no training row has"),
          "a frequency_threshold teaches the id of unknown values; hash keeps new values apart");
    }
  }

  const DataProfile& profile_;
  const WarningBounds& bounds_;
  std::vector<ProfileWarning> warnings_;
};

}  // namespace

std::vector<ProfileWarning> FindWarnings(const DataProfile& profile, const WarningBounds& bounds) {
  return Finder(profile, bounds).Find();
}

}  // namespace sda::preprocessing
