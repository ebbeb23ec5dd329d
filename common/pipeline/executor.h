#ifndef SDA_COMMON_PIPELINE_EXECUTOR_H_
#define SDA_COMMON_PIPELINE_EXECUTOR_H_

#include <memory>
#include <optional>
#include <vector>

#include "common/pipeline/operation.h"

namespace sda::pipeline {

// Applies the nodes of a program to batches. Nodes are prepared one by one, as what they learn becomes known.
// Run is thread-safe once the nodes it is called for are prepared.
class Executor {
 public:
  // `program` and `states`, one for each node, must outlive it.
  Executor(const Program& program, const std::vector<NodeState>& states);

  // `states[node]` is complete.
  void Prepare(size_t node);

  // Not for row operations, drop and select.
  std::optional<CellProblem> Run(size_t node, std::vector<ColumnData>& slots, const RowContext& rows) const;

  // Of a slot of ids or id lists whose node is prepared: ids lie in [0, table rows).
  int64_t TableRows(int slot) const;

 private:
  const Program& program_;
  const std::vector<NodeState>& states_;
  std::vector<std::unique_ptr<AppliedOperation>> operations_;  // null until prepared
};

// The nodes that have to run for these slots to have values, apart from row operations.
std::vector<bool> NodesFor(const Program& program, const std::vector<int>& slots);

// Of a dense feature's row: its value, 0 where it is missing, within the range of float.
float DenseValue(const ColumnData& column, size_t row);

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_EXECUTOR_H_
