#ifndef SDA_COMMON_YAML_YAML_FIELDS_H_
#define SDA_COMMON_YAML_YAML_FIELDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/yaml/yaml_tree.h"

namespace sda {

// A node together with its path, e.g. "parameters[2].bounds".
struct YamlField {
  const YamlNode* node = nullptr;
  std::string path;

  explicit operator bool() const { return node != nullptr; }
  YamlField Child(const YamlNode& child, std::string_view key) const;
  YamlField Item(size_t index) const;  // node must be a list
};

// Takes a document apart and collects what is wrong with it, so that one pass names every violation.
class YamlFields {
 public:
  // The entries of a mapping by key.
  class Mapping {
   public:
    // An empty field where the key is absent.
    YamlField operator[](std::string_view key) const;
    bool Has(std::string_view key) const { return static_cast<bool>((*this)[key]); }

   private:
    friend class YamlFields;
    std::map<std::string, YamlField, std::less<>> fields_;
  };

  void Report(const YamlField& at, std::string description);
  void ReportMissing(std::string field, std::string description);  // line and column 0

  // All by line, then column.
  std::vector<YamlViolation> TakeViolations();
  size_t violation_count() const { return violations_.size(); }

  // Each returns nothing, and reports, where the field is of another kind. Fields must not be empty.
  // A mapping's unknown and repeated keys are reported; the first of the repeated ones stands.
  std::optional<Mapping> AsMapping(const YamlField& field, const std::vector<std::string>& known);
  std::optional<std::vector<YamlField>> AsList(const YamlField& field);
  std::optional<std::string> AsText(const YamlField& field);
  std::optional<double> AsReal(const YamlField& field);  // finite
  std::optional<int64_t> AsInteger(const YamlField& field);
  std::optional<int64_t> AsInteger(const YamlField& field, int64_t min, int64_t max);
  std::optional<std::string> AsOneOf(const YamlField& field, const std::vector<std::string>& names);

  // The entry `key` of `mapping`, which was made from `parent`; where it is absent, reports so at the place
  // of `parent`, or without a place where that is the whole document.
  YamlField Required(const Mapping& mapping, std::string_view key, const YamlField& parent,
                     std::string_view what);

 private:
  std::vector<YamlViolation> violations_;
};

// ", did you mean \"x\"" for the closest of `known` where one is close, else "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& known);

}  // namespace sda

#endif  // SDA_COMMON_YAML_YAML_FIELDS_H_
