#include "services/trainer_worker/core/serving/predictor.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/dense_transform.h"
#include "common/storage/list_cell.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/vocabulary_file.h"
#include "services/trainer_worker/core/kernels/loss.h"

namespace sda::trainer {
namespace {

constexpr int64_t kRowsAtOnce = 1024;
constexpr int32_t kMissingId = 0;
constexpr int32_t kUnknownId = 1;
constexpr int32_t kFirstId = 2;

}  // namespace

Predictor::Predictor(ModelDescription model)
    : model_(std::move(model)),
      null_tokens_(NullTokens(model_.manifest)),
      layout_(model_.spec, ShapeOf(model_.manifest)),
      weights_(layout_) {
  int tables = 0;
  for (const ManifestColumn& column : model_.manifest.columns) {
    if (column.role == ColumnRole::kDense) {
      places_[column.name] = {true, static_cast<int>(dense_columns_.size())};
      dense_columns_.push_back(&column);
    } else {
      places_[column.name] = {false, tables++};
    }
  }
  bytes_ = static_cast<int64_t>(weights_.dense.bytes() + weights_.embeddings.bytes());
}

absl::StatusOr<std::unique_ptr<Predictor>> Predictor::Load(const std::string& folder) {
  SDA_ASSIGN_OR_RETURN(ModelDescription model, ReadModelDescription(folder));
  std::unique_ptr<Predictor> predictor(new Predictor(std::move(model)));
  SDA_RETURN_IF_ERROR(ReadModelWeights(folder, predictor->weights_));
  SDA_RETURN_IF_ERROR(predictor->LoadVocabularies(folder));
  return predictor;
}

absl::Status Predictor::LoadVocabularies(const std::string& folder) {
  for (const ManifestColumn& column : model_.manifest.columns) {
    if (column.role != ColumnRole::kCategorical) continue;
    CategoricalColumn& vocabulary = vocabularies_.emplace_back();
    vocabulary.column = &column;
    if (column.vocabulary_path.empty()) continue;  // its values are the ids
    SDA_ASSIGN_OR_RETURN(vocabulary.values,
                         ReadVocabulary(absl::StrCat(folder, "/", column.vocabulary_path)));
    if (static_cast<int64_t>(vocabulary.values.size()) + kFirstId != column.table_rows) {
      return absl::FailedPreconditionError(absl::StrCat(folder, ": the vocabulary of ", column.name, " has ",
                                                        vocabulary.values.size(), " values, its table ",
                                                        column.table_rows, " rows"));
    }
  }
  // Views into the strings: made once the vector of vocabularies has stopped growing.
  for (CategoricalColumn& vocabulary : vocabularies_) {
    vocabulary.ids.reserve(vocabulary.values.size());
    for (size_t i = 0; i < vocabulary.values.size(); ++i) {
      vocabulary.ids[vocabulary.values[i]] = static_cast<int32_t>(i) + kFirstId;
      bytes_ += static_cast<int64_t>(vocabulary.values[i].size() + 64);
    }
  }
  return absl::OkStatus();
}

bool Predictor::IsMissing(std::string_view value) const {
  return std::find(null_tokens_.begin(), null_tokens_.end(), value) != null_tokens_.end();
}

absl::StatusOr<float> Predictor::EncodeDense(const ManifestColumn& column, std::string_view value,
                                             size_t row) const {
  if (IsMissing(value)) return ApplyTransformToMissing(column.dense);
  double number = 0;
  if (!absl::SimpleAtod(absl::StripAsciiWhitespace(ToAbsl(value)), &number) || !std::isfinite(number)) {
    return InvalidField(
        absl::StrCat("columns[", column.name, "].values[", row, "]"),
        absl::StrCat("is \"", ToAbsl(value.substr(0, 80)), "\"; must be a number or a null token"));
  }
  return ApplyTransform(column.dense, number);
}

int32_t Predictor::EncodeCategorical(const CategoricalColumn& column, std::string_view value) const {
  if (IsMissing(value)) return kMissingId;
  const auto found = column.ids.find(value);
  return found == column.ids.end() ? kUnknownId : found->second;
}

absl::Status Predictor::EncodeIds(const CategoricalColumn& column, const std::vector<std::string_view>& cells,
                                  std::vector<int32_t>& ids) const {
  const int64_t range = model_.manifest.max_ind_range;
  for (size_t row = 0; row < cells.size(); ++row) {
    int32_t id = 0;
    if (!IsMissing(cells[row])) {
      const bool number = absl::SimpleAtoi(ToAbsl(cells[row]), &id);
      if (number && id >= 0 && range > 0) id = static_cast<int32_t>(id % range);
      if (!number || id < 0 || id >= column.column->table_rows) {
        return InvalidField(absl::StrCat("columns[", column.column->name, "].values[", row, "]"),
                            absl::StrCat("is \"", ToAbsl(cells[row].substr(0, 80)),
                                         "\"; must be an id in [0, ", column.column->table_rows, ")"));
      }
    }
    ids[row] = id;
  }
  return absl::OkStatus();
}

void Predictor::EncodeLists(const CategoricalColumn& column, const std::vector<std::string_view>& cells,
                            std::vector<int32_t>& ids, std::vector<int32_t>& offsets) const {
  ids.clear();
  for (size_t row = 0; row < cells.size(); ++row) {
    const auto missing = [this](std::string_view value) { return IsMissing(value); };
    const int64_t values =
        ForEachListValue(cells[row], column.column->list_separator, column.column->list_max_values, missing,
                         [&](std::string_view value) { ids.push_back(EncodeCategorical(column, value)); });
    if (values == 0) ids.push_back(kMissingId);
    offsets[row + 1] = static_cast<int32_t>(ids.size());
  }
}

absl::StatusOr<std::vector<float>> Predictor::Predict(const std::vector<RawColumn>& columns) const {
  if (columns.empty()) return InvalidField("columns", "is empty; must hold at least one column");
  const size_t rows = columns[0].values.size();
  const size_t dense = dense_columns_.size();
  std::vector<float> encoded(rows * dense);
  for (size_t c = 0; c < dense; ++c) {
    const float missing = ApplyTransformToMissing(dense_columns_[c]->dense);
    for (size_t row = 0; row < rows; ++row) encoded[row * dense + c] = missing;
  }
  std::vector<std::vector<int32_t>> ids(vocabularies_.size(), std::vector<int32_t>(rows, kMissingId));
  std::vector<std::vector<int32_t>> offsets(vocabularies_.size());  // of columns of lists
  for (size_t t = 0; t < offsets.size(); ++t) {
    if (!layout_.inputs().is_list(static_cast<int64_t>(t))) continue;
    offsets[t].resize(rows + 1);
    std::iota(offsets[t].begin(), offsets[t].end(), 0);
  }

  for (const RawColumn& column : columns) {
    const auto place = places_.find(ToAbsl(column.name));
    if (place == places_.end()) {
      return InvalidField("columns",
                          absl::StrCat("has \"", ToAbsl(column.name), "\", which is no column of the model"));
    }
    if (column.values.size() != rows) {
      return InvalidField(absl::StrCat("columns[", ToAbsl(column.name), "].values"),
                          absl::StrCat("has ", column.values.size(), " rows; all columns must have ", rows));
    }
    const auto [is_dense, index] = place->second;
    if (!is_dense && vocabularies_[index].column->vocabulary_path.empty()) {
      SDA_RETURN_IF_ERROR(EncodeIds(vocabularies_[index], column.values, ids[index]));
      continue;
    }
    if (!is_dense && vocabularies_[index].column->is_list()) {
      EncodeLists(vocabularies_[index], column.values, ids[index], offsets[index]);
      continue;
    }
    for (size_t row = 0; row < rows; ++row) {
      if (is_dense) {
        SDA_ASSIGN_OR_RETURN(encoded[row * dense + index],
                             EncodeDense(*dense_columns_[index], column.values[row], row));
      } else {
        ids[index][row] = EncodeCategorical(vocabularies_[index], column.values[row]);
      }
    }
  }

  Batch batch;
  batch.rows = static_cast<int64_t>(rows);
  batch.dense = encoded;
  for (size_t t = 0; t < ids.size(); ++t) batch.tables.push_back({.ids = ids[t], .offsets = offsets[t]});
  std::vector<float> probabilities(rows);
  const int64_t at_once = std::min<int64_t>(kRowsAtOnce, batch.rows);
  DlrmWorkspace workspace(layout_, at_once, /*training=*/false);
  for (int64_t begin = 0; begin < batch.rows; begin += at_once) {
    DlrmForward(layout_, weights_, batch, begin, std::min(batch.rows, begin + at_once), {}, workspace,
                &probabilities[begin]);
  }
  for (float& value : probabilities) value = static_cast<float>(Sigmoid(value));
  return probabilities;
}

}  // namespace sda::trainer
