#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_WORKER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_WORKER_H_

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/row_operation.h"
#include "services/preprocessing/core/pipeline/part_lookup.h"
#include "services/preprocessing/core/pipeline/pass_schedule.h"
#include "services/preprocessing/core/pipeline/pipeline_state.h"
#include "services/preprocessing/core/pipeline/row_writer.h"
#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// What one pass does, for all its threads.
struct PassWork {
  const PassSchedule::Pass& pass;
  ShardSet* shards = nullptr;  // only in the pass that writes
  RowStore* store = nullptr;   // see RowWriter; may be null

  // Nodes whose values are noted, with a part of their tables each; in the order of parts.
  struct Note {
    size_t node = 0;
    const PartLookup* lookup = nullptr;
    BlockNotes* notes = nullptr;
  };
  std::vector<Note> notes = {};

  int64_t learning_bytes = 0;  // of each thread; 0: no limit
  std::string scratch_folder = {};
};

// One pass's work on the blocks of one thread.
class PassWorker final : public BlockWorker {
 public:
  PassWorker(const DatasetPlan& plan, const PipelineState& state, const PassWork& work);

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

  // Of the pass that writes.
  RowWriter& writer() { return *writer_; }

 private:
  absl::Status ReadRows(const CellBlock& cells, const BlockPlace& place);
  absl::Status ReadColumns(const CellBlock& cells, const BlockPlace& place);
  void JoinColumns(const ReadyJoin& join);
  absl::Status RunNode(size_t node, const BlockPlace& place);
  absl::Status RunRowOperation(size_t node, const BlockPlace& place);
  void Learn(size_t node);
  void KeepRows(const std::vector<uint8_t>& keep);
  void Count(const BlockPlace& place);
  absl::Status NoteValues(size_t node, const BlockPlace& place);
  absl::Status SpillLargest();
  absl::Status BadCell(const BlockPlace& place, size_t node, const pipeline::CellProblem& problem) const;
  pipeline::InputColumns Inputs(size_t node) const;
  pipeline::RowContext Context();

  const DatasetPlan& plan_;
  const PipelineState& state_;
  const PassWork& work_;
  const PassSchedule::Pass& pass_;
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
  std::optional<RowWriter> writer_;

  // The block at hand.
  std::vector<pipeline::ColumnData> slots_;
  std::vector<int> filled_;  // slots with values
  BatchRows rows_;
  std::vector<uint8_t> is_train_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_WORKER_H_
