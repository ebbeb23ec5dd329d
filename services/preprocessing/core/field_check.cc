#include "services/preprocessing/core/field_check.h"

#include <algorithm>
#include <set>
#include <variant>

namespace sda::preprocessing {
namespace {

using pipeline::Conversion;
using pipeline::Node;
using pipeline::SplitRows;

// Whether the node looks into texts, and may not like what it finds.
bool IsPicky(const Node& node) {
  if (node.conversion != Conversion::kNone) return node.conversion != Conversion::kText;
  return std::holds_alternative<pipeline::DateParts>(node.operation) ||
         std::holds_alternative<pipeline::HexToInteger>(node.operation);
}

// The slots with times that split rows, which each row must have.
std::set<int> SplitTimes(const pipeline::Program& program) {
  std::set<int> slots;
  for (const Node& node : program.nodes) {
    if (node.conversion != Conversion::kNone) continue;
    const auto* split = std::get_if<SplitRows>(&node.operation);
    if (split == nullptr) continue;
    if (split->by == SplitRows::By::kTime) slots.insert(node.inputs[0]);
    if (split->by == SplitRows::By::kLeaveLastOut) slots.insert(node.inputs[1]);
  }
  return slots;
}

}  // namespace

std::vector<FieldCheck> FieldChecksOf(const pipeline::Program& program, size_t log_columns) {
  const std::set<int> split_times = SplitTimes(program);
  std::vector<FieldCheck> checks;
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const Node& node = program.nodes[i];
    if (!IsPicky(node) || static_cast<size_t>(node.inputs[0]) >= log_columns) continue;
    FieldCheck& check = checks.emplace_back();
    check.column = node.inputs[0];
    check.node = i;
    check.required = split_times.contains(node.outputs[0]);
    check.operation = pipeline::MakeOperation(node, {});
    check.outputs = node.outputs.size();
    check.step = program.Describe(node);
  }
  return checks;
}

std::vector<int> LogColumnsOf(const pipeline::Program& program, size_t log_columns) {
  std::set<int> columns;
  for (const Node& node : program.nodes) {
    for (const int slot : node.inputs) {
      if (static_cast<size_t>(slot) < log_columns && slot != program.label) columns.insert(slot);
    }
  }
  return {columns.begin(), columns.end()};
}

}  // namespace sda::preprocessing
