#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_KIND_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_KIND_H_

#include <string>

#include "services/preprocessing/core/column_sample.h"
#include "services/preprocessing/core/profile/data_profile.h"
#include "services/preprocessing/core/schema.h"

namespace sda::preprocessing {

struct KindVerdict {
  ColumnKind kind = ColumnKind::kCategory;
  std::string reason;
  // Of times: units a second where the cells hold whole numbers since 1970.
  double time_units = 1;
};

// What a column is profiled as; first match wins:
//
//   label     the label
//   time      dates and times; whole numbers whose name says time (time, timestamp, date, ts, …) and that lie
//   between
//             2001 and 2096 as seconds, milliseconds or microseconds since 1970, unless the user chose a role
//             for it
//   number    columns that would be dense, and ignored ones of numbers
//   category  all others
KindVerdict KindOf(const Column& column, const ColumnSample& sample);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_COLUMN_KIND_H_
