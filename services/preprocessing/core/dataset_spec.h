#ifndef SDA_SERVICES_PREPROCESSING_CORE_DATASET_SPEC_H_
#define SDA_SERVICES_PREPROCESSING_CORE_DATASET_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/status.h>

#include "common/pipeline/definition.h"
#include "services/preprocessing/core/bad_rows.h"

namespace sda::preprocessing {

// What a user asks for: which files, how to read them, what to make of them. sda.preprocessing.v1.DatasetSpec
// says the same to clients; see there for the meaning of each field.

struct FormatSpec {
  enum class Kind { kGuess, kText, kParquet, kArrow, kMlperf };
  enum class Header { kGuess, kYes, kNo };
  Kind kind = Kind::kGuess;
  std::string delimiter = {};  // empty: guessed
  Header header = Header::kGuess;
  // Fields that mean "missing", besides the empty field, which always does. Empty: "NULL", "NA", "?".
  std::vector<std::string> null_values = {};

  bool operator==(const FormatSpec&) const = default;
};

enum class Role { kDense, kCategorical, kIgnored, kLabel };

// What a user says about one column; what is left out is inferred.
struct ColumnChoice {
  std::string name = {};
  std::optional<Role> role = {};    // kLabel only for the label itself
  std::optional<bool> log = {};     // dense
  int64_t frequency_threshold = 0;  // categorical; 0: that of the dataset
  std::string list_separator = {};  // categorical; not empty: cells hold lists (list_cell.h)
  int64_t list_max_values = 0;      // of lists; 0: all

  bool operator==(const ColumnChoice&) const = default;
};

struct SplitSpec {
  enum class Kind { kFraction, kHash, kTime };
  Kind kind = Kind::kFraction;
  std::string column = {};        // of kHash and kTime
  double test_share = 0.2;        // in [0, 0.9]; without meaning where there are test files
  double validation_share = 0.1;  // of the training part, in (0, 0.5]

  bool operator==(const SplitSpec&) const = default;
};

// Of files in MLPerf's binary format.
struct MlperfSpec {
  std::vector<std::string> validation_uris = {};
  std::vector<int64_t> table_rows = {};  // one a table; empty: of counts_uri, or what the ids need
  std::string counts_uri = {};
  int64_t max_ind_range = 0;  // ids are taken modulo this; 0: as they are

  bool operator==(const MlperfSpec&) const = default;
};

struct DatasetSpec {
  std::vector<std::string> data_uris = {};  // files, folders, globs
  std::vector<std::string> test_uris = {};
  FormatSpec format = {};
  std::string label = {};  // name, or position from 0 (from the end if negative)
  std::vector<std::string> positive_values = {};
  std::string weight = {};  // column of the rows' weights, as `label`; empty: none
  std::vector<ColumnChoice> columns = {};
  SplitSpec split = {};
  int64_t frequency_threshold = 0;  // 0: by the number of training rows
  int64_t seed = 0;
  int64_t shard_rows = 65536;
  MlperfSpec mlperf = {};                           // with FormatSpec::Kind::kMlperf
  std::optional<pipeline::Pipeline> pipeline = {};  // instead of automatic roles and encodings
  BadRowPolicy bad_rows = BadRowPolicy::kFail;

  bool operator==(const DatasetSpec&) const = default;
};

// INVALID_ARGUMENT with every field that breaks a rule by itself; what depends on the data is found later.
absl::Status ValidateSpec(const DatasetSpec& spec);

// The spec with what its pipeline says about the label where the spec says nothing.
DatasetSpec WithPipelineLabel(DatasetSpec spec);

// The fields that mean "missing", the defaults filled in; the empty field is not among them.
std::vector<std::string> NullTokens(const FormatSpec& format);

// The default frequency threshold for so many training rows: 1 below 2,000 (every value counts), 3 below
// 10,000, 6 below 1,000,000, 10 below 30,000,000, then 15. Values seen less often cannot be learned and only
// overfit.
int64_t DefaultFrequencyThreshold(int64_t train_rows);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_DATASET_SPEC_H_
