#ifndef SDA_COMMON_PIPELINE_JOIN_H_
#define SDA_COMMON_PIPELINE_JOIN_H_

#include <array>
#include <string>
#include <vector>

namespace sda::pipeline {

// A table of users, items and the like, whose columns are put beside those of the log; see docs/pipelines.md,
// Joins. Fields lists the keys with their names in YAML and in sda.preprocessing.v1.Join.
struct Join {
  enum class Header { kAuto, kPresent, kAbsent };
  static constexpr std::array kHeaderNames = {"auto", "present", "absent"};
  std::vector<std::string> files;    // files, folders, globs
  std::string key;                   // column of the log or of an earlier join
  std::string file_key;              // column of the files; empty: of the name of `key`
  std::vector<std::string> columns;  // of the files: names and patterns; empty: all but file_key
  std::string prefix;                // before their names
  std::string delimiter;             // of text; empty: guessed
  Header header = Header::kAuto;     // of text

  const std::string& key_of_files() const { return file_key.empty() ? key : file_key; }

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Texts("files", self.files);
    visit.Text("key", self.key);
    visit.Text("file_key", self.file_key);
    visit.Texts("columns", self.columns);
    visit.Text("prefix", self.prefix);
    visit.Text("delimiter", self.delimiter);
    visit.Enum("header", self.header, kHeaderNames);
  }
  bool operator==(const Join&) const = default;
};

inline constexpr size_t kMaxJoins = 64;
inline constexpr size_t kMaxJoinDelimiterBytes = 8;

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_JOIN_H_
