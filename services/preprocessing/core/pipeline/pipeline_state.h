#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PIPELINE_STATE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PIPELINE_STATE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/pipeline/fitted_pipeline.h"
#include "services/preprocessing/core/bad_rows.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/operations/learned.h"
#include "services/preprocessing/core/operations/row_operation.h"
#include "services/preprocessing/core/pipeline/block_notes.h"
#include "services/preprocessing/core/pipeline/pass_schedule.h"

namespace sda::preprocessing {

// What the passes have learned so far; written between passes, read during them.
struct PipelineState {
  explicit PipelineState(const DatasetPlan& plan);

  // Takes what a node learned.
  void Take(size_t node, Learned learned);

  // Ids of a slot lie in [0, table rows).
  int64_t TableRows(int slot) const;

  // Memory that tables and notes of rows take which stay.
  int64_t memory_bytes() const;

  const pipeline::Program& program;
  std::vector<pipeline::NodeState> nodes;
  pipeline::Executor executor;
  std::vector<std::unique_ptr<RowOperation>> row_operations;  // by node; null for others
  std::vector<RowState> rows;                                 // by node

  // By node: a table that is on disk, and the values it gives the rows, noted before they are needed.
  std::vector<std::shared_ptr<const StoredTable>> stored;
  std::vector<std::unique_ptr<BlockNotes>> notes;

  // Of the counting pass: the place of a block's first row in each split, by block; then where the last ends.
  std::vector<std::array<int64_t, kSplits>> block_offsets;
  std::array<int64_t, kSplits> split_rows{};
  std::array<int64_t, kSplits> split_positives{};
  BadRows bad_rows;
  int sort_node = -1;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PIPELINE_STATE_H_
