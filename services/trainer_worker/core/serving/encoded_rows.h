#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ENCODED_ROWS_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ENCODED_ROWS_H_

#include <cstdint>
#include <vector>

#include "services/trainer_worker/core/data/batch.h"

namespace sda::trainer {

// Rows as a model reads them, with the memory that a Batch only looks at.
struct EncodedRows {
  // The ids of one table; offsets as in TableIds.
  struct Table {
    std::vector<int32_t> ids;
    std::vector<int32_t> offsets;
  };

  int64_t rows = 0;
  std::vector<float> dense;  // [rows, dense columns]
  std::vector<Table> tables;

  // Valid as long as this is unchanged.
  Batch View() const;
};

// A run of rows [begin, end) of `rows`, to be put beside others of the same model.
struct RowRange {
  const EncodedRows* rows = nullptr;
  int64_t begin = 0, end = 0;

  int64_t size() const { return end - begin; }
};

// The ranges one after the other. All come from the same model, so they have the same columns; a table whose
// ranges differ in having offsets gets offsets. `joined` is overwritten, its memory used again.
void Join(const std::vector<RowRange>& ranges, EncodedRows& joined);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_ENCODED_ROWS_H_
