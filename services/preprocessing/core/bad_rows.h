#ifndef SDA_SERVICES_PREPROCESSING_CORE_BAD_ROWS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_BAD_ROWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sda::preprocessing {

// What becomes of rows and fields that cannot be read.
enum class BadRowPolicy {
  kFail,  // the first one ends the job
  kSkip,  // the row is left out, as if it were not there
  kNull,  // the field counts as missing; a row that cannot be mended is left out
};

struct BadRowExample {
  std::string file;
  int64_t line = 0;    // from 1
  std::string column;  // empty: the row as a whole
  std::string reason;  // e.g. "BAD_NUMBER"
  std::string rule;

  bool operator==(const BadRowExample&) const = default;
};

// Bad rows and fields that a pass met, however many threads it has.
struct BadRows {
  static constexpr size_t kMaxExamples = 20;

  std::map<std::string, int64_t> counts;  // by reason
  std::vector<BadRowExample> examples;    // the first in the data

  bool operator==(const BadRows&) const = default;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_BAD_ROWS_H_
