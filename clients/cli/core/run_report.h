#ifndef SDA_CLIENTS_CLI_CORE_RUN_REPORT_H_
#define SDA_CLIENTS_CLI_CORE_RUN_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cli/core/document.h"
#include "clients/cli/core/exit_code.h"

namespace sda::cli {

// A trial as reports show it.
struct TrialReport {
  std::string name;                                          // "experiments/…/trials/3"
  std::string state;                                         // "SUCCEEDED"
  std::vector<std::pair<std::string, Document>> parameters;  // in order of their names
  std::map<std::string, double> metrics;
  int attempts = 0;
  std::string error;  // why it failed or was infeasible
};

// A run as reports show it.
struct RunReport {
  std::string run;
  std::string state;  // "SUCCEEDED", "FAILED", "CANCELLED", "RUNNING"
  bool goal_met = false;
  std::string reason;
  bool bad_input = false;                   // FAILED for something the user can correct
  std::string dataset, recipe, experiment;  // empty where none was made
  std::optional<TrialReport> best;
  std::string model;       // path or URI; empty without one
  std::string model_name;  // "models/…"
  std::vector<TrialReport> pareto;
  std::vector<TrialReport> trials;
  double seconds = 0;
};

// The object that `sda run --output json` prints: fields as documented, null where a thing does not exist.
Document ToDocument(const RunReport& report);

// Trials, the best one and where the model lies, for people.
std::string RenderReport(const RunReport& report);

// A table of trials, the one named `best` marked with '*'. Parameters appear under the shortest unambiguous
// end of their paths, those that are the same in all of several trials not at all.
std::string RenderTrials(const std::vector<TrialReport>& trials, const std::string& best);

Document TrialDocument(const TrialReport& trial);

ExitCode ExitCodeOf(const RunReport& report);

// The last segment of a resource name: "3" of "experiments/e/trials/3".
std::string LastSegment(const std::string& name);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_CORE_RUN_REPORT_H_
