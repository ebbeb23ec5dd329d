#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_NOTE_PASSES_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_NOTE_PASSES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/pipeline/pass_worker.h"

namespace sda::preprocessing {

// A part of a node's table on disk.
struct NoteUnit {
  size_t node = 0;
  uint32_t part = 0;
  uint32_t parts = 1;
};

// The tables on disk that `pass` learned, dealt to passes over the rows so that the parts of each fit into
// the memory that learning does not take meanwhile.
std::vector<std::vector<NoteUnit>> PlanNotes(const PassSchedule::Pass& pass, const PipelineState& state,
                                             const PipelineMemory& memory, const RunSettings& settings);

// What such a pass does; its parts are in memory until it goes.
struct NoteWork {
  PassSchedule::Pass pass;
  std::vector<std::unique_ptr<PartLookup>> lookups;
  std::vector<PassWork::Note> notes;
};

// `next` is the number of the schedule's pass that is the first to use the values.
absl::StatusOr<NoteWork> PrepareNotes(const std::vector<NoteUnit>& units, size_t next, PipelineState& state,
                                      const std::string& scratch_folder);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_NOTE_PASSES_H_
