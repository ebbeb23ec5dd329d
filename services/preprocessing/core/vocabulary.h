#ifndef SDA_SERVICES_PREPROCESSING_CORE_VOCABULARY_H_
#define SDA_SERVICES_PREPROCESSING_CORE_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

inline constexpr int32_t kMissingId = 0;
inline constexpr int32_t kUnknownId = 1;
inline constexpr int32_t kFirstValueId = 2;

struct ValueCount {
  std::string value;
  int64_t count = 0;

  bool operator==(const ValueCount&) const = default;
};

// The values of a table that were counted at least `threshold` times, by descending count, ties by bytes.
// Their position + kFirstValueId is their id.
std::vector<ValueCount> BuildVocabulary(const ValueTable& counts, int64_t threshold);

// The table from values to their ids.
ValueTable IndexVocabulary(const std::vector<ValueCount>& vocabulary);

// The vocabulary as an Arrow IPC file with one column "value" of UTF-8 text, row r for id r + 2. The bytes
// depend on the values alone. Values must be valid UTF-8.
absl::StatusOr<std::string> VocabularyToArrow(const std::vector<ValueCount>& vocabulary);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_VOCABULARY_H_
