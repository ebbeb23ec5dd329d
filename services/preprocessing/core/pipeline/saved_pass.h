#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_SAVED_PASS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_SAVED_PASS_H_

#include <string>
#include <vector>

#include <absl/status/status.h>

#include "services/preprocessing/core/operations/learned.h"
#include "services/preprocessing/core/pipeline/pipeline_state.h"
#include "services/preprocessing/core/recording_output.h"

namespace sda::preprocessing {

// What a pass learned and counted, published for the next attempt: tables, notes of rows and places of
// blocks in fit/pass-N.bin, and behind them fit/pass-N.json, which says where they are and how they hash.
absl::Status SavePass(const std::string& key, const PassSchedule::Pass& pass, size_t number,
                      const PipelineState& state, DatasetOutput& output);

// Takes into the state what SavePass published with the same key. Tables and notes exceeding `table_bytes` in
// all (0: no limit), with what the state holds already, go to scratch files. NOT_FOUND where there is none;
// any other error means that it cannot be used, and then the state is as before.
absl::Status LoadPass(const std::string& key, const PassSchedule::Pass& pass, size_t number,
                      const LearnSettings& settings, PipelineState& state, DatasetOutput& output);

// Both files of a pass.
std::vector<std::string> SavedPaths(size_t number);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_SAVED_PASS_H_
