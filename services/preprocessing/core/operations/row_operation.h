#ifndef SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_ROW_OPERATION_H_
#define SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_ROW_OPERATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "common/pipeline/operation.h"
#include "services/preprocessing/core/operations/learned.h"
#include "services/preprocessing/core/row_notes.h"
#include "services/preprocessing/core/split.h"

namespace sda::preprocessing {

// The rows of a batch as row operations see them.
struct BatchRows {
  std::vector<int64_t> numbers;
  std::vector<int64_t> lines;
  std::vector<uint8_t> labels;
  std::vector<Split> splits;
  bool in_test_file = false;
  int64_t first_row = 0;  // of the block, whatever was taken away since
  int64_t end_row = 0;
  std::vector<int64_t> notes;  // of the operation at hand, by number − first_row

  int64_t note(size_t row) const { return notes[static_cast<size_t>(numbers[row] - first_row)]; }
  size_t size() const { return numbers.size(); }
  void Keep(const std::vector<uint8_t>& flags);
};

// What a row operation learned; see the operations for which field is whose.
struct RowState {
  double time_bound = 0;         // split by time
  int64_t last_part_begin = 0;   // split by last_part
  int64_t last_part_middle = 0;  // where its test rows end

  // By row: distinct: 1 for the first of its key; split by leave_last_out: the split; sort: 1 + the position
  // in its split. Null where nothing is noted.
  std::shared_ptr<const RowNotes> notes;
};

// What one row operation learns from batches; like Fitter otherwise.
class RowFitter {
 public:
  virtual ~RowFitter() = default;
  virtual void Add(const pipeline::InputColumns& in, const BatchRows& rows) = 0;
  virtual int64_t bytes() const { return 0; }
  virtual absl::Status Spill(const std::string& /*scratch_folder*/) { return absl::OkStatus(); }
  virtual absl::Status Merge(RowFitter& other, const std::string& scratch_folder) = 0;
  virtual absl::StatusOr<RowState> Finish(const LearnSettings& settings) = 0;
};

// A row operation. Thread-safe.
class RowOperation {
 public:
  virtual ~RowOperation() = default;

  // Null where there is nothing to learn.
  virtual std::unique_ptr<RowFitter> NewFitter() const { return nullptr; }

  // Clears the flags of rows that go away. The state's notes of the rows are in `rows`, here and below.
  virtual void Filter(const pipeline::InputColumns&, const BatchRows&, const RowState&,
                      std::vector<uint8_t>&) const {}

  // Deals the rows to splits. A problem where a field is not what it must be.
  virtual std::optional<pipeline::CellProblem> Deal(const pipeline::InputColumns&, const RowState&,
                                                    BatchRows&) const {
    return std::nullopt;
  }
};

// What operations may know beside their options.
struct RowSettings {
  uint64_t seed = 0;
  bool test_files = false;
};

// For a row operation's node.
std::unique_ptr<RowOperation> MakeRowOperation(const pipeline::Node& node, const RowSettings& settings);

// One function a file.
std::unique_ptr<RowOperation> NewFilter(const pipeline::Filter& options);
std::unique_ptr<RowOperation> NewSampleNegatives(const pipeline::SampleNegatives& options, uint64_t seed);
std::unique_ptr<RowOperation> NewDistinct(const pipeline::Distinct& options);
std::unique_ptr<RowOperation> NewSort(const pipeline::Sort& options, size_t inputs);
std::unique_ptr<RowOperation> NewSplitRows(const pipeline::SplitRows& options, const RowSettings& settings);

// Whether an operation with this list of splits is about a row; an empty list stands for all.
inline bool AppliesTo(const std::vector<pipeline::SplitName>& splits, Split split) {
  if (splits.empty()) return true;
  for (const pipeline::SplitName name : splits) {
    if (static_cast<Split>(name) == split) return true;
  }
  return false;
}

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_ROW_OPERATION_H_
