#include "services/preprocessing/core/pipeline/note_passes.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace sda::preprocessing {

std::vector<std::vector<NoteUnit>> PlanNotes(const PassSchedule::Pass& pass, const PipelineState& state,
                                             const PipelineMemory& memory, const RunSettings& settings) {
  const int64_t room = memory.learning_bytes * settings.threads + memory.sort_bytes;
  std::vector<std::vector<NoteUnit>> passes;
  int64_t left = 0;
  for (size_t node = 0; node < pass.learn.size(); ++node) {
    if (!pass.learn[node] || !state.stored[node]) continue;
    const int64_t bytes = state.stored[node]->memory_bytes();
    const int64_t parts = (bytes + room - 1) / room;
    const int64_t part_bytes = (bytes + parts - 1) / parts;
    for (int64_t part = 0; part < parts; ++part) {
      if (passes.empty() || left < part_bytes) {
        passes.emplace_back();
        left = room;
      }
      passes.back().push_back({node, static_cast<uint32_t>(part), static_cast<uint32_t>(parts)});
      left -= part_bytes;
    }
  }
  return passes;
}

absl::StatusOr<NoteWork> PrepareNotes(const std::vector<NoteUnit>& units, size_t next, PipelineState& state,
                                      const std::string& scratch_folder) {
  const size_t nodes = state.program.nodes.size();
  NoteWork work;
  std::vector<bool> noted(nodes);
  for (const NoteUnit& unit : units) {
    noted[unit.node] = true;
    if (!state.notes[unit.node]) {
      SDA_ASSIGN_OR_RETURN(state.notes[unit.node], BlockNotes::Create(scratch_folder));
    }
    SDA_ASSIGN_OR_RETURN(work.lookups.emplace_back(),
                         PartLookup::Load(state.program.nodes[unit.node], state.nodes[unit.node],
                                          *state.stored[unit.node], unit.part, unit.parts));
    work.notes.push_back({unit.node, work.lookups.back().get(), state.notes[unit.node].get()});
  }
  work.pass.learn.assign(nodes, false);
  work.pass.apply = NodesBefore(state.program, noted, next);
  for (size_t node = 0; node < nodes; ++node) {
    if (noted[node]) work.pass.apply[node] = false;
  }
  return work;
}

}  // namespace sda::preprocessing
