#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_EMBEDDING_BAG_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_EMBEDDING_BAG_H_

#include <cstdint>
#include <span>
#include <vector>

namespace sda::trainer {

// The ids of one table for the samples of a batch. Sample s owns ids[offsets[s] .. offsets[s + 1]); without
// offsets exactly ids[s]. Ids may repeat; a bag may be empty.
struct TableIds {
  std::span<const int32_t> ids;
  std::span<const int32_t> offsets;  // samples + 1 non-decreasing values from 0 to ids.size(), or empty

  bool one_hot() const { return offsets.empty(); }
};

// out[s, 0..dim) = Σ_{id in bag of s} table[id], for s in [begin, end); row s of `out` begins at
// out + (s − begin)·out_stride. table [rows, dim]. Every id must lie in [0, rows): callers check (see
// batch.h).
void EmbeddingBagForward(const float* table, int64_t dim, const TableIds& ids, int64_t begin, int64_t end,
                         float* out, int64_t out_stride);

// Which samples looked up which rows of one table, for an update that visits each row once however often it
// occurs. Reusable: buffers keep their capacity. Not thread-safe.
class RowGroups {
 public:
  // Groups the ids of the samples of a batch by row: rows ascending, samples of a row in order of occurrence
  // (so sums over them have one order whatever the thread count). Radix sort, O(ids · bytes of the largest
  // id).
  void Build(const TableIds& ids, int64_t samples);

  size_t size() const { return rows_.size(); }
  int32_t row(size_t group) const { return rows_[group]; }
  // A sample occurs once for each time the row is in its bag.
  std::span<const int32_t> samples(size_t group) const {
    return {samples_.data() + begins_[group], static_cast<size_t>(begins_[group + 1] - begins_[group])};
  }

 private:
  std::vector<uint64_t> keys_, sorted_;  // row in the high word, sample in the low word
  std::vector<int32_t> rows_, begins_, samples_;
};

// sum[0..dim) = Σ_{s in samples} gradient[s·stride .. +dim): the gradient of a row, duplicates coalesced.
void SumSampleGradients(const float* gradient, int64_t stride, int64_t dim, std::span<const int32_t> samples,
                        float* sum);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_EMBEDDING_BAG_H_
