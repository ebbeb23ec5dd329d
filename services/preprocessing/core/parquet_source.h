#ifndef SDA_SERVICES_PREPROCESSING_CORE_PARQUET_SOURCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PARQUET_SOURCE_H_

#include <memory>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/batch_source.h"

namespace sda::preprocessing {

absl::StatusOr<std::unique_ptr<BatchFile>> OpenParquetFile(const InputFile& file);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PARQUET_SOURCE_H_
