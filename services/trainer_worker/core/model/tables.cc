#include "services/trainer_worker/core/model/tables.h"

#include <algorithm>

#include "services/trainer_worker/core/model/mixed_dimensions.h"

namespace sda::trainer {
namespace {

std::vector<int64_t> TableWidths(const ModelSpec& spec, const InputShape& inputs) {
  const EmbeddingSpec& embedding = spec.embedding;
  if (!embedding.widths.empty()) return embedding.widths;
  if (embedding.mixed_temperature == 0) return std::vector<int64_t>(inputs.tables(), spec.embedding_dim);
  return MixedDimensions(inputs.table_rows, spec.embedding_dim, embedding.mixed_temperature,
                         embedding.compression_threshold, embedding.mixed_power_of_two);
}

int32_t RowOf(const Table& table, int32_t id) {
  switch (table.map) {
    case IdMap::kSame:
      return id;
    case IdMap::kModulo:
      return static_cast<int32_t>(id % table.divisor);
    case IdMap::kQuotient:
      return static_cast<int32_t>(id / table.divisor);
  }
  return id;
}

}  // namespace

TablePlan::TablePlan(const ModelSpec& spec, const InputShape& inputs) {
  const EmbeddingSpec& embedding = spec.embedding;
  const std::vector<int64_t> widths = TableWidths(spec, inputs);
  const bool one_width = spec.interaction != Interaction::kCat || spec.factorization || embedding.project;
  dense_width = spec.dense_input == DenseInput::kBottom ? spec.embedding_dim : inputs.dense_columns;
  feature_width = dense_width;
  for (int64_t column = 0; column < inputs.tables(); ++column) {
    const int64_t values = inputs.table_rows[column];
    const bool hashed = embedding.hash_rows > 0 && values > embedding.hash_rows;
    const int64_t ids = hashed ? embedding.hash_rows : values;
    const bool split = !hashed && embedding.quotient_collisions > 1 && ids > embedding.compression_threshold;
    const int64_t width = widths[column];
    Feature feature{.table = static_cast<int64_t>(tables.size()), .offset = feature_width, .width = width};
    if (split) {
      const bool concatenate = embedding.quotient_operation == QuotientOperation::kConcatenate;
      const int64_t collisions = embedding.quotient_collisions;
      const int64_t second = concatenate ? width / 2 : width;
      if (!concatenate) {
        feature.kind = embedding.quotient_operation == QuotientOperation::kAdd ? Feature::Kind::kSum
                                                                               : Feature::Kind::kProduct;
      }
      AddTable({.column = column,
                .rows = (ids + collisions - 1) / collisions,
                .width = concatenate ? width - second : width,
                .map = IdMap::kQuotient,
                .divisor = collisions,
                .side = !concatenate,
                .offset = concatenate ? feature.offset : side_width});
      if (!concatenate) side_width += width;
      AddTable({.column = column,
                .rows = collisions,
                .width = second,
                .map = IdMap::kModulo,
                .divisor = collisions,
                .initial = feature.kind == Feature::Kind::kProduct ? Table::Begin::kAroundOne
                                                                   : Table::Begin::kUniform,
                .side = !concatenate,
                .offset = concatenate ? feature.offset + width - second : side_width});
      if (!concatenate) side_width += width;
    } else {
      const bool projected = one_width && width != spec.embedding_dim;
      if (projected) {
        feature.kind = Feature::Kind::kProjected;
        feature.width = spec.embedding_dim;
      }
      AddTable({.column = column,
                .rows = ids,
                .width = width,
                .map = hashed ? IdMap::kModulo : IdMap::kSame,
                .divisor = hashed ? ids : 1,
                .side = projected,
                .offset = projected ? side_width : feature.offset});
      if (projected) side_width += width;
    }
    feature_width += feature.width;
    features.push_back(feature);
  }
  wide_begin = static_cast<int64_t>(tables.size());
  if (!spec.wide) return;
  for (int64_t column = 0; column < inputs.tables(); ++column) {
    const int64_t values = inputs.table_rows[column];
    const bool hashed = embedding.hash_rows > 0 && values > embedding.hash_rows;
    AddTable({.column = column,
              .rows = hashed ? embedding.hash_rows : values,
              .width = 1,
              .map = hashed ? IdMap::kModulo : IdMap::kSame,
              .divisor = hashed ? embedding.hash_rows : 1,
              .initial = Table::Begin::kZero,
              .side = true,
              .offset = side_width++});
  }
}

void TablePlan::AddTable(Table table) {
  table.begin = floats;
  table.row_begin = rows;
  rows += table.rows;
  floats += table.rows * table.width;
  tables.push_back(table);
}

TableIds RowsOfSlice(const Table& table, const TableIds& column, int64_t begin, int64_t end,
                     IdScratch& scratch) {
  const int64_t first = column.one_hot() ? begin : column.offsets[begin];
  const int64_t last = column.one_hot() ? end : column.offsets[end];
  TableIds slice{.ids = column.ids.subspan(first, last - first), .offsets = {}};
  if (table.map != IdMap::kSame) {
    scratch.ids.resize(slice.ids.size());
    std::transform(slice.ids.begin(), slice.ids.end(), scratch.ids.begin(),
                   [&](int32_t id) { return RowOf(table, id); });
    slice.ids = scratch.ids;
  }
  if (column.one_hot()) return slice;
  if (first == 0) {
    slice.offsets = column.offsets.subspan(begin, end - begin + 1);
    return slice;
  }
  scratch.offsets.resize(end - begin + 1);
  for (int64_t i = begin; i <= end; ++i)
    scratch.offsets[i - begin] = column.offsets[i] - static_cast<int32_t>(first);
  slice.offsets = scratch.offsets;
  return slice;
}

void ScaleToMean(const TableIds& column, int64_t begin, int64_t end, int64_t width, float* values,
                 int64_t stride) {
  if (column.one_hot()) return;
  for (int64_t sample = begin; sample < end; ++sample, values += stride) {
    const int32_t size = column.offsets[sample + 1] - column.offsets[sample];
    if (size < 2) continue;
    const float scale = 1.0f / static_cast<float>(size);
    for (int64_t i = 0; i < width; ++i) values[i] *= scale;
  }
}

}  // namespace sda::trainer
