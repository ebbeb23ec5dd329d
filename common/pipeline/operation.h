#ifndef SDA_COMMON_PIPELINE_OPERATION_H_
#define SDA_COMMON_PIPELINE_OPERATION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/column_data.h"
#include "common/pipeline/program.h"

namespace sda::pipeline {

// A table of values that a node learned; which numbers it has depends on the operation.
struct LearnedTable {
  std::vector<std::string> values;  // in id order where values have ids, else by bytes
  std::vector<int64_t> counts;
  std::vector<int64_t> positives;  // target_encode; else empty

  // Of target_encode while a dataset is made, value i's fold f at i · folds + f; not kept afterwards.
  std::vector<int64_t> fold_counts;
  std::vector<int64_t> fold_positives;

  bool operator==(const LearnedTable&) const = default;
};

// What a node learned.
struct NodeState {
  std::vector<double> numbers;      // fill value; mean and scale; bounds; rows and positives
  std::optional<std::string> text;  // fill value of text columns
  std::optional<LearnedTable> table;
  // Of target_encode while a dataset is made: all training rows by fold.
  std::vector<int64_t> fold_rows;
  std::vector<int64_t> fold_positives;

  bool operator==(const NodeState&) const = default;
};

// A field that a node cannot take.
struct CellProblem {
  size_t row = 0;
  std::string reason;  // BAD_NUMBER, BAD_TIME
  std::string rule;
};

// The rows of a batch, as far as operations may know them. At serving there are neither numbers nor training
// rows: both are null.
struct RowContext {
  size_t rows = 0;
  const int64_t* row_numbers = nullptr;
  const uint8_t* is_train = nullptr;
  uint64_t seed = 0;
};

using InputColumns = std::vector<const ColumnData*>;
using OutputColumns = std::vector<ColumnData*>;

// A node with what it learned, ready to be applied to rows, at serving as while a dataset is made.
// Thread-safe.
class AppliedOperation {
 public:
  virtual ~AppliedOperation() = default;

  // Fills the outputs, one row for each of the inputs'. Of several bad fields the first row's is returned.
  virtual std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                           const OutputColumns& out) const = 0;

  // Of the first output, where that is of ids: they lie in [0, table_rows).
  virtual int64_t table_rows() const { return 0; }
};

// `state` must outlive the operation and be what the node learned (empty for nodes that do not learn). Not
// for row operations, drop and select.
std::unique_ptr<AppliedOperation> MakeOperation(const Node& node, const NodeState& state);

// One function an operation file; see there.
std::unique_ptr<AppliedOperation> MakeConversion(Conversion conversion);
std::unique_ptr<AppliedOperation> MakeIdentity();
std::unique_ptr<AppliedOperation> MakeFillMissing(const FillMissing& options, const NodeState& state);
std::unique_ptr<AppliedOperation> MakeClip(const Clip& options);
std::unique_ptr<AppliedOperation> MakeLog();
std::unique_ptr<AppliedOperation> MakeStandardise(const NodeState& state);
std::unique_ptr<AppliedOperation> MakeQuantileBucket(const QuantileBucket& options, const NodeState& state);
std::unique_ptr<AppliedOperation> MakeHash(int64_t buckets, int64_t seed);
std::unique_ptr<AppliedOperation> MakeHexToInteger(const HexToInteger& options);
std::unique_ptr<AppliedOperation> MakeCategorify(const VocabularyOptions& options, const NodeState& state);
std::unique_ptr<AppliedOperation> MakeCountEncode(const NodeState& state);
std::unique_ptr<AppliedOperation> MakeFrequencyEncode(const NodeState& state);
std::unique_ptr<AppliedOperation> MakeTargetEncode(const TargetEncode& options, const NodeState& state);
std::unique_ptr<AppliedOperation> MakeDifference();
std::unique_ptr<AppliedOperation> MakeRatio();
std::unique_ptr<AppliedOperation> MakeDateParts(const DateParts& options);
std::unique_ptr<AppliedOperation> MakeSplitList(const SplitList& options);
std::unique_ptr<AppliedOperation> MakeTruncateList(const TruncateList& options);
std::unique_ptr<AppliedOperation> MakeMultiHot(const MultiHot& options, const NodeState& state);

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_OPERATION_H_
