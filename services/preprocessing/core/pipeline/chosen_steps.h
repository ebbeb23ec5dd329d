#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CHOSEN_STEPS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CHOSEN_STEPS_H_

#include <cstdint>
#include <string>
#include <vector>

// What pipelines that are chosen for people are written with, whatever they are chosen from.
namespace sda::preprocessing {

// Share of rows without a value from which on a column that tells of them is worth while.
inline constexpr double kTellingMissingShare = 0.01;
// Values from which on counts and label rates tell more than ids that are seldom seen.
inline constexpr int64_t kManyValues = 100;

// A name as YAML text.
std::string QuotedInYaml(const std::string& name);

// A comment on a column, in the list of steps.
std::string StepComment(const std::string& column, const std::string& reason);

// A step of the list; `options` is YAML without braces. Empty without inputs.
std::string StepInYaml(const std::string& operation, const std::vector<std::string>& inputs,
                       const std::string& options = "");

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_CHOSEN_STEPS_H_
