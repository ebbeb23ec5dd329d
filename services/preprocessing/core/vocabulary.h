#ifndef SDA_SERVICES_PREPROCESSING_CORE_VOCABULARY_H_
#define SDA_SERVICES_PREPROCESSING_CORE_VOCABULARY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "common/storage/artefact_writer.h"
#include "services/preprocessing/core/scratch_file.h"
#include "services/preprocessing/core/value_table.h"

namespace arrow::io {
class RandomAccessFile;
}  // namespace arrow::io

namespace sda::preprocessing {

inline constexpr int32_t kMissingId = 0;
inline constexpr int32_t kUnknownId = 1;
inline constexpr int32_t kFirstValueId = 2;

struct ValueCount {
  std::string value;
  int64_t count = 0;

  bool operator==(const ValueCount&) const = default;
};

// Whether `a` comes before `b`: by descending count, ties by bytes.
bool PrecedesInVocabulary(const ValueCount& a, const ValueCount& b);

// The values of a table that were counted at least `threshold` times, in the order of PrecedesInVocabulary.
// Their position + kFirstValueId is their id.
std::vector<ValueCount> BuildVocabulary(const ValueTable& counts, int64_t threshold);

// A vocabulary that does not fit into memory, its records in order.
struct SpilledVocabulary {
  std::unique_ptr<ScratchFile> records;
  int64_t size = 0;        // values
  int64_t long_bytes = 0;  // of the values that do not lie in the slots of a ValueTable
};

// Records of values and counts in scratch files.
void AppendValueCount(std::string_view value, int64_t count, std::string& out);
absl::Status WriteValueCount(std::string_view value, int64_t count, ScratchWriter& out);
absl::Status ReadValueCount(ScratchReader& in, ValueCount& out);

// The vocabulary of a column, wherever it lies.
struct Vocabulary {
  std::vector<ValueCount> values;                    // where `spilled` is null
  std::shared_ptr<const SpilledVocabulary> spilled;  // may be null

  int64_t size() const { return spilled ? spilled->size : static_cast<int64_t>(values.size()); }
  // Calls visit(value) for each value in order, until one fails.
  absl::Status ForEach(const std::function<absl::Status(std::string_view)>& visit) const;
};

// Bytes of a ValueTable that holds the whole vocabulary.
int64_t IndexBytes(const Vocabulary& vocabulary);

// The table from values to their ids; of `parts` > 1 only the values of one part, which PartOf chooses.
absl::StatusOr<ValueTable> IndexVocabulary(const Vocabulary& vocabulary, uint32_t part = 0,
                                           uint32_t parts = 1);
inline uint32_t PartOf(uint64_t hash, uint32_t parts) {
  return static_cast<uint32_t>((hash >> 40) % parts);
}

// Writes the vocabulary as an Arrow IPC file with one column "value" of UTF-8 text, row r for id r + 2, and
// publishes it; its SHA-256. The bytes depend on the values alone. Values must be valid UTF-8.
absl::StatusOr<std::string> WriteVocabulary(const Vocabulary& vocabulary, ArtefactWriter& writer);

// Reads back what WriteVocabulary wrote; counts are not in it and become 0. Not `in_memory`: into a scratch
// file in `scratch_folder`.
absl::StatusOr<Vocabulary> ReadVocabulary(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                          bool in_memory, const std::string& scratch_folder);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_VOCABULARY_H_
