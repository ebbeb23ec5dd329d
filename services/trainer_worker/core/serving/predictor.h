#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_PREDICTOR_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_PREDICTOR_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include "common/pipeline/fitted_pipeline.h"
#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/serving/encoded_rows.h"
#include "services/trainer_worker/core/serving/exported_model.h"

namespace sda::trainer {

// Raw values of one column, a row each, as they stand in the log.
struct RawColumn {
  std::string_view name;
  std::vector<std::string_view> values;
};

// A loaded model that scores raw rows through the fitted state it carries. Thread-safe.
class Predictor {
 public:
  // Rows that Score takes at once.
  static constexpr int64_t kMaxRowsAtOnce = 1024;

  // Errors as ReadModelDescription and ReadModelWeights.
  static absl::StatusOr<std::unique_ptr<Predictor>> Load(const std::string& folder);

  // Click probability of each row: Encode, then Score.
  absl::StatusOr<std::vector<float>> Predict(const std::vector<RawColumn>& columns) const;

  // All columns must have the same number of values; a column that is left out is missing in every row.
  // INVALID_ARGUMENT names an unknown or repeated column, or column and row of what is not a number.
  absl::StatusOr<EncodedRows> Encode(const std::vector<RawColumn>& columns) const;

  // probabilities[0 .. rows.rows) of at most kMaxRowsAtOnce rows of this model. Those of a row are the same
  // bytes whatever other rows stand beside it.
  void Score(const EncodedRows& rows, float* probabilities) const;

  // Bytes of weights, vocabularies and the memory of one Score, about.
  int64_t bytes() const { return bytes_; }

 private:
  struct CategoricalColumn {
    const ManifestColumn* column = nullptr;
    std::vector<std::string> values;  // row r has id r + 2
    absl::flat_hash_map<std::string_view, int32_t> ids;
  };

  explicit Predictor(ModelDescription model);
  absl::Status LoadPipeline(const std::string& folder);
  absl::Status LoadVocabularies(const std::string& folder);
  bool IsMissing(std::string_view value) const;
  absl::StatusOr<float> EncodeDense(const ManifestColumn& column, std::string_view value, size_t row) const;
  // Of a column without a vocabulary, whose values are ids; a missing one counts as 0, as in such files.
  absl::Status EncodeIds(const CategoricalColumn& column, const std::vector<std::string_view>& cells,
                         std::vector<int32_t>& ids) const;
  // The ids of each cell's values and where they begin, offsets[row + 1] behind those of `row`.
  void EncodeLists(const CategoricalColumn& column, const std::vector<std::string_view>& cells,
                   std::vector<int32_t>& ids, std::vector<int32_t>& offsets) const;
  int32_t EncodeCategorical(const CategoricalColumn& column, std::string_view value) const;
  std::string ColumnNames() const;
  std::unique_ptr<DlrmWorkspace> TakeWorkspace() const;

  bool HasColumn(std::string_view name) const;
  absl::StatusOr<EncodedRows> EncodeByPipeline(const std::vector<RawColumn>& columns, size_t rows) const;
  absl::StatusOr<EncodedRows> EncodeByColumn(const std::vector<RawColumn>& columns, size_t rows) const;

  const ModelDescription model_;
  const std::vector<std::string> null_tokens_;
  DlrmLayout layout_;
  DlrmWeights weights_;
  std::vector<CategoricalColumn> vocabularies_;                    // one a table
  absl::flat_hash_map<std::string, std::pair<bool, int>> places_;  // name: (dense, index among its kind)
  std::vector<const ManifestColumn*> dense_columns_;
  std::unique_ptr<pipeline::ServingPipeline> pipeline_;  // of a dataset made by one; then no vocabularies
  int64_t bytes_ = 0;

  mutable std::mutex mutex_;
  // Kept for the next Score, as many as ever ran at a time: making one costs more than scoring a row.
  mutable std::vector<std::unique_ptr<DlrmWorkspace>> workspaces_;  // guarded by mutex_
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_PREDICTOR_H_
