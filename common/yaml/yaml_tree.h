#ifndef SDA_COMMON_YAML_YAML_TREE_H_
#define SDA_COMMON_YAML_YAML_TREE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sda {

// A rule that a text breaks. Line and column count from 1; 0 where something is missing altogether.
struct YamlViolation {
  int line = 0;
  int column = 0;
  std::string field;        // "parameters[2].bounds.min"
  std::string description;  // the value, the rule and what to do
  bool operator==(const YamlViolation&) const = default;
};

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
// more than one document and nesting deeper than 20 are refused: our files need none of them.
struct YamlReading {
  std::optional<YamlNode> root;
  std::optional<YamlViolation> problem;
};
// How messages speak of the documents.
struct YamlWords {
  std::string documents;   // "recipes"
  std::string when_empty;  // "is empty; write a recipe, or have one written"
};
YamlReading ParseYaml(const std::string& text, const YamlWords& words);

// "a mapping", "a list", "the text \"x\"", "x" or "empty": how messages name what stands there.
std::string Describe(const YamlNode& node);

}  // namespace sda

#endif  // SDA_COMMON_YAML_YAML_TREE_H_
