#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_WARNINGS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_WARNINGS_H_

#include <vector>

#include "services/preprocessing/core/profile/data_profile.h"

namespace sda::preprocessing {

// Bounds of the rules; a warning names the one it went beyond.
struct WarningBounds {
  double leakage_auc = 0.9;          // of one feature alone
  double leakage_z = 5;              // standard errors of chance above 0.5
  double missing_share = 0.5;        // of rows
  double missing_z = 5;              // standard errors between label rates of missing and present
  double missing_rate_ratio = 1.25;  // between the same
  double top_share = 0.99;           // of one value
  double skewness = 2;               // of numbers
  double identifier_share = 0.9;     // distinct values of rows with one
  int64_t identifier_rows = 1000;    // fewer say nothing
  double rows_per_value = 5;         // of categories that are hard to learn
  int64_t many_values = 10'000;      // only beyond so many
  double stability_index = 0.25;     // PSI
  double ks_distance = 0.1;          // beyond what chance explains
  double unseen_share = 0.1;         // of test rows
  double rare_label = 0.02;          // label rate
  double label_rate_ratio = 1.25;    // between training and test rows
  double label_z = 5;                // standard errors of the same
  double time_span_days = 1;         // rows that span more are better split by time
};

// What in the profile a user should look at, the most severe first, then the columns in their order.
std::vector<ProfileWarning> FindWarnings(const DataProfile& profile, const WarningBounds& bounds);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_WARNINGS_H_
