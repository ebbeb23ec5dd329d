#ifndef SDA_COMMON_PIPELINE_COLUMN_DATA_H_
#define SDA_COMMON_PIPELINE_COLUMN_DATA_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace sda::pipeline {

// The types of docs/pipelines.md.
enum class ColumnType { kText, kNumber, kInteger, kId, kTextList, kIdList };

const char* ColumnTypeName(ColumnType type);

// Keeps texts that steps make at one address, with 16 readable bytes behind each (hashing reads whole words).
class TextArena {
 public:
  std::string_view Add(std::string_view text);

 private:
  std::vector<std::unique_ptr<char[]>> pieces_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

// One column of a batch of rows; which vectors hold values depends on the type. Texts are views: of the log's
// own fields into the block they were read from, of made ones into the arena.
struct ColumnData {
  ColumnType type = ColumnType::kText;
  std::vector<uint8_t> missing;         // a flag for each row; empty for ids and lists
  std::vector<double> numbers;          // kNumber
  std::vector<int64_t> integers;        // kInteger, kId; elements of kIdList
  std::vector<std::string_view> texts;  // kText; elements of kTextList
  std::vector<uint32_t> offsets;        // lists: rows + 1 offsets into the elements
  std::shared_ptr<TextArena> arena;

  bool is_list() const { return type == ColumnType::kTextList || type == ColumnType::kIdList; }
  bool IsMissing(size_t row) const { return !missing.empty() && missing[row] != 0; }

  // Empties the column and makes it one of `rows` rows, values unset, nothing missing.
  void Reset(ColumnType new_type, size_t rows);

  // Keeps the rows whose flag is not 0.
  void Keep(const std::vector<uint8_t>& flags);
};

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_COLUMN_DATA_H_
