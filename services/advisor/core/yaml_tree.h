#ifndef SDA_SERVICES_ADVISOR_CORE_YAML_TREE_H_
#define SDA_SERVICES_ADVISOR_CORE_YAML_TREE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/advisor/core/recipe.h"

namespace sda::advisor {

// A YAML document as it stands in the text: keys in order, doubles included, scalars as written, each with
// its place.
struct YamlEntry;
struct YamlNode {
  enum class Kind { kEmpty, kScalar, kList, kMapping };

  Kind kind = Kind::kEmpty;
  int line = 0;         // from 1
  int column = 0;       // from 1, in characters
  std::string text;     // kScalar
  bool quoted = false;  // kScalar: written in quotes or as a block, so it is text whatever it looks like
  std::vector<YamlNode> items;     // kList
  std::vector<YamlEntry> entries;  // kMapping
};
struct YamlEntry {
  YamlNode key;  // a scalar
  YamlNode value;
};

// The one document of `text`, or what is wrong with it. Anchors, aliases, tags, keys that are not scalars,
// more than one document and nesting deeper than 20 are refused: recipes need none of them.
struct YamlReading {
  std::optional<YamlNode> root;
  std::optional<RecipeViolation> problem;
};
YamlReading ParseYaml(const std::string& text);

// "a mapping", "a list", "the text \"x\"", "x" or "empty": how messages name what stands there.
std::string Describe(const YamlNode& node);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_YAML_TREE_H_
