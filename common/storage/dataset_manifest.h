#ifndef SDA_COMMON_STORAGE_DATASET_MANIFEST_H_
#define SDA_COMMON_STORAGE_DATASET_MANIFEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace sda {

// The manifest of an encoded dataset: `datasets/{d}/manifest.json` below the artefact root. It is the
// contract between preprocessing, which writes it last (a dataset without one does not exist), and everyone
// who reads datasets. Paths in it are relative to the manifest's folder.

enum class ColumnRole { kDense, kCategorical };

// How one dense column was made from its raw value x: missing becomes fill_value; then, where `log` is set,
// y = sign(v)·ln(1 + |v|); then y = (y − mean) / scale. Fitted on the training split only.
struct DenseTransform {
  double fill_value = 0;  // in raw units
  bool log = false;
  double mean = 0;
  double scale = 1;  // > 0

  bool operator==(const DenseTransform&) const = default;
};

struct ManifestColumn {
  std::string name;  // also the field name in the shards
  ColumnRole role = ColumnRole::kDense;

  // Dense columns.
  DenseTransform dense;

  // Categorical columns. Ids lie in [0, table_rows): 0 missing, 1 unknown or below the threshold, then the
  // vocabulary by descending training count, ties by bytes; table_rows = vocabulary size + 2.
  int64_t table_rows = 0;
  int64_t frequency_threshold = 1;
  std::string vocabulary_path;  // Arrow IPC file with one utf8 column "value" (row r has id r + 2)
  std::string vocabulary_sha256;
  // Not empty: cells hold lists of values with this text between them (list_cell.h), shards lists of ids. A
  // list without a value is [0]. Of longer lists the first list_max_values values were kept; 0: all.
  std::string list_separator = {};
  int64_t list_max_values = 0;

  bool is_list() const { return !list_separator.empty(); }

  // Profile of the raw column over the training split.
  int64_t missing_rows = 0;
  int64_t distinct_count = 0;                                    // distinct raw values, before the threshold
  std::optional<double> raw_min, raw_max, raw_mean, raw_stddev;  // dense only

  bool operator==(const ManifestColumn&) const = default;
};

// An Arrow IPC file with exactly one record batch, uncompressed, so that it can be memory-mapped:
// "label" float32; "weight" float32, finite and at least 0, where there is a weight_column; then the columns
// in manifest order: dense float32, categorical int32 and those with lists list<int32>; none with nulls,
// neither lists nor items.
struct ManifestShard {
  std::string path;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::string sha256;
  int64_t first_row = 0;  // of a binary file: rows of the file before those of this shard

  bool operator==(const ManifestShard&) const = default;
};

// What the shards of a dataset are.
enum class ShardFormat {
  kArrow,  // as above
  // A range of rows of a file in the binary format of MLPerf's DLRM reference, which is read where it lies:
  // path is absolute, bytes and sha256 are those of the range. A row is 40 little-endian int32: the label, 13
  // dense values x >= 0 that enter as ln(1 + x), 26 ids. Columns are then I1 to I13 and C1 to C26; no id is
  // reserved, and there are no vocabularies: vocabulary_path is empty.
  kMlperfBinary,
};
inline constexpr int64_t kMlperfDenseColumns = 13;
inline constexpr int64_t kMlperfTables = 26;
inline constexpr int64_t kMlperfRowBytes = 4 * (1 + kMlperfDenseColumns + kMlperfTables);

struct ManifestSplit {
  int64_t rows = 0;
  int64_t positive_rows = 0;
  std::vector<ManifestShard> shards;

  bool operator==(const ManifestSplit&) const = default;
};

// A file that holds a split's rows in another form than shards, for other programs.
struct ManifestExport {
  std::string kind;   // "parquet", "mlperf"
  std::string split;  // "train", "validation", "test"
  std::string path;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::string sha256;

  bool operator==(const ManifestExport&) const = default;
};

struct DatasetManifest {
  int format_version = 1;
  std::string name;    // "datasets/{d}"
  std::string digest;  // SHA-256 over schema, vocabularies, fitted state and shard bytes, not over provenance
  std::string label_column;                     // name in the raw data
  std::vector<std::string> positive_values;     // empty: raw labels are 0 and 1
  std::string weight_column = {};               // name in the raw data of the rows' weights; empty: all are 1
  std::vector<ManifestColumn> columns;          // dense first, then categorical, each in input order
  std::map<std::string, ManifestSplit> splits;  // "train", "validation", "test"; a split may have 0 rows

  // Of a dataset made by a pipeline: what its steps learned (common/pipeline/fitted_pipeline.h), which turns
  // raw rows into columns; the columns' own transforms and vocabularies are then without meaning and empty.
  std::string pipeline_path;
  std::string pipeline_sha256;
  std::vector<ManifestExport> exports;  // by kind, split, position

  std::string id_order = "count_desc_then_bytes";
  std::string fit_scope = "train";
  ShardFormat shard_format = ShardFormat::kArrow;
  int64_t max_ind_range = 0;    // kMlperfBinary: ids are taken modulo this; 0: as they are
  std::string options_json;     // the exact options that made it, a JSON object
  std::string provenance_json;  // inputs, engine, threads, times; outside the digest; a JSON object

  bool operator==(const DatasetManifest&) const = default;
};

// Manifest as JSON text, keys in a fixed order, ending with a newline.
std::string ManifestToJson(const DatasetManifest& manifest);

// INVALID_ARGUMENT names the key and the rule; `source` (a path) begins each message.
absl::StatusOr<DatasetManifest> ManifestFromJson(std::string_view json, std::string_view source);

// The digest of a manifest: SHA-256 over the fields that make two datasets equal.
std::string ComputeDatasetDigest(const DatasetManifest& manifest);

}  // namespace sda

#endif  // SDA_COMMON_STORAGE_DATASET_MANIFEST_H_
