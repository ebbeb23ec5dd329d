#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_WORKER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_WORKER_H_

#include <array>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/pipeline/fitted_pipeline.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/dense_stats.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/row_operation.h"
#include "services/preprocessing/core/pipeline/pass_schedule.h"
#include "services/preprocessing/core/shard_set.h"
#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// What the passes have learned so far; written between passes, read during them.
struct PipelineState {
  explicit PipelineState(const DatasetPlan& plan);

  const pipeline::Program& program;
  std::vector<pipeline::NodeState> nodes;
  pipeline::Executor executor;
  std::vector<std::unique_ptr<RowOperation>> row_operations;  // by node; null for others
  std::vector<RowState> rows;                                 // by node

  // Of the counting pass: the place of a block's first row in each split, by block; then where the last ends.
  std::vector<std::array<int64_t, kSplits>> block_offsets;
  std::array<int64_t, kSplits> split_rows{};
  std::array<int64_t, kSplits> split_positives{};
  int sort_node = -1;
};

// One pass's work on the blocks of one thread.
class PassWorker final : public BlockWorker {
 public:
  // `shards` only in the pass that writes.
  PassWorker(const DatasetPlan& plan, const PipelineState& state, const PassSchedule::Pass& pass,
             ShardSet* shards);

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override;

  // By node; null where the node learns nothing in this pass.
  std::vector<std::unique_ptr<Fitter>>& fitters() { return fitters_; }
  std::vector<std::unique_ptr<RowFitter>>& row_fitters() { return row_fitters_; }

  struct BlockCounts {
    int64_t index = 0;
    std::array<int64_t, kSplits> rows{};
    std::array<int64_t, kSplits> positives{};
  };
  const std::vector<BlockCounts>& counts() const { return counts_; }

  // Of the pass that writes: the dense features over the training rows, in the order of the output.
  std::vector<DenseStats>& profile() { return profile_; }
  // Rows of the training split in which a categorical feature is 0, missing.
  const std::vector<int64_t>& zero_ids() const { return zero_ids_; }

 private:
  absl::Status ReadRows(const CellBlock& cells, const BlockPlace& place);
  absl::Status ReadColumns(const CellBlock& cells, const BlockPlace& place);
  void JoinColumns(const ReadyJoin& join);
  absl::Status RunNode(size_t node, const BlockPlace& place);
  void Learn(size_t node);
  void KeepRows(const std::vector<uint8_t>& keep);
  void Count(const BlockPlace& place);
  absl::Status Write(const BlockPlace& place);
  absl::Status WriteRows(Split split, const std::vector<uint32_t>& rows,
                         const std::vector<int64_t>& positions);
  static void WriteLists(const pipeline::ColumnData& column, size_t feature, std::span<const uint32_t> rows,
                         size_t offset, Shard& shard);
  absl::Status FillMlperf(Shard& shard, int64_t offset, size_t row);
  void Profile();
  absl::Status BadCell(const BlockPlace& place, size_t node, const pipeline::CellProblem& problem) const;
  pipeline::InputColumns Inputs(size_t node) const;

  const DatasetPlan& plan_;
  const PipelineState& state_;
  const PassSchedule::Pass& pass_;
  ShardSet* const shards_;
  const MissingTest missing_;
  const LabelReader label_reader_;
  const Splitter splitter_;
  std::vector<int> raw_columns_;         // that this pass reads or joins
  std::vector<const ReadyJoin*> joins_;  // that it needs, in their order
  std::vector<ValueTable::Key> keys_;    // of a join
  std::vector<size_t> order_;            // nodes to apply or to let learn
  std::vector<std::unique_ptr<Fitter>> fitters_;
  std::vector<std::unique_ptr<RowFitter>> row_fitters_;
  std::vector<BlockCounts> counts_;
  std::vector<DenseStats> profile_;
  std::vector<int64_t> zero_ids_;

  // The block at hand.
  std::vector<pipeline::ColumnData> slots_;
  std::vector<int> filled_;  // slots with values
  BatchRows rows_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_WORKER_H_
