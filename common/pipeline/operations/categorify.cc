#include <algorithm>

#include "common/pipeline/crossed_keys.h"
#include "common/pipeline/operation.h"
#include "common/pipeline/table_index.h"

namespace sda::pipeline {
namespace {

// Of texts, text lists (element by element) and several texts crossed.
class EncodeIds final : public AppliedOperation {
 public:
  EncodeIds(const VocabularyOptions& options, const LearnedTable& table)
      : options_(options),
        first_(options.reserved_ids()),
        unknown_(options.reserve_unknown && options.reserve_missing ? 1 : 0),
        size_(static_cast<int64_t>(table.values.size())),
        index_(table) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    if (in[0]->type == ColumnType::kTextList) {
      out[0]->Reset(ColumnType::kIdList, rows.rows);
      out[0]->offsets = in[0]->offsets;
      for (const std::string_view text : in[0]->texts) out[0]->integers.push_back(Id(text));
      return std::nullopt;
    }
    out[0]->Reset(ColumnType::kId, rows.rows);
    KeyBuilder keys(in);
    for (size_t row = 0; row < rows.rows; ++row) {
      if (options_.reserve_missing && keys.AllMissing(row)) continue;
      out[0]->integers[row] = Id(keys.Key(row));
    }
    return std::nullopt;
  }

  int64_t table_rows() const override { return std::max<int64_t>(first_ + size_, 1); }

 private:
  int64_t Id(std::string_view text) const {
    const int64_t position = index_.Find(text);
    return position < 0 ? unknown_ : first_ + position;
  }

  const VocabularyOptions options_;
  const int64_t first_;
  const int64_t unknown_;
  const int64_t size_;
  const TableIndex index_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeCategorify(const VocabularyOptions& options, const NodeState& state) {
  return std::make_unique<EncodeIds>(options, *state.table);
}

}  // namespace sda::pipeline
