#ifndef SDA_SERVICES_PREPROCESSING_CORE_ID_FILES_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ID_FILES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/fit.h"
#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/scratch_file.h"
#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// Ids of a block's rows in one column: `missing`, else what the table says, else unknown. Not thread-safe.
class IdLookup {
 public:
  explicit IdLookup(MissingTest missing) : missing_(std::move(missing)) {}

  void Find(const CellBlock& cells, size_t column, const ValueTable& table, std::vector<int32_t>& ids);

  // Fills in only the rows whose value belongs to a part of the vocabulary; the others stay.
  void FindPart(const CellBlock& cells, size_t column, const ValueTable& table, const IdUnit& unit,
                std::vector<int32_t>& ids);

 private:
  const MissingTest missing_;
  std::vector<std::pair<ValueTable::Key, size_t>> keys_;
};

// Ids of columns whose tables do not fit beside the others, noted on disk by passes of their own: 4 bytes a
// row, at the row's number. Read is thread-safe.
class IdFiles {
 public:
  // Goes through the input once for each of passes.before.
  static absl::StatusOr<IdFiles> Make(const DatasetPlan& plan, const Fit& fit, const IdPasses& passes,
                                      const RunSettings& settings);

  bool holds(size_t column) const { return files_[column] != nullptr; }
  absl::Status Read(size_t column, int64_t first_row, std::vector<int32_t>& ids) const;
  absl::Status Write(size_t column, int64_t first_row, const std::vector<int32_t>& ids);

 private:
  std::vector<std::unique_ptr<ScratchFile>> files_;  // by column; null where the table is at hand
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ID_FILES_H_
