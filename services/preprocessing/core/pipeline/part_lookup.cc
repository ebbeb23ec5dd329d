#include "services/preprocessing/core/pipeline/part_lookup.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/status_macros.h"
#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/value_table.h"
#include "services/preprocessing/core/vocabulary.h"

namespace sda::preprocessing {
namespace {

using pipeline::ColumnData;
using pipeline::ColumnType;
using pipeline::VocabularyOptions;

// Null for nodes that make no vocabulary.
template <class Node>
auto* VocabularyOf(Node& node) {
  auto* single = std::get_if<pipeline::Categorify>(&node.operation);
  auto* group = std::get_if<pipeline::GroupCategorify>(&node.operation);
  using Options = std::conditional_t<std::is_const_v<Node>, const VocabularyOptions, VocabularyOptions>;
  return single != nullptr ? static_cast<Options*>(single) : static_cast<Options*>(group);
}

bool IsIds(ColumnType type) {
  return type == ColumnType::kId || type == ColumnType::kIdList;
}

// The values of a column in their order: ids as 32 bits, others as 64.
std::string ToBytes(const ColumnData& column) {
  std::string bytes;
  if (IsIds(column.type)) {
    const std::vector<int32_t> ids(column.integers.begin(), column.integers.end());
    bytes.assign(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
  } else if (column.type == ColumnType::kInteger) {
    bytes.assign(reinterpret_cast<const char*>(column.integers.data()),
                 column.integers.size() * sizeof(int64_t));
  } else {
    bytes.assign(reinterpret_cast<const char*>(column.numbers.data()),
                 column.numbers.size() * sizeof(double));
  }
  return bytes;
}

}  // namespace

bool CanBeNoted(const pipeline::Node& node) {
  return VocabularyOf(node) != nullptr || std::holds_alternative<pipeline::CountEncode>(node.operation) ||
         std::holds_alternative<pipeline::FrequencyEncode>(node.operation) ||
         std::holds_alternative<pipeline::TargetEncode>(node.operation);
}

int64_t TableRowsOf(const pipeline::Node& node, int64_t size) {
  const VocabularyOptions* options = VocabularyOf(node);
  return options == nullptr ? 0 : std::max<int64_t>(options->reserved_ids() + size, 1);
}

PartLookup::PartLookup(const pipeline::Node& node, uint32_t part, uint32_t parts)
    : node_(node), part_(part), parts_(parts) {
  // Ids of the part's table tell known values from unknown ones, whatever the node's own do.
  if (VocabularyOptions* options = VocabularyOf(node_)) {
    options_ = *options;
    vocabulary_ = &options_;
    options->reserve_unknown = true;
  }
}

absl::StatusOr<std::unique_ptr<PartLookup>> PartLookup::Load(const pipeline::Node& node,
                                                             const pipeline::NodeState& state,
                                                             const StoredTable& table, uint32_t part,
                                                             uint32_t parts) {
  std::unique_ptr<PartLookup> lookup(new PartLookup(node, part, parts));
  lookup->state_.numbers = state.numbers;
  lookup->state_.fold_rows = state.fold_rows;
  lookup->state_.fold_positives = state.fold_positives;
  pipeline::LearnedTable& mine = lookup->state_.table.emplace();
  int64_t position = 0;
  SDA_RETURN_IF_ERROR(table.ForEach([&](const TableEntry& entry) {
    const int64_t place = position++;
    const auto key = ValueTable::MakeKey(entry.value.data(), static_cast<uint32_t>(entry.value.size()));
    if (PartOf(key.hash, parts) != part) return absl::OkStatus();
    if (lookup->vocabulary_ != nullptr) lookup->positions_.push_back(place);
    mine.values.emplace_back(entry.value);
    mine.counts.push_back(entry.count);
    mine.positives.push_back(entry.positives);
    mine.fold_counts.insert(mine.fold_counts.end(), entry.fold_counts.begin(), entry.fold_counts.end());
    mine.fold_positives.insert(mine.fold_positives.end(), entry.fold_positives.begin(),
                               entry.fold_positives.end());
    return absl::OkStatus();
  }));
  lookup->operation_ = pipeline::MakeOperation(lookup->node_, lookup->state_);
  return lookup;
}

void PartLookup::ToIds(ColumnData& column) const {
  const int64_t missing_ids = options_.reserve_missing ? 1 : 0;
  const int64_t unknown = options_.reserve_unknown && options_.reserve_missing ? 1 : 0;
  for (int64_t& id : column.integers) {
    if (id < missing_ids) continue;
    id = id == missing_ids ? unknown
                           : options_.reserved_ids() + positions_[static_cast<size_t>(id - missing_ids - 1)];
  }
}

void PartLookup::MarkPart(const pipeline::InputColumns& in, size_t elements,
                          std::vector<uint8_t>& mine) const {
  const auto is_mine = [this](std::string_view key) {
    return PartOf(ValueTable::MakeKey(key.data(), static_cast<uint32_t>(key.size())).hash, parts_) == part_;
  };
  mine.resize(elements);
  pipeline::KeyBuilder keys(in);
  const bool list = in[0]->type == ColumnType::kTextList;
  for (size_t i = 0; i < elements; ++i) mine[i] = is_mine(list ? in[0]->texts[i] : keys.Key(i)) ? 1 : 0;
}

absl::Status PartLookup::Note(const pipeline::InputColumns& in, const pipeline::RowContext& rows,
                              int64_t block, BlockNotes& notes) const {
  ColumnData column;
  // These operations take every field.
  operation_->Apply(in, rows, {&column});
  if (vocabulary_ != nullptr) ToIds(column);
  const std::string bytes = ToBytes(column);
  if (part_ == 0) return notes.Write(block, bytes);
  std::string noted;
  SDA_RETURN_IF_ERROR(notes.Read(block, noted));
  if (noted.size() != bytes.size()) return absl::DataLossError("notes of other rows");
  const size_t width = IsIds(column.type) ? sizeof(int32_t) : sizeof(int64_t);
  std::vector<uint8_t> mine;
  MarkPart(in, bytes.size() / width, mine);
  for (size_t i = 0; i < mine.size(); ++i) {
    if (mine[i]) std::memcpy(noted.data() + i * width, bytes.data() + i * width, width);
  }
  return notes.Rewrite(block, noted);
}

bool FromNotes(const std::string& bytes, const pipeline::InputColumns& in, ColumnType type, size_t rows,
               ColumnData& out) {
  out.Reset(type, rows);
  if (type == ColumnType::kIdList) out.offsets = in[0]->offsets;
  const size_t elements = type == ColumnType::kIdList ? in[0]->texts.size() : rows;
  const size_t width = IsIds(type) ? sizeof(int32_t) : sizeof(int64_t);
  if (bytes.size() != elements * width) return false;
  if (IsIds(type)) {
    std::vector<int32_t> ids(elements);
    if (elements > 0) std::memcpy(ids.data(), bytes.data(), bytes.size());
    out.integers.assign(ids.begin(), ids.end());
  } else if (elements > 0) {
    void* const to = type == ColumnType::kInteger ? static_cast<void*>(out.integers.data())
                                                  : static_cast<void*>(out.numbers.data());
    std::memcpy(to, bytes.data(), bytes.size());
  }
  return true;
}

}  // namespace sda::preprocessing
