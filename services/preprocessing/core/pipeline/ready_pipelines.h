#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_READY_PIPELINES_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_READY_PIPELINES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sda::preprocessing {

// Pipelines for well-known logs, as YAML; docs/pipelines.md says what they follow.
struct ReadyPipeline {
  std::string name;
  std::string what;  // for people, one line
  std::string yaml;
};

const std::vector<ReadyPipeline>& ReadyPipelines();

// Null where there is none of that name.
const ReadyPipeline* FindReadyPipeline(std::string_view name);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_READY_PIPELINES_H_
