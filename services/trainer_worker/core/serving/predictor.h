#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_PREDICTOR_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_PREDICTOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/serving/exported_model.h"

namespace sda::trainer {

// Raw values of one column, a row each, as they stand in the log.
struct RawColumn {
  std::string_view name;
  std::vector<std::string_view> values;
};

// A loaded model that scores raw rows through the fitted state it carries. Predict is thread-safe.
class Predictor {
 public:
  // Errors as ReadModelDescription and ReadModelWeights.
  static absl::StatusOr<std::unique_ptr<Predictor>> Load(const std::string& folder);

  // Click probability of each row. All columns must have the same number of values; a column that is left out
  // is missing in every row. INVALID_ARGUMENT names an unknown column, or column and row of what is not a
  // number.
  absl::StatusOr<std::vector<float>> Predict(const std::vector<RawColumn>& columns) const;

  // Bytes of weights and vocabularies, about.
  int64_t bytes() const { return bytes_; }

 private:
  struct CategoricalColumn {
    const ManifestColumn* column = nullptr;
    std::vector<std::string> values;  // row r has id r + 2
    absl::flat_hash_map<std::string_view, int32_t> ids;
  };

  explicit Predictor(ModelDescription model);
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

  const ModelDescription model_;
  const std::vector<std::string> null_tokens_;
  DlrmLayout layout_;
  DlrmWeights weights_;
  std::vector<CategoricalColumn> vocabularies_;                    // one a table
  absl::flat_hash_map<std::string, std::pair<bool, int>> places_;  // name: (dense, index among its kind)
  std::vector<const ManifestColumn*> dense_columns_;
  int64_t bytes_ = 0;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_PREDICTOR_H_
