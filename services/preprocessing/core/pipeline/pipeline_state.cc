#include "services/preprocessing/core/pipeline/pipeline_state.h"

#include <utility>
#include <variant>

#include "services/preprocessing/core/pipeline/part_lookup.h"

namespace sda::preprocessing {

PipelineState::PipelineState(const DatasetPlan& plan)
    : program(*plan.program),
      nodes(program.nodes.size()),
      executor(program, nodes),
      row_operations(program.nodes.size()),
      rows(program.nodes.size()),
      stored(program.nodes.size()),
      notes(program.nodes.size()) {
  const RowSettings settings{static_cast<uint64_t>(plan.spec.seed), !plan.spec.test_uris.empty()};
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const pipeline::Node& node = program.nodes[i];
    if (!node.is_row_operation()) {
      if (!node.learns()) executor.Prepare(i);
      continue;
    }
    row_operations[i] = MakeRowOperation(node, settings);
    if (std::holds_alternative<pipeline::Sort>(node.operation)) sort_node = static_cast<int>(i);
  }
}

void PipelineState::Take(size_t node, Learned learned) {
  nodes[node] = std::move(learned.state);
  stored[node] = std::move(learned.stored);
  if (!stored[node]) executor.Prepare(node);
}

int64_t PipelineState::TableRows(int slot) const {
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const pipeline::Node& node = program.nodes[i];
    if (node.outputs.empty() || node.outputs[0] != slot) continue;
    if (stored[i]) return TableRowsOf(node, stored[i]->size());
    const bool passes_on = node.conversion == pipeline::Conversion::kNone &&
                           std::holds_alternative<pipeline::TruncateList>(node.operation);
    return passes_on ? TableRows(node.inputs[0]) : executor.TableRows(slot);
  }
  return 0;
}

int64_t PipelineState::memory_bytes() const {
  int64_t bytes = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (rows[i].notes) bytes += rows[i].notes->memory_bytes();
    if (!nodes[i].table) continue;
    const auto* target = std::get_if<pipeline::TargetEncode>(&program.nodes[i].operation);
    const size_t folds = target != nullptr ? static_cast<size_t>(target->folds) : 0;
    for (const std::string& value : nodes[i].table->values) bytes += TableBuilder::MemoryOf(value, folds);
  }
  return bytes;
}

}  // namespace sda::preprocessing
