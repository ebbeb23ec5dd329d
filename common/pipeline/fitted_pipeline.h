#ifndef SDA_COMMON_PIPELINE_FITTED_PIPELINE_H_
#define SDA_COMMON_PIPELINE_FITTED_PIPELINE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "common/pipeline/executor.h"

namespace arrow::io {
class OutputStream;
}  // namespace arrow::io

namespace sda::pipeline {

inline constexpr char kFittedPipelinePath[] = "pipeline.arrow";  // in a dataset's and a model's folder

// A pipeline with everything its steps learned: what the artefact pipeline.arrow holds.
struct FittedPipeline {
  Pipeline pipeline;
  Program program;
  std::vector<NodeState> states;  // one for each node of the program
};

// The artefact: an Arrow IPC file as docs/pipelines.md describes. Its bytes depend on what was learned alone.
absl::StatusOr<std::string> FittedPipelineToArrow(const FittedPipeline& fitted);

// Tables that do not fit into memory and so are in no state, by node: goes through the entries in order.
using VisitTableEntry = std::function<absl::Status(std::string_view value, int64_t count, int64_t positives)>;
using StoredTables = std::map<size_t, std::function<absl::Status(const VisitTableEntry&)>>;

// Writes the same bytes to a stream, with tables that lie elsewhere.
absl::Status WriteFittedPipeline(const FittedPipeline& fitted, const StoredTables& stored,
                                 arrow::io::OutputStream& out);

// FAILED_PRECONDITION, beginning with `source`, for what is no such artefact.
absl::StatusOr<FittedPipeline> FittedPipelineFromArrow(std::string_view bytes, std::string_view source);

// The features of some rows as models take them.
struct FeatureRows {
  struct Ids {
    std::vector<int32_t> ids;
    std::vector<uint32_t> offsets;  // of lists: rows + 1; empty for one id a row
  };
  std::vector<std::vector<float>> dense;  // one column each
  std::vector<Ids> categorical;
};

// Applies a fitted pipeline to new rows: the column operations, no row operation. Thread-safe.
class ServingPipeline {
 public:
  explicit ServingPipeline(FittedPipeline fitted);

  // Position of a column of the log; -1 where it has none of that name.
  int FindColumn(std::string_view name) const;
  const std::vector<std::string>& columns() const { return fitted_.program.columns; }

  // A field of a request: views that stay valid during Apply, and whether it means missing.
  struct Field {
    std::string_view text;
    bool missing = false;
  };

  // `values[c]` holds column c's fields, or nothing where the column is left out: then it is missing in every
  // row. INVALID_ARGUMENT names column and row of what a step cannot take.
  absl::StatusOr<FeatureRows> Apply(const std::vector<std::vector<Field>>& values, size_t rows) const;

  // Bytes of what was learned, about.
  int64_t bytes() const;

 private:
  const FittedPipeline fitted_;
  Executor executor_;
  std::vector<bool> needed_;  // nodes
};

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_FITTED_PIPELINE_H_
