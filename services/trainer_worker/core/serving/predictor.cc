#include "services/trainer_worker/core/serving/predictor.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include <absl/container/flat_hash_set.h>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "common/storage/dense_transform.h"
#include "common/storage/list_cell.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/vocabulary_file.h"
#include "services/trainer_worker/core/kernels/loss.h"
#include "services/trainer_worker/core/training/buffer_file.h"

namespace sda::trainer {
namespace {

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
  bytes_ = static_cast<int64_t>(weights_.dense.bytes() + weights_.embeddings.bytes()) +
           DlrmWorkspace::Bytes(layout_, kMaxRowsAtOnce, /*training=*/false);
}

absl::StatusOr<std::unique_ptr<Predictor>> Predictor::Load(const std::string& folder) {
  SDA_ASSIGN_OR_RETURN(ModelDescription model, ReadModelDescription(folder));
  std::unique_ptr<Predictor> predictor(new Predictor(std::move(model)));
  SDA_RETURN_IF_ERROR(ReadModelWeights(folder, predictor->weights_));
  const bool by_pipeline = !predictor->model_.manifest.pipeline_path.empty();
  SDA_RETURN_IF_ERROR(by_pipeline ? predictor->LoadPipeline(folder) : predictor->LoadVocabularies(folder));
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

absl::Status Predictor::LoadPipeline(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", model_.manifest.pipeline_path);
  SDA_ASSIGN_OR_RETURN(const std::string bytes, ReadTextFile(path));
  if (Sha256Hex(bytes) != model_.manifest.pipeline_sha256)
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not the file that the model was made with"));
  SDA_ASSIGN_OR_RETURN(pipeline::FittedPipeline fitted, pipeline::FittedPipelineFromArrow(bytes, path));
  const size_t features = fitted.program.features.size();
  if (features != model_.manifest.columns.size() || fitted.program.dense_features != dense_columns_.size()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": makes ", features, " columns, the model takes ", model_.manifest.columns.size()));
  }
  pipeline_ = std::make_unique<pipeline::ServingPipeline>(std::move(fitted));
  bytes_ += pipeline_->bytes();
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

absl::StatusOr<EncodedRows> Predictor::Encode(const std::vector<RawColumn>& columns) const {
  if (columns.empty()) return InvalidField("columns", "is empty; must hold at least one column");
  const size_t rows = columns[0].values.size();
  absl::flat_hash_set<std::string_view> seen;
  for (const RawColumn& column : columns) {
    if (!HasColumn(column.name)) {
      return InvalidField("columns",
                          absl::StrCat("has \"", ToAbsl(column.name.substr(0, 80)),
                                       "\", which is no column of the model; it has ", ColumnNames()));
    }
    if (!seen.insert(column.name).second) {
      return InvalidField(
          "columns", absl::StrCat("has \"", ToAbsl(column.name), "\" twice; each column may be given once"));
    }
    if (column.values.size() != rows) {
      return InvalidField(absl::StrCat("columns[", ToAbsl(column.name), "].values"),
                          absl::StrCat("has ", column.values.size(), " rows; all columns must have ", rows));
    }
  }
  return pipeline_ ? EncodeByPipeline(columns, rows) : EncodeByColumn(columns, rows);
}

bool Predictor::HasColumn(std::string_view name) const {
  return pipeline_ ? pipeline_->FindColumn(name) >= 0 : places_.contains(ToAbsl(name));
}

absl::StatusOr<EncodedRows> Predictor::EncodeByPipeline(const std::vector<RawColumn>& columns,
                                                        size_t rows) const {
  using Field = pipeline::ServingPipeline::Field;
  std::vector<std::vector<Field>> values(pipeline_->columns().size());
  for (const RawColumn& column : columns) {
    const auto place = static_cast<size_t>(pipeline_->FindColumn(column.name));
    for (const std::string_view value : column.values) values[place].push_back({value, IsMissing(value)});
  }
  SDA_ASSIGN_OR_RETURN(const pipeline::FeatureRows features, pipeline_->Apply(values, rows));
  EncodedRows encoded;
  encoded.rows = static_cast<int64_t>(rows);
  const size_t dense = features.dense.size();
  encoded.dense.resize(rows * dense);
  for (size_t c = 0; c < dense; ++c) {
    for (size_t row = 0; row < rows; ++row) encoded.dense[row * dense + c] = features.dense[c][row];
  }
  for (const pipeline::FeatureRows::Ids& column : features.categorical) {
    EncodedRows::Table& table = encoded.tables.emplace_back();
    if (column.offsets.empty()) {
      table.ids = column.ids;
      continue;
    }
    table.offsets.push_back(0);
    for (size_t row = 0; row < rows; ++row) {
      // As in the shards, the empty list is [0].
      if (column.offsets[row] == column.offsets[row + 1]) table.ids.push_back(kMissingId);
      table.ids.insert(table.ids.end(), column.ids.begin() + column.offsets[row],
                       column.ids.begin() + column.offsets[row + 1]);
      table.offsets.push_back(static_cast<int32_t>(table.ids.size()));
    }
  }
  return encoded;
}

absl::StatusOr<EncodedRows> Predictor::EncodeByColumn(const std::vector<RawColumn>& columns,
                                                      size_t rows) const {
  const size_t dense = dense_columns_.size();
  EncodedRows encoded;
  encoded.rows = static_cast<int64_t>(rows);
  encoded.dense.resize(rows * dense);
  for (size_t c = 0; c < dense; ++c) {
    const float missing = ApplyTransformToMissing(dense_columns_[c]->dense);
    for (size_t row = 0; row < rows; ++row) encoded.dense[row * dense + c] = missing;
  }
  encoded.tables.resize(vocabularies_.size());
  for (size_t t = 0; t < encoded.tables.size(); ++t) {
    EncodedRows::Table& table = encoded.tables[t];
    table.ids.assign(rows, kMissingId);
    if (!layout_.inputs().is_list(static_cast<int64_t>(t))) continue;
    table.offsets.resize(rows + 1);
    std::iota(table.offsets.begin(), table.offsets.end(), 0);
  }
  for (const RawColumn& column : columns) {
    const auto [is_dense, index] = places_.at(ToAbsl(column.name));
    if (!is_dense && vocabularies_[index].column->vocabulary_path.empty()) {
      SDA_RETURN_IF_ERROR(EncodeIds(vocabularies_[index], column.values, encoded.tables[index].ids));
      continue;
    }
    if (!is_dense && vocabularies_[index].column->is_list()) {
      EncodeLists(vocabularies_[index], column.values, encoded.tables[index].ids,
                  encoded.tables[index].offsets);
      continue;
    }
    for (size_t row = 0; row < rows; ++row) {
      if (is_dense) {
        SDA_ASSIGN_OR_RETURN(encoded.dense[row * dense + index],
                             EncodeDense(*dense_columns_[index], column.values[row], row));
      } else {
        encoded.tables[index].ids[row] = EncodeCategorical(vocabularies_[index], column.values[row]);
      }
    }
  }
  return encoded;
}

std::string Predictor::ColumnNames() const {
  constexpr size_t kMostNames = 40;
  std::vector<std::string> names;
  if (pipeline_) {
    names = pipeline_->columns();
  } else {
    for (const ManifestColumn& column : model_.manifest.columns) names.push_back(column.name);
  }
  if (names.size() > kMostNames) {
    const size_t more = names.size() - kMostNames;
    names.resize(kMostNames);
    names.push_back(absl::StrCat("and ", more, " more"));
  }
  return absl::StrJoin(names, ", ");
}

std::unique_ptr<DlrmWorkspace> Predictor::TakeWorkspace() const {
  {
    std::lock_guard lock(mutex_);
    if (!workspaces_.empty()) {
      std::unique_ptr<DlrmWorkspace> workspace = std::move(workspaces_.back());
      workspaces_.pop_back();
      return workspace;
    }
  }
  auto workspace = std::make_unique<DlrmWorkspace>(layout_, kMaxRowsAtOnce, /*training=*/false);
  // oneDNN chooses its kernel, and with it the order of sums, by the number of rows; ours does not.
  workspace->gemm = Gemm(GemmVariant::kSimd);
  return workspace;
}

void Predictor::Score(const EncodedRows& rows, float* probabilities) const {
  std::unique_ptr<DlrmWorkspace> workspace = TakeWorkspace();
  DlrmForward(layout_, weights_, rows.View(), 0, rows.rows, {}, *workspace, probabilities);
  for (float& value : std::span(probabilities, static_cast<size_t>(rows.rows)))
    value = static_cast<float>(Sigmoid(value));
  std::lock_guard lock(mutex_);
  workspaces_.push_back(std::move(workspace));
}

absl::StatusOr<std::vector<float>> Predictor::Predict(const std::vector<RawColumn>& columns) const {
  SDA_ASSIGN_OR_RETURN(const EncodedRows rows, Encode(columns));
  std::vector<float> probabilities(rows.rows);
  EncodedRows part;
  for (int64_t begin = 0; begin < rows.rows; begin += kMaxRowsAtOnce) {
    Join({{&rows, begin, std::min(rows.rows, begin + kMaxRowsAtOnce)}}, part);
    Score(part, &probabilities[begin]);
  }
  return probabilities;
}

}  // namespace sda::trainer
