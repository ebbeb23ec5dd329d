#ifndef SDA_SERVICES_ADVISOR_CORE_RUN_PLAN_H_
#define SDA_SERVICES_ADVISOR_CORE_RUN_PLAN_H_

#include <optional>
#include <string>
#include <string_view>

namespace sda::advisor {

// The order of a run's work, as a pure function of what it has recorded. Each step records its result durably
// before the next begins, and asks other services under ids that depend only on the run, so that a step that
// was cut off anywhere can be done again from its beginning without doing anything twice.

enum class Stage { kEncode, kAdvise, kTune, kDeliver };

// Stages in steps, each with one recorded result.
enum class Step {
  kEncode,    // the dataset exists
  kAdvise,    // the recipe is stored
  kTune,      // the experiment has ended and the trial to deliver is chosen
  kEvaluate,  // its model is measured on the test split
  kPublish,   // the model's folder is in place, model and run are recorded as done
};

// What a run has recorded.
struct RunRecord {
  bool has_dataset = false;
  bool has_recipe = false;
  bool has_winner = false;
  bool is_evaluated = false;
};

Step NextStep(const RunRecord& record);
Stage StageOf(Step step);
std::string_view StageName(Stage stage);  // "ENCODE"

// "<run>/<stage>/<n>", the request_id of a run's call; `what` tells calls of one stage apart and `attempt`
// counts from 1, going up only where a finished failure is tried anew.
std::string StageRequestId(std::string_view run_id, Stage stage, std::string_view what, int attempt);

// The id of what a run makes (dataset, recipe, experiment, model): the run's own for attempt 1, else with
// "-<attempt>" at its end. A resource id again; a long run id is shortened by a hash.
std::string ChildId(std::string_view run_id, int attempt);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_RUN_PLAN_H_
