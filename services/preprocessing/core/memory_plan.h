#ifndef SDA_SERVICES_PREPROCESSING_CORE_MEMORY_PLAN_H_
#define SDA_SERVICES_PREPROCESSING_CORE_MEMORY_PLAN_H_

#include <cstdint>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/run_settings.h"

namespace sda::preprocessing {

// Memory for tables of values that settings.memory_bytes leaves when blocks, shards and statistics of dense
// columns have theirs; 0: no limit. RESOURCE_EXHAUSTED (MEMORY_LIMIT) names the least that is needed.
absl::StatusOr<int64_t> TableMemory(const DatasetPlan& plan, const RunSettings& settings);

// Memory for the tables of joins, of which a pipeline keeps all in memory; 0: no limit. RESOURCE_EXHAUSTED
// (MEMORY_LIMIT) where settings.memory_bytes leaves none.
absl::StatusOr<int64_t> JoinMemory(const RunSettings& settings);

// How the memory of a pipeline's job is used that blocks, shards, statistics and tables of joins leave. All
// 0: no limit.
struct PipelineMemory {
  int64_t learning_bytes = 0;  // of one thread, for what its steps learn in a pass
  int64_t table_bytes = 0;     // for learned tables, which stay from their pass to the end
  int64_t sort_bytes = 0;      // for what is sorted on the way from one to the other
};

// RESOURCE_EXHAUSTED (MEMORY_LIMIT) names the least that is needed.
absl::StatusOr<PipelineMemory> PlanPipelineMemory(const DatasetPlan& plan, const RunSettings& settings);

// A part of a column's vocabulary: the values whose hash falls into `part` of `parts`.
struct IdUnit {
  size_t column = 0;
  uint32_t part = 0;
  uint32_t parts = 1;

  bool operator==(const IdUnit&) const = default;
};

// How values become ids within `limit` bytes of tables (0: no limit) when `bytes` are those of each column's
// whole table: one pass over the input for each of `before`, which note ids on disk, and the columns whose
// tables are at hand in the last pass. Those `in_memory` are: their rows may have several ids, which have no
// place on disk. RESOURCE_EXHAUSTED (MEMORY_LIMIT) where these exceed the limit by themselves.
struct IdPasses {
  std::vector<std::vector<IdUnit>> before;
  std::vector<bool> last;  // by column
};
absl::StatusOr<IdPasses> PlanIdPasses(const std::vector<int64_t>& bytes, const std::vector<bool>& in_memory,
                                      int64_t limit);

// Under a limit, gives back what the heap holds for nothing; call between passes.
void ReleaseFreeMemory(const RunSettings& settings);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_MEMORY_PLAN_H_
