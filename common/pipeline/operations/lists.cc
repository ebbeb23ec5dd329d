#include <algorithm>

#include "common/pipeline/operation.h"
#include "common/pipeline/table_index.h"

namespace sda::pipeline {
namespace {

class Split final : public AppliedOperation {
 public:
  explicit Split(const SplitList& options) : options_(options) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    ColumnData& list = *out[0];
    list.Reset(ColumnType::kTextList, rows.rows);
    // Parts are views into the texts, which the input's arena keeps; copied, they have bytes behind them.
    list.arena = std::make_shared<TextArena>();
    for (size_t row = 0; row < rows.rows; ++row) {
      if (!in[0]->missing[row]) Append(in[0]->texts[row], list);
      list.offsets.push_back(static_cast<uint32_t>(list.texts.size()));
    }
    return std::nullopt;
  }

 private:
  void Append(std::string_view text, ColumnData& list) const {
    while (true) {
      const size_t end = text.find(options_.separator);
      const std::string_view part = Trimmed(text.substr(0, end));
      if (!part.empty()) list.texts.push_back(list.arena->Add(part));
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + options_.separator.size());
    }
  }

  std::string_view Trimmed(std::string_view part) const {
    if (!options_.trim) return part;
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    return part;
  }

  const SplitList options_;
};

class Truncate final : public AppliedOperation {
 public:
  explicit Truncate(const TruncateList& options) : options_(options) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const ColumnData& from = *in[0];
    ColumnData& list = *out[0];
    list.Reset(from.type, rows.rows);
    list.arena = from.arena;
    const auto most = static_cast<uint32_t>(options_.max_values);
    for (size_t row = 0; row < rows.rows; ++row) {
      uint32_t begin = from.offsets[row];
      uint32_t end = from.offsets[row + 1];
      if (end - begin > most) {
        if (options_.keep == TruncateList::Keep::kFirst)
          end = begin + most;
        else
          begin = end - most;
      }
      for (uint32_t i = begin; i < end; ++i) {
        if (from.type == ColumnType::kTextList)
          list.texts.push_back(from.texts[i]);
        else
          list.integers.push_back(from.integers[i]);
      }
      list.offsets.push_back(list.offsets.back() + end - begin);
    }
    return std::nullopt;
  }

 private:
  const TruncateList options_;
};

class Hot final : public AppliedOperation {
 public:
  explicit Hot(const LearnedTable& table) : index_(table) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    for (ColumnData* column : out) column->Reset(ColumnType::kInteger, rows.rows);
    for (size_t row = 0; row < rows.rows; ++row) {
      for (uint32_t i = in[0]->offsets[row]; i < in[0]->offsets[row + 1]; ++i) {
        const int64_t position = index_.Find(in[0]->texts[i]);
        if (position >= 0) out[static_cast<size_t>(position)]->integers[row] = 1;
      }
    }
    return std::nullopt;
  }

 private:
  const TableIndex index_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeSplitList(const SplitList& options) {
  return std::make_unique<Split>(options);
}

std::unique_ptr<AppliedOperation> MakeTruncateList(const TruncateList& options) {
  return std::make_unique<Truncate>(options);
}

std::unique_ptr<AppliedOperation> MakeMultiHot(const MultiHot&, const NodeState& state) {
  return std::make_unique<Hot>(*state.table);
}

}  // namespace sda::pipeline
