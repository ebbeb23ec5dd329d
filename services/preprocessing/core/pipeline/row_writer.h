#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_ROW_WRITER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_ROW_WRITER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "services/preprocessing/core/block_runner.h"
#include "services/preprocessing/core/dense_stats.h"
#include "services/preprocessing/core/pipeline/pipeline_state.h"
#include "services/preprocessing/core/pipeline/row_store.h"
#include "services/preprocessing/core/shard_set.h"

namespace sda::preprocessing {

// Takes the features of one thread's blocks to the shards, and measures them. Not thread-safe.
class RowWriter {
 public:
  // `store`, where it is not null, takes the rows instead of the shards, which are then made of it.
  RowWriter(const DatasetPlan& plan, const PipelineState& state, ShardSet& shards, RowStore* store);

  // The rows of a block that are left, with their values by slot.
  absl::Status Write(const std::vector<pipeline::ColumnData>& slots, const BatchRows& rows,
                     const BlockPlace& place);

  // The dense features over the training rows, in the order of the output.
  std::vector<DenseStats>& profile() { return profile_; }
  // Rows of the training split in which a categorical feature is 0, missing.
  const std::vector<int64_t>& zero_ids() const { return zero_ids_; }

 private:
  using Slots = std::vector<pipeline::ColumnData>;

  absl::Status WriteRows(const Slots& slots, const BatchRows& rows, Split split,
                         const std::vector<uint32_t>& chosen, const std::vector<int64_t>& positions);
  absl::Status StoreRows(const Slots& slots, const BatchRows& rows, Split split,
                         const std::vector<uint32_t>& chosen, const std::vector<int64_t>& positions);
  static void WriteLists(const pipeline::ColumnData& column, size_t feature, std::span<const uint32_t> rows,
                         size_t offset, Shard& shard);
  absl::Status FillMlperf(const Slots& slots, const BatchRows& rows, size_t row, int32_t* out) const;
  void Profile(const Slots& slots, const BatchRows& rows);

  const DatasetPlan& plan_;
  const PipelineState& state_;
  const pipeline::Program& program_;
  ShardSet& shards_;
  RowStore* const store_;
  std::vector<DenseStats> profile_;
  std::vector<int64_t> zero_ids_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_ROW_WRITER_H_
