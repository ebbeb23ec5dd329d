#ifndef SDA_SERVICES_PREPROCESSING_CORE_FIT_H_
#define SDA_SERVICES_PREPROCESSING_CORE_FIT_H_

#include <array>
#include <cstdint>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/dataset_manifest.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/vocabulary.h"

namespace sda::preprocessing {

struct SplitCount {
  int64_t rows = 0;
  int64_t positives = 0;
};

struct FittedDense {
  DenseTransform transform;
  int64_t missing = 0;
  int64_t distinct = 0;
  std::optional<double> min, max, mean, stddev;  // of the raw values; none without values
};

struct FittedCategorical {
  Vocabulary vocabulary;
  int64_t threshold = 1;
  int64_t missing = 0;
  int64_t distinct = 0;
};

// Where a block's rows go: the position of its first row in each split.
struct BlockOffsets {
  std::array<int64_t, kSplits> first{};
};

// What the first pass learns. All of it comes from rows of the training split, apart from counts of the
// others.
struct Fit {
  int64_t rows = 0;
  std::array<SplitCount, kSplits> splits{};
  std::vector<FittedDense> dense;              // in the order of the plan
  std::vector<FittedCategorical> categorical;  // in the order of the plan
  std::vector<BlockOffsets> blocks;
  BadRows bad_rows;
};

// The first pass. Checks every field on the way, also of other splits: BAD_LABEL, BAD_NUMBER, BAD_TEXT,
// RAGGED_ROW name file, line and column. INVALID_ARGUMENT if no row is left to train on or no label is
// positive.
//
// Dense columns: the logarithm is taken where the plan says so or, unsaid, where the skewness of the values
// is above 2 and that of their logarithms nearer to 0. A missing value becomes 0 where the logarithm is taken
// (counts: nothing was seen), else the median. Mean and scale are those of all training rows after filling
// and logarithm; a column of one value has scale 1.
//
// Counts of values that exceed `table_bytes` (0: no limit; see TableMemory) go to scratch files; the result
// is the same.
absl::StatusOr<Fit> FitDataset(const DatasetPlan& plan, const RunSettings& settings, int64_t table_bytes = 0);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_FIT_H_
