#ifndef SDA_SERVICES_PREPROCESSING_CORE_BATCH_SOURCE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_BATCH_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <arrow/result.h>

#include "services/preprocessing/core/row_source.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace sda::preprocessing {

// A file in a columnar format, open for reading from front to back.
class BatchFile {
 public:
  virtual ~BatchFile() = default;

  virtual std::shared_ptr<arrow::Schema> schema() const = 0;

  // Null at the end.
  virtual arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;

  // How much of the file was passed, in [0, 1].
  virtual double share() const = 0;
};

// INPUT_UNREADABLE for what is no such file.
using OpenBatchFile = absl::StatusOr<std::unique_ptr<BatchFile>> (*)(const InputFile& file);

// The columns of a file. BAD_FORMAT where one is nested or of a type that has no text.
absl::StatusOr<std::vector<std::string>> BatchColumns(const InputFile& file, OpenBatchFile open);

// Rows of columnar files, all with the columns of the layout.
std::unique_ptr<RowSource> OpenBatchSource(std::vector<InputFile> files, InputLayout layout,
                                           OpenBatchFile open);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_BATCH_SOURCE_H_
