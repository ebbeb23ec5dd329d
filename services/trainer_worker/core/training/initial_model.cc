#include "services/trainer_worker/core/training/initial_model.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string_view>
#include <system_error>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/data/vocabulary_file.h"
#include "services/trainer_worker/core/serving/exported_model.h"

namespace sda::trainer {
namespace {

constexpr int64_t kReservedIds = 2;  // missing and unknown
constexpr const char* kWeightsFile = "/weights.bin";

absl::Status CheckSha256(const InitialModel& from) {
  if (from.sha256.empty()) return absl::OkStatus();
  const std::string path = from.folder + kWeightsFile;
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  Sha256 hash;
  std::vector<char> block(1 << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0)
    hash.Update({block.data(), static_cast<size_t>(file.gcount())});
  const std::string found = hash.HexDigest();
  if (found == from.sha256) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(path, ": is not the initial model the trial was made for (SHA-256 ", found,
                                ", wanted ", from.sha256, ")"),
                   {.reason = "INITIAL_MODEL_CHANGED", .metadata = {{"path", path}}, .violations = {}});
}

absl::Status Differs(const std::string& field, const std::string& here, const std::string& there) {
  return InvalidField(
      field, absl::StrCat("is ", here, "; the initial model (training.initial_model_uri) has ", there,
                          ", and its weights fit no other shape"));
}

std::string Text(int64_t value) {
  return absl::StrCat(value);
}
std::string Text(const std::vector<int64_t>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

template <class Enum>
int64_t Number(Enum value) {
  return static_cast<int64_t>(value);
}

// What decides the shape of the weights; dropout, losses and initial values may differ.
absl::Status CheckSameShape(const ModelSpec& here, const ModelSpec& there) {
  if (here.embedding_dim != there.embedding_dim)
    return Differs("model.embedding_dim", Text(here.embedding_dim), Text(there.embedding_dim));
  if (here.dense_input == DenseInput::kBottom && here.bottom_layers != there.bottom_layers)
    return Differs("model.bottom_layers", Text(here.bottom_layers), Text(there.bottom_layers));
  if (here.top_layers != there.top_layers)
    return Differs("model.top_layers", Text(here.top_layers), Text(there.top_layers));
  if (here.embedding.widths != there.embedding.widths)
    return Differs("model.embedding_dims", Text(here.embedding.widths), Text(there.embedding.widths));
  struct Choice {
    const char* field;
    int64_t here, there;
  };
  const std::array choices = {
      Choice{"model.architecture", here.wide * 2 + here.factorization, there.wide * 2 + there.factorization},
      Choice{"model.interaction", Number(here.interaction), Number(there.interaction)},
      Choice{"model.dense_input", Number(here.dense_input), Number(there.dense_input)},
      Choice{"model.cross_layers", here.cross_layers, there.cross_layers},
      Choice{"model.cross_rank", here.cross_rank, there.cross_rank},
      Choice{"model.project_embeddings", here.embedding.project, there.embedding.project},
      Choice{"model.hash_rows", here.embedding.hash_rows, there.embedding.hash_rows},
      Choice{"model.quotient_collisions", here.embedding.quotient_collisions,
             there.embedding.quotient_collisions},
      Choice{"model.quotient_operation", Number(here.embedding.quotient_operation),
             Number(there.embedding.quotient_operation)},
      Choice{"model.compression_threshold", here.embedding.compression_threshold,
             there.embedding.compression_threshold},
      Choice{"model.pooling", Number(here.embedding.pooling), Number(there.embedding.pooling)},
  };
  for (const Choice& choice : choices) {
    if (choice.here != choice.there) return InvalidField(choice.field, "differs from the initial model's");
  }
  return absl::OkStatus();
}

absl::Status CheckSameColumns(const DatasetManifest& here, const DatasetManifest& there) {
  const auto names = [](const DatasetManifest& manifest) {
    std::vector<std::string> names;
    for (const ManifestColumn& column : manifest.columns)
      names.push_back(absl::StrCat(column.name, column.role == ColumnRole::kDense ? " (dense)" : ""));
    return names;
  };
  if (here.max_ind_range != there.max_ind_range) {
    return InvalidField("dataset_manifest_uri",
                        absl::StrCat("takes ids modulo ", here.max_ind_range, ", the initial model modulo ",
                                     there.max_ind_range, "; both must be the same"));
  }
  const std::vector<std::string> a = names(here), b = names(there);
  if (a == b) return absl::OkStatus();
  const auto place =
      static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto name = [&](const std::vector<std::string>& of) {
    return place < of.size() ? of[place] : "nothing";
  };
  return InvalidField("dataset_manifest_uri",
                      absl::StrCat("has column ", name(a), " at place ", place,
                                   " where the initial model (training.initial_model_uri) has ", name(b),
                                   "; both must have the same columns in the same order"));
}

absl::Status CheckTables(const Table& here, const Table& there, const ManifestColumn& column,
                         const ManifestColumn& trained) {
  if (here.width != there.width) {
    return InvalidField(
        "model.mixed_dimension_temperature",
        absl::StrCat("makes table ", column.name, " ", here.width, " wide, whose rows are ", there.width,
                     " wide in the initial model; give the widths as "
                     "model.embedding_dims"));
  }
  const bool by_value = here.map == IdMap::kSame && there.map == IdMap::kSame;
  const bool same = here.map == there.map && here.divisor == there.divisor && here.rows == there.rows &&
                    column.vocabulary_sha256 == trained.vocabulary_sha256;
  if (by_value || same) return absl::OkStatus();
  return InvalidField(
      here.map == IdMap::kSame || there.map == IdMap::kModulo ? "model.hash_rows"
                                                              : "model.quotient_collisions",
      absl::StrCat("compresses table ", column.name,
                   ", whose vocabulary is not that of the initial model; rows that values share "
                   "cannot be taken over by value"));
}

// The row that each row of a table comes from; -1 for values that are new.
absl::StatusOr<std::vector<int64_t>> SourceRows(const ManifestColumn& column, const std::string& folder,
                                                const ManifestColumn& trained,
                                                const std::string& model_folder) {
  std::vector<int64_t> source(column.table_rows, -1);
  if (column.vocabulary_path.empty() && trained.vocabulary_path.empty()) {
    // Without vocabularies the ids are the values.
    const int64_t shared = std::min(column.table_rows, trained.table_rows);
    std::iota(source.begin(), source.begin() + shared, int64_t{0});
    return source;
  }
  for (int64_t id = 0; id < kReservedIds; ++id) source[id] = id;
  SDA_ASSIGN_OR_RETURN(const auto known,
                       ReadVocabulary(absl::StrCat(model_folder, "/", trained.vocabulary_path)));
  SDA_ASSIGN_OR_RETURN(const auto values, ReadVocabulary(absl::StrCat(folder, "/", column.vocabulary_path)));
  if (static_cast<int64_t>(known.size()) + kReservedIds != trained.table_rows ||
      static_cast<int64_t>(values.size()) + kReservedIds != column.table_rows) {
    return absl::FailedPreconditionError(absl::StrCat(folder, ": the vocabulary of ", column.name,
                                                      " has not as many values as its table has rows"));
  }
  absl::flat_hash_map<std::string_view, int64_t> rows;
  rows.reserve(known.size());
  for (size_t i = 0; i < known.size(); ++i) rows[known[i]] = static_cast<int64_t>(i) + kReservedIds;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto found = rows.find(values[i]);
    if (found != rows.end()) source[i + kReservedIds] = found->second;
  }
  return source;
}

}  // namespace

