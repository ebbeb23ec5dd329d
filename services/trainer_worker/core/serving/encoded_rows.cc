#include "services/trainer_worker/core/serving/encoded_rows.h"

#include <algorithm>

namespace sda::trainer {
namespace {

// Where the ids of row `row` begin.
int32_t BagBegin(const EncodedRows::Table& table, int64_t row) {
  return table.offsets.empty() ? static_cast<int32_t>(row) : table.offsets[row];
}

void JoinTable(const std::vector<RowRange>& ranges, size_t t, EncodedRows::Table& joined) {
  joined.ids.clear();
  joined.offsets.clear();
  const bool bags = std::any_of(ranges.begin(), ranges.end(), [t](const RowRange& range) {
    return !range.rows->tables[t].offsets.empty();
  });
  if (bags) joined.offsets.push_back(0);
  for (const RowRange& range : ranges) {
    const EncodedRows::Table& table = range.rows->tables[t];
    const int32_t first = BagBegin(table, range.begin);
    const auto before = static_cast<int32_t>(joined.ids.size());
    joined.ids.insert(joined.ids.end(), table.ids.begin() + first,
                      table.ids.begin() + BagBegin(table, range.end));
    if (!bags) continue;
    for (int64_t row = range.begin + 1; row <= range.end; ++row)
      joined.offsets.push_back(before + BagBegin(table, row) - first);
  }
}

}  // namespace

Batch EncodedRows::View() const {
  Batch batch{.rows = rows, .labels = {}, .dense = dense, .tables = {}};
  for (const Table& table : tables) batch.tables.push_back({.ids = table.ids, .offsets = table.offsets});
  return batch;
}

void Join(const std::vector<RowRange>& ranges, EncodedRows& joined) {
  joined.rows = 0;
  joined.dense.clear();
  for (const RowRange& range : ranges) {
    const auto columns =
        static_cast<int64_t>(range.rows->dense.size()) / std::max<int64_t>(1, range.rows->rows);
    joined.dense.insert(joined.dense.end(), range.rows->dense.begin() + range.begin * columns,
                        range.rows->dense.begin() + range.end * columns);
    joined.rows += range.size();
  }
  joined.tables.resize(ranges.empty() ? 0 : ranges.front().rows->tables.size());
  for (size_t t = 0; t < joined.tables.size(); ++t) JoinTable(ranges, t, joined.tables[t]);
}

}  // namespace sda::trainer
