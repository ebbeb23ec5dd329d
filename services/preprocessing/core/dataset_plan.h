#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATASET_PLAN_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATASET_PLAN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "common/pipeline/program.h"
#include "services/preprocessing/core/block_runner.h"
#include "services/preprocessing/core/column_sample.h"
#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/joins.h"
#include "services/preprocessing/core/label_reader.h"
#include "services/preprocessing/core/missing_test.h"
#include "services/preprocessing/core/schema.h"
#include "services/preprocessing/core/split.h"

namespace sda::preprocessing {

// Everything that is decided before the first pass over the rows.
struct DatasetPlan {
  DatasetSpec spec;
  Input input;
  Schema schema;
  int label = 0;         // position of the label column
  int weight = -1;       // position of the weight column; -1: none
  int split_column = 0;  // position of the split's column, where it has one
  double time_bound = 0;

  // Positions of the feature columns in the order of the dataset: dense, then categorical, each in input
  // order.
  std::vector<int> dense;
  std::vector<int> categorical;

  // Of a dataset made by a pipeline; then no column has a role but the label.
  std::optional<pipeline::Program> program;
  std::vector<ReadyJoin> joins;  // of the pipeline; their columns follow the log's in the program
  bool pipeline_splits = false;  // a step deals the rows to splits

  MissingTest missing_test() const { return MissingTest(NullTokens(spec.format)); }
  LabelReader label_reader() const { return LabelReader(spec.positive_values, missing_test()); }
  Splitter splitter() const { return Splitter(spec, time_bound); }
  const Column& column(int position) const { return schema[static_cast<size_t>(position)]; }
};

// Finds the files, their layout, the schema and, for a split by time, the bound. Validates the spec first.
absl::StatusOr<DatasetPlan> PlanDataset(const DatasetSpec& spec, const RunSettings& settings);

// The first steps alone, without looking at rows beyond the first `sample_rows`; the label may be left out.
struct SchemaGuess {
  InputLayout layout;
  Schema schema;
  InputSample sample;  // that it was guessed from
};
absl::StatusOr<SchemaGuess> GuessSchema(const DatasetSpec& spec, int64_t sample_rows);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATASET_PLAN_H_
