#include "common/pipeline/column_data.h"

#include <algorithm>
#include <cstring>

namespace sda::pipeline {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
constexpr size_t kPadding = 16;

template <class Value>
void KeepRows(std::vector<Value>& values, const std::vector<uint8_t>& flags) {
  if (values.empty()) return;
  size_t kept = 0;
  for (size_t row = 0; row < flags.size(); ++row) {
    if (flags[row]) values[kept++] = values[row];
  }
  values.resize(kept);
}

// Keeps the elements of kept lists; `offsets` as before.
template <class Value>
void KeepElements(std::vector<Value>& values, const std::vector<uint32_t>& offsets,
                  const std::vector<uint8_t>& flags) {
  size_t kept = 0;
  for (size_t row = 0; row < flags.size(); ++row) {
    if (!flags[row]) continue;
    for (uint32_t i = offsets[row]; i < offsets[row + 1]; ++i) values[kept++] = values[i];
  }
  values.resize(kept);
}

}  // namespace

const char* ColumnTypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kText:
      return "text";
    case ColumnType::kNumber:
      return "number";
    case ColumnType::kInteger:
      return "integer";
    case ColumnType::kId:
      return "id";
    case ColumnType::kTextList:
      return "text list";
    case ColumnType::kIdList:
      return "id list";
  }
  return "";
}

std::string_view TextArena::Add(std::string_view text) {
  const size_t bytes = text.size() + kPadding;
  if (bytes > left_) {
    left_ = std::max(kPieceBytes, bytes);
    pieces_.push_back(std::make_unique<char[]>(left_));
    next_ = pieces_.back().get();
  }
  std::memcpy(next_, text.data(), text.size());
  const std::string_view stored(next_, text.size());
  next_ += bytes;
  left_ -= bytes;
  return stored;
}

void ColumnData::Reset(ColumnType new_type, size_t rows) {
  type = new_type;
  missing.clear();
  numbers.clear();
  integers.clear();
  texts.clear();
  offsets.clear();
  arena.reset();
  switch (type) {
    case ColumnType::kText:
      missing.assign(rows, 0);
      texts.resize(rows);
      break;
    case ColumnType::kNumber:
      missing.assign(rows, 0);
      numbers.resize(rows);
      break;
    case ColumnType::kInteger:
      missing.assign(rows, 0);
      integers.resize(rows);
      break;
    case ColumnType::kId:
      integers.resize(rows);
      break;
    case ColumnType::kTextList:
    case ColumnType::kIdList:
      offsets.reserve(rows + 1);
      offsets.push_back(0);
      break;
  }
}

void ColumnData::Keep(const std::vector<uint8_t>& flags) {
  if (!is_list()) {
    KeepRows(missing, flags);
    KeepRows(numbers, flags);
    KeepRows(integers, flags);
    KeepRows(texts, flags);
    return;
  }
  if (type == ColumnType::kTextList) KeepElements(texts, offsets, flags);
  if (type == ColumnType::kIdList) KeepElements(integers, offsets, flags);
  std::vector<uint32_t> kept{0};
  for (size_t row = 0; row < flags.size(); ++row) {
    if (flags[row]) kept.push_back(kept.back() + offsets[row + 1] - offsets[row]);
  }
  offsets = std::move(kept);
}

}  // namespace sda::pipeline
