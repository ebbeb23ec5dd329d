#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_ROW_SAMPLE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_ROW_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sda::preprocessing {

// A sample of rows in bounded memory: those whose hash is below a bound that is halved until at most
// `max_rows` of at most `max_bytes` are left (adaptive sampling: P. Flajolet, "On adaptive sampling", 1990).
// Every row has the same chance. Which rows are left depends on the rows and their hashes alone, not on their
// order, nor on how they were dealt to several samples of one size that are merged. Not thread-safe.
class RowSample {
 public:
  struct Row {
    uint64_t hash = 0;
    std::string text;            // the values one after another
    std::vector<uint32_t> ends;  // of each value in it

    std::string_view value(size_t i) const {
      const uint32_t begin = i == 0 ? 0 : ends[i - 1];
      return std::string_view(text).substr(begin, ends[i] - begin);
    }
  };

  RowSample(size_t max_rows, size_t max_bytes) : max_rows_(max_rows), max_bytes_(max_bytes) {}

  // Whether a row with this hash belongs to the sample so far.
  bool Wants(uint64_t hash) const { return (hash & mask_) == 0; }
  // A row that it wants.
  void Add(Row row);
  void Merge(RowSample other);

  const std::vector<Row>& rows() const { return rows_; }

 private:
  static size_t BytesOf(const Row& row) {
    return row.text.size() + row.ends.size() * sizeof(uint32_t) + sizeof(Row);
  }
  void Shrink();

  const size_t max_rows_;
  const size_t max_bytes_;
  uint64_t mask_ = 0;  // upper bits that must be 0
  size_t bytes_ = 0;
  std::vector<Row> rows_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_ROW_SAMPLE_H_
