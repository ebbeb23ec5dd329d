#ifndef SDA_CLIENTS_CLI_REMOTE_RUN_REPORTS_H_
#define SDA_CLIENTS_CLI_REMOTE_RUN_REPORTS_H_

#include <string>
#include <vector>

#include "clients/cli/core/progress.h"
#include "clients/cli/core/run_report.h"
#include "sda/advisor/v1/advisor.pb.h"
#include "sda/common/v1/common.pb.h"
#include "sda/optimizer/v1/experiment.pb.h"

namespace sda::cli {

TrialReport ToReport(const optimizer::v1::Trial& trial);

// `artefacts` is the folder model paths count from, "" where it is not known (they stay as they are).
RunReport ToReport(const advisor::v1::Run& run, const std::vector<optimizer::v1::Trial>& trials,
                   const std::string& artefacts);

// "/root/models/m" for "models/m"; URIs, absolute paths and an empty root leave `uri` as it is.
std::string ResolveArtefact(const std::string& artefacts, const std::string& uri);

ProgressView ToView(const common::v1::Progress& progress);

// With the stage and its number.
ProgressView ToView(const advisor::v1::Run& run);

// "trial 3 SUCCEEDED: auc 0.7123, logloss 0.41, train_seconds 2.1".
std::string TrialLine(const optimizer::v1::Trial& trial);

// The name of a state without its prefix, for any enum of the suite, e.g. StateName(trial.state()).
std::string StateName(optimizer::v1::Trial::State state);
std::string StateName(optimizer::v1::Experiment::State state);
std::string StateName(advisor::v1::Run::State state);

bool IsFinal(advisor::v1::Run::State state);
bool IsFinal(optimizer::v1::Trial::State state);
bool IsFinal(optimizer::v1::Experiment::State state);

}  // namespace sda::cli

#endif  // SDA_CLIENTS_CLI_REMOTE_RUN_REPORTS_H_
