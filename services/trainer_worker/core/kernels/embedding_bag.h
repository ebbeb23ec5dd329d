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

// Which of `shards` parts of a table, of about the same number of rows, a row is in: threads that share a
// table take a part each. Neighbouring rows are in different parts, so that frequent ones are spread.
inline int64_t ShardOf(int32_t row, int64_t shards) {
  const uint32_t mixed = static_cast<uint32_t>(row) * 2654435769u;  // 2³² / golden ratio
  return static_cast<int64_t>((static_cast<uint64_t>(mixed) * static_cast<uint64_t>(shards)) >> 32);
}

// The step of plain SGD for one table, without making its gradient: for each sample and each id of its bag
// that is in `shard` of `shards`, in order, table[id] −= rate · gradient[sample], where the gradient
// of sample s is gradient[s · stride .. +dim). A row that occurs twice is changed twice. Different shards
// touch different rows. Ids as above; `samples` of them have bags.
void EmbeddingBagSgd(float* table, int64_t dim, const TableIds& ids, int64_t samples, const float* gradient,
                     int64_t stride, float rate, int64_t shard = 0, int64_t shards = 1);

// sum[0..dim) = Σ_{s in samples} gradient[s·stride .. +dim): the gradient of a row, duplicates coalesced.
void SumSampleGradients(const float* gradient, int64_t stride, int64_t dim, std::span<const int32_t> samples,
                        float* sum);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_KERNELS_EMBEDDING_BAG_H_
