#ifndef SDA_SERVICES_PREPROCESSING_CORE_SCHEMA_INFERENCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SCHEMA_INFERENCE_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/column_sample.h"
#include "services/preprocessing/core/schema.h"

namespace sda::preprocessing {

// Rows that inference looks at unless told otherwise.
inline constexpr int64_t kDefaultSampleRows = 10'000;

// A role for each column, with its reason; without a label in the spec no column is the label. The rules,
// first match wins:
//
//  1. The label; what the user chose; the column rows are split by time with: ignored.
//  2. Criteo's layout: I1 to I13 dense, C1 to C26 categorical.
//  3. Nothing but missing values, or a single value in all the rows there are: ignored.
//  4. Hashes (8 to 64 hexadecimal digits of one length): categorical, also where some look like numbers
//  ("12e45678").
//  5. Dates and times: ignored. Other text: categorical.
//  6. Whole numbers with leading zeros ("007"), or beyond 2^53: categorical, they are identifiers.
//  7. Numbers whose name says quantity (count, price, age, impressions, …): dense.
//  8. Whole numbers whose name says identifier (id, hash, code, zip, …): categorical.
//  9. Numbers with fractions: dense.
// 10. Whole numbers with at most 10 distinct values: categorical; an embedding learns any shape over so few.
// 11. Whole numbers with at least 256 distinct values that fill at least half of their range: categorical,
// they
//     are numbered things (users 1 to 6040). Quantities leave gaps where they are large.
// 12. Other whole numbers: dense.
absl::StatusOr<Schema> InferSchema(const std::vector<std::string>& columns, const InputSample& sample,
                                   const DatasetSpec& spec);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SCHEMA_INFERENCE_H_
