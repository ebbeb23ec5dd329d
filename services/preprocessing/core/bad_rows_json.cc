#include "services/preprocessing/core/bad_rows_json.h"

#include <string>

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t NumberOf(const Json& value) {
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

}  // namespace

Json BadRowsToJson(const BadRows& bad) {
  Json json = {{"counts", Json::object()}, {"examples", Json::array()}};
  for (const auto& [reason, count] : bad.counts) json["counts"][reason] = count;
  for (const BadRowExample& example : bad.examples) {
    json["examples"].push_back({{"file", example.file},
                                {"line", example.line},
                                {"column", example.column},
                                {"reason", example.reason},
                                {"rule", example.rule}});
  }
  return json;
}

BadRows BadRowsFromJson(const Json& json) {
  BadRows bad;
  if (!json.is_object()) return bad;
  const auto counts = json.find("counts");
  if (counts != json.end() && counts->is_object()) {
    for (const auto& [reason, count] : counts->items()) bad.counts[reason] = NumberOf(count);
  }
  const auto examples = json.find("examples");
  if (examples == json.end() || !examples->is_array()) return bad;
  for (const Json& example : *examples) {
    if (!example.is_object()) continue;
    const auto line = example.find("line");
    bad.examples.push_back({TextOf(example, "file"), line == example.end() ? 0 : NumberOf(*line),
                            TextOf(example, "column"), TextOf(example, "reason"), TextOf(example, "rule")});
  }
  return bad;
}

}  // namespace sda::preprocessing
