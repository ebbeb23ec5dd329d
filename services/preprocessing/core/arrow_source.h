#ifndef SDA_SERVICES_PREPROCESSING_CORE_ARROW_SOURCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ARROW_SOURCE_H_

#include <memory>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/batch_source.h"

namespace sda::preprocessing {

// Arrow IPC in its file or its stream form, told apart by their first bytes.
absl::StatusOr<std::unique_ptr<BatchFile>> OpenArrowFile(const InputFile& file);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ARROW_SOURCE_H_
