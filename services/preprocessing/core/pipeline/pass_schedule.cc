#include "services/preprocessing/core/pipeline/pass_schedule.h"

#include <algorithm>

#include "common/pipeline/executor.h"

namespace sda::preprocessing {
namespace {

using pipeline::Node;
using pipeline::Program;

struct Levels {
  std::vector<size_t> sees;     // the pass in which a node can see rows as they are at its place
  std::vector<size_t> applies;  // the first pass in which it can be applied
  size_t rows = 0;              // the first pass in which all row operations but sort can be applied
  size_t all = 0;               // the first pass in which everything can be applied
};

bool IsSort(const Node& node) {
  return node.is_row_operation() && std::holds_alternative<pipeline::Sort>(node.operation);
}

Levels LevelsOf(const Program& program) {
  Levels levels;
  std::vector<size_t> slot_level(program.slots.size());
  for (const Node& node : program.nodes) {
    size_t level = levels.rows;
    for (const int slot : node.inputs) level = std::max(level, slot_level[static_cast<size_t>(slot)]);
    const size_t applies = level + (node.learns() ? 1 : 0);
    levels.sees.push_back(level);
    levels.applies.push_back(applies);
    for (const int slot : node.outputs) slot_level[static_cast<size_t>(slot)] = applies;
    if (node.is_row_operation() && !IsSort(node)) levels.rows = std::max(levels.rows, applies);
    levels.all = std::max(levels.all, applies);
  }
  return levels;
}

// What has to be applied for `targets`: what makes their inputs, and the row operations before the last of
// them with what makes theirs.
std::vector<bool> Needed(const Program& program, const std::vector<bool>& targets, size_t end) {
  std::vector<int> slots;
  std::vector<bool> rows(program.nodes.size());
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const Node& node = program.nodes[i];
    rows[i] = node.is_row_operation() && i < end && !IsSort(node);
    if (targets[i] || rows[i]) slots.insert(slots.end(), node.inputs.begin(), node.inputs.end());
  }
  std::vector<bool> needed = pipeline::NodesFor(program, slots);
  for (size_t i = 0; i < needed.size(); ++i) needed[i] = needed[i] || rows[i];
  return needed;
}

std::vector<int> OutputSlots(const Program& program) {
  std::vector<int> slots = program.features;
  slots.insert(slots.end(), program.mlperf_integers.begin(), program.mlperf_integers.end());
  slots.insert(slots.end(), program.mlperf_categories.begin(), program.mlperf_categories.end());
  return slots;
}

}  // namespace

PassSchedule SchedulePasses(const Program& program) {
  const Levels levels = LevelsOf(program);
  const size_t nodes = program.nodes.size();
  const size_t write = std::max(levels.all, levels.rows + 1);
  PassSchedule schedule;
  for (size_t p = 0; p <= write; ++p) {
    PassSchedule::Pass& pass = schedule.passes.emplace_back();
    pass.count = p + 1 == write;
    pass.write = p == write;
    pass.learn.assign(nodes, false);
    size_t end = pass.count || pass.write ? nodes : 0;
    for (size_t i = 0; i < nodes; ++i) {
      pass.learn[i] = program.nodes[i].learns() && levels.sees[i] == p;
      if (pass.learn[i]) end = std::max(end, i);
    }
    pass.apply = Needed(program, pass.learn, end);
    if (pass.write) {
      const std::vector<bool> output = pipeline::NodesFor(program, OutputSlots(program));
      for (size_t i = 0; i < nodes; ++i) pass.apply[i] = pass.apply[i] || output[i];
    }
    // What is learned in this pass is applied from the next on.
    for (size_t i = 0; i < nodes; ++i) pass.apply[i] = pass.apply[i] && levels.applies[i] <= p;
  }
  return schedule;
}

std::vector<bool> NodesBefore(const Program& program, const std::vector<bool>& nodes, size_t pass) {
  const Levels levels = LevelsOf(program);
  size_t end = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i]) end = i;
  }
  std::vector<bool> apply = Needed(program, nodes, end);
  for (size_t i = 0; i < nodes.size(); ++i) apply[i] = apply[i] && levels.applies[i] <= pass;
  return apply;
}

}  // namespace sda::preprocessing
