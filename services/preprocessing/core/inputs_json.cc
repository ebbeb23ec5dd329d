#include "services/preprocessing/core/inputs_json.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

Json FileToJson(const InputFile& file) {
  return {{"path", file.path}, {"bytes", file.bytes}, {"modified_nanos", file.modified_nanos}};
}

}  // namespace

Json InputsToJson(const DatasetPlan& plan) {
  Json json = Json::array();
  for (size_t i = 0; i < plan.input.files.size(); ++i) {
    json.push_back(FileToJson(plan.input.files[i]));
    json.back()["test"] = static_cast<int>(i) >= plan.input.first_test_file;
  }
  for (size_t join = 0; join < plan.joins.size(); ++join) {
    for (const InputFile& file : plan.joins[join].files) {
      json.push_back(FileToJson(file));
      json.back()["join"] = join;
    }
  }
  return json;
}

}  // namespace sda::preprocessing
