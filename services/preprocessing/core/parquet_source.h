#ifndef SDA_SERVICES_PREPROCESSING_CORE_PARQUET_SOURCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PARQUET_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/row_source.h"

namespace sda::preprocessing {

// Whether the file begins as Parquet does.
absl::StatusOr<bool> IsParquet(const InputFile& file);

// The columns of a Parquet file. BAD_FORMAT where one is nested or of a type that has no text.
absl::StatusOr<std::vector<std::string>> ParquetColumns(const InputFile& file);

// Rows of Parquet files. Every value becomes the text it would have in a CSV file (integers and shortest
// floating point numbers, booleans as 0 and 1, dates and times in ISO 8601, nulls as the empty field), so
// that the same data makes the same dataset from either.
std::unique_ptr<RowSource> OpenParquetSource(std::vector<InputFile> files, InputLayout layout);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PARQUET_SOURCE_H_
