#include "common/pipeline/executor.h"

#include <algorithm>
#include <limits>

namespace sda::pipeline {

Executor::Executor(const Program& program, const std::vector<NodeState>& states)
    : program_(program), states_(states), operations_(program.nodes.size()) {}

void Executor::Prepare(size_t node) {
  if (!program_.nodes[node].is_row_operation())
    operations_[node] = MakeOperation(program_.nodes[node], states_[node]);
}

std::optional<CellProblem> Executor::Run(size_t node, std::vector<ColumnData>& slots,
                                         const RowContext& rows) const {
  InputColumns in;
  for (const int slot : program_.nodes[node].inputs) in.push_back(&slots[static_cast<size_t>(slot)]);
  OutputColumns out;
  for (const int slot : program_.nodes[node].outputs) out.push_back(&slots[static_cast<size_t>(slot)]);
  return operations_[node]->Apply(in, rows, out);
}

int64_t Executor::TableRows(int slot) const {
  for (size_t i = 0; i < program_.nodes.size(); ++i) {
    const Node& node = program_.nodes[i];
    if (node.outputs.empty() || node.outputs[0] != slot || operations_[i] == nullptr) continue;
    const bool passes_on =
        node.conversion == Conversion::kNone && std::holds_alternative<TruncateList>(node.operation);
    return passes_on ? TableRows(node.inputs[0]) : operations_[i]->table_rows();
  }
  return 0;
}

std::vector<bool> NodesFor(const Program& program, const std::vector<int>& slots) {
  std::vector<bool> wanted(program.slots.size());
  for (const int slot : slots) wanted[static_cast<size_t>(slot)] = true;
  std::vector<bool> needed(program.nodes.size());
  for (size_t i = program.nodes.size(); i-- > 0;) {
    const Node& node = program.nodes[i];
    needed[i] = std::any_of(node.outputs.begin(), node.outputs.end(),
                            [&](int slot) { return wanted[static_cast<size_t>(slot)]; });
    if (!needed[i]) continue;
    for (const int slot : node.inputs) wanted[static_cast<size_t>(slot)] = true;
  }
  return needed;
}

float DenseValue(const ColumnData& column, size_t row) {
  if (column.IsMissing(row)) return 0;
  constexpr double kLargest = std::numeric_limits<float>::max();
  const double value =
      column.type == ColumnType::kNumber ? column.numbers[row] : static_cast<double>(column.integers[row]);
  // −0 is 0.
  return static_cast<float>(std::clamp(value, -kLargest, kLargest)) + 0.0F;
}

}  // namespace sda::pipeline
