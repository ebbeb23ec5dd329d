#ifndef SDA_TESTS_BENCHMARKS_CRITEO_PARQUET_H_
#define SDA_TESTS_BENCHMARKS_CRITEO_PARQUET_H_

#include <string>

#include <absl/status/status.h>

namespace sda::bench {

// Writes a click log in Criteo's layout as Parquet: label and I1 to I13 as integers, C1 to C26 as text,
// missing fields null.
absl::Status ConvertCriteoToParquet(const std::string& tsv, const std::string& parquet);

}  // namespace sda::bench

#endif  // SDA_TESTS_BENCHMARKS_CRITEO_PARQUET_H_
