#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PIPELINE_YAML_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PIPELINE_YAML_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/pipeline/definition.h"
#include "common/yaml/yaml_tree.h"

namespace sda::preprocessing {

// Where things stand in a pipeline's text, by path ("steps[3].min").
class YamlPlaces {
 public:
  void Add(const std::string& path, int line, int column) {
    places_.emplace(path, std::make_pair(line, column));
  }

  // Line and column of the path, or of the nearest thing around it; zeros where there is none.
  std::pair<int, int> Find(std::string_view path) const;

 private:
  std::map<std::string, std::pair<int, int>, std::less<>> places_;
};

// Either the pipeline or every rule that its text breaks, by line, then column. Rules that depend on the
// log's columns are checked later (pipeline::Compile); `places` then tells where a path stands.
struct PipelineReading {
  std::optional<pipeline::Pipeline> pipeline;
  std::vector<YamlViolation> violations;
  YamlPlaces places;
};

inline constexpr size_t kMaxPipelineBytes = 1 << 20;

PipelineReading ReadPipeline(const std::string& yaml);

// "FILE:3:7: steps[1].min: is 3; …", a line for each violation.
std::string DescribeViolations(const std::vector<YamlViolation>& violations, std::string_view file);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PIPELINE_YAML_H_
