#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_SCHEDULE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_SCHEDULE_H_

#include <vector>

#include "common/pipeline/program.h"

namespace sda::preprocessing {

// Which nodes run in which pass over the rows. A node that learns sees the rows in one pass and is applied
// from the next on; nodes that do not depend on one another learn in the same pass. In the last but one pass
// the rows that stay are counted, in the last they are written.
struct PassSchedule {
  struct Pass {
    std::vector<bool> apply;  // by node
    std::vector<bool> learn;  // by node
    bool count = false;
    bool write = false;
  };
  std::vector<Pass> passes;
};

PassSchedule SchedulePasses(const pipeline::Program& program);

// What has to be applied for `nodes` to see their inputs as they are before the pass of the schedule with the
// number `pass`, in which they can be applied.
std::vector<bool> NodesBefore(const pipeline::Program& program, const std::vector<bool>& nodes, size_t pass);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PASS_SCHEDULE_H_