absl::Status StartFromModel(const InitialModel& from, const DatasetManifest& manifest,
                            const std::string& folder, const DlrmLayout& layout, DlrmWeights& weights) {
  SDA_ASSIGN_OR_RETURN(const ModelDescription model, ReadModelDescription(from.folder));
  SDA_RETURN_IF_ERROR(CheckSha256(from));
  SDA_RETURN_IF_ERROR(CheckSameColumns(manifest, model.manifest));
  SDA_RETURN_IF_ERROR(CheckSameShape(layout.spec(), model.spec));
  const DlrmLayout trained(model.spec, ShapeOf(model.manifest));
  std::vector<const ManifestColumn*> columns, trained_columns;
  for (size_t i = 0; i < manifest.columns.size(); ++i) {
    if (manifest.columns[i].role == ColumnRole::kDense) continue;
    columns.push_back(&manifest.columns[i]);
    trained_columns.push_back(&model.manifest.columns[i]);
  }
  if (layout.tables().size() != trained.tables().size()) {
    return InvalidField(
        "model.quotient_collisions",
        "splits other tables than it did for the initial model, whose vocabularies were smaller");
  }
  for (size_t t = 0; t < layout.tables().size(); ++t) {
    const int64_t column = layout.tables()[t].column;
    SDA_RETURN_IF_ERROR(
        CheckTables(layout.tables()[t], trained.tables()[t], *columns[column], *trained_columns[column]));
  }
  DlrmWeights source(trained);
  SDA_RETURN_IF_ERROR(ReadModelWeights(from.folder, source));
  weights.dense.CopyFrom(source.dense);
  std::vector<std::vector<int64_t>> source_rows(columns.size());
  for (size_t t = 0; t < layout.tables().size(); ++t) {
    const Table& table = layout.tables()[t];
    const float* values = source.embeddings.data() + trained.tables()[t].begin;
    float* out = weights.embeddings.data() + table.begin;
    if (table.map != IdMap::kSame) {
      std::copy_n(values, table.rows * table.width, out);
      continue;
    }
    std::vector<int64_t>& rows = source_rows[table.column];
    if (rows.empty()) {
      SDA_ASSIGN_OR_RETURN(
          rows, SourceRows(*columns[table.column], folder, *trained_columns[table.column], from.folder));
    }
    for (int64_t row = 0; row < table.rows; ++row) {
      if (rows[row] >= 0) std::copy_n(values + rows[row] * table.width, table.width, out + row * table.width);
    }
  }
  return absl::OkStatus();
}

int64_t InitialModelBytes(const InitialModel& from) {
  if (from.folder.empty()) return 0;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(from.folder + kWeightsFile, error);
  return error ? 0 : static_cast<int64_t>(bytes);
}

}  // namespace sda::trainer
