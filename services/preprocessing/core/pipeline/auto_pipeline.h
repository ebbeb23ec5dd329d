#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_AUTO_PIPELINE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_AUTO_PIPELINE_H_

#include <string>

#include "services/preprocessing/core/column_sample.h"
#include "services/preprocessing/core/schema.h"

namespace sda::preprocessing {

// A pipeline for a log nobody wrote one for, as YAML: operations by role and sample of each column, each with
// the reason as a comment. The rules, for every column:
//
//   ignored     left out, but dates and times give hour, weekday and whether it is a weekend
//   dense       where more than 1 % of the sample is missing, whether it is; the logarithm where values are
//   not
//               negative and reach 1,000; the median for missing values; standardised
//   categorical ids; of columns with 100 and more values in the sample also the logarithm of the count and
//   the
//               smoothed label rate
//
// `schema` and `sample` are of the same columns; the schema has a label.
std::string AutoPipelineYaml(const Schema& schema, const InputSample& sample);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_AUTO_PIPELINE_H_
