#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_SUMMARY_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_SUMMARY_H_

#include <optional>
#include <string>
#include <vector>

#include "services/preprocessing/core/profile/column_counts.h"
#include "services/preprocessing/core/profile/data_profile.h"

namespace sda::preprocessing {

// What is worth knowing beside a column's own rows.
struct SummaryContext {
  bool has_label = false;
  bool has_test = false;
  // Values of the column in a sample of the training rows: where the most frequent ones are looked for once
  // there are too many to count each.
  std::vector<std::string> sampled_values;
};

// What a column's rows say of it; see DataProfile.
ProfiledColumn SummariseColumn(const CountedColumn& column, const ColumnCounts& counts,
                               const SummaryContext& context);

// Parts of the figures, named here because the documentation and messages speak of them.
inline constexpr int kHistogramBins = 20;
inline constexpr int kEqualBins = 10;  // label rate and stability index of numbers
inline constexpr int kAucBins = 64;    // held-out AUC and mutual information of numbers
inline constexpr size_t kTopValues = 20;
inline constexpr size_t kZipfValues = 100;
inline constexpr size_t kDriftValues = 20;  // stability index of categories: so many, and the others together

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_SUMMARY_H_
