#ifndef SDA_SERVICES_PREPROCESSING_CORE_BLOCK_RUNNER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_BLOCK_RUNNER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "services/preprocessing/core/bad_rows.h"
#include "services/preprocessing/core/cells.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/row_screen.h"
#include "services/preprocessing/core/row_source.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

// Files to go through, and what they have in common. Test files follow the others.
struct Input {
  std::vector<InputFile> files;
  int first_test_file = 0;  // files from here on are test files; files.size() if there are none
  InputLayout layout;
  std::shared_ptr<const RowRules> rules;  // where bad rows do not end the job; else null

  int64_t total_bytes() const;
};

// Where a block lies: rows are numbered from 0 over all files, lines from 1 in each file.
struct BlockPlace {
  int64_t index = 0;
  int file = 0;
  int64_t first_row = 0;
  int64_t first_line = 1;
};

// What is done with each block; one object for each thread.
class BlockWorker {
 public:
  virtual ~BlockWorker() = default;

  // `cells` are valid during the call only.
  virtual absl::Status Process(const CellBlock& cells, const BlockPlace& place) = 0;
};

// For blocks that need not be looked at: their number of rows, known from an earlier pass; nothing for
// others.
using BlockSkip = std::function<std::optional<int64_t>(int64_t index)>;

// Passes every block of the input to one of the workers, each of which runs on a thread of its own, and
// returns when all are done. Blocks are begun in row order. Of several errors that of the earliest block is
// returned, whatever the number of threads; CANCELLED if settings.stop is requested. `rows_total` is for
// progress only. Blocks that `skip` knows are read and numbered, but neither decoded nor passed on.
// Rows that input.rules leave out are counted in `bad_rows`.
absl::Status RunBlocks(const Input& input, const std::string& stage, int64_t rows_total,
                       const RunSettings& settings, const std::vector<std::unique_ptr<BlockWorker>>& workers,
                       const BlockSkip& skip = {}, BadRows* bad_rows = nullptr);

// The place of a cell for error messages; `column` -1 for the row as a whole.
error::Place PlaceOf(const Input& input, const BlockPlace& block, int64_t line_in_block, int column);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_BLOCK_RUNNER_H_
