#ifndef SDA_SERVICES_PREPROCESSING_CORE_FILE_KIND_H_
#define SDA_SERVICES_PREPROCESSING_CORE_FILE_KIND_H_

#include <absl/status/statusor.h>

#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/row_source.h"

namespace sda::preprocessing {

// The kind that the format names or, unsaid, that the file's first bytes show: "PAR1" is Parquet, "ARROW1"
// and the mark of an Arrow IPC stream are Arrow, as is what is called .arrow, .arrows, .feather or .ipc; all
// else is text.
absl::StatusOr<InputLayout::Kind> KindOf(const InputFile& file, const FormatSpec& format);

// Of an Arrow IPC file: whether it is in the file form; else it can only be in the stream form.
absl::StatusOr<bool> IsArrowFileForm(const InputFile& file);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_FILE_KIND_H_
