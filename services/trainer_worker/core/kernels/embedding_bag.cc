#include "services/trainer_worker/core/kernels/embedding_bag.h"

#include <algorithm>
#include <cstring>

#include "services/trainer_worker/core/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "services/trainer_worker/core/kernels/embedding_bag.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sda::trainer {
namespace HWY_NAMESPACE {
namespace {

// Lookups ahead whose rows are fetched early: tables larger than the cache cost a memory latency a row
// otherwise.
constexpr int64_t kPrefetchDistance = 16;

// Fetches all cache lines of a row; for_write 1 where it will be changed.
template <int for_write>
inline void Prefetch(const float* row, int64_t dim) {
  constexpr int64_t kLineFloats = 16;
  for (int64_t i = 0; i < dim; i += kLineFloats) __builtin_prefetch(row + i, for_write);
}

#if SDA_SIMD_TARGET

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vec = hn::Vec<Floats>;

constexpr int kLanes = static_cast<int>(HWY_MAX_BYTES / sizeof(float));
constexpr int kMostVectors = 8;  // of a row summed in registers at once

// out[0..kVecs · kLanes) = Σ of the rows at positions [begin, end); of the last vector `mask` only.
template <int kVecs, class Mask>
inline void SumRows(const float* HWY_RESTRICT table, int64_t dim, const int32_t* HWY_RESTRICT ids,
                    int64_t begin, int64_t end, int64_t last, bool whole, Mask mask,
                    float* HWY_RESTRICT out) {
  const Floats d;
  Vec sum[kVecs];
  SDA_UNROLL
  for (int v = 0; v < kVecs; ++v) sum[v] = hn::Zero(d);
  for (int64_t position = begin; position < end; ++position) {
    if (position + kPrefetchDistance < last) {
      const float* ahead = table + static_cast<int64_t>(ids[position + kPrefetchDistance]) * dim;
      SDA_UNROLL
      for (int v = 0; v < kVecs; v += 16 / kLanes) __builtin_prefetch(ahead + v * kLanes);
    }
    const float* HWY_RESTRICT row = table + static_cast<int64_t>(ids[position]) * dim;
    SDA_UNROLL
    for (int v = 0; v < kVecs - 1; ++v) sum[v] = hn::Add(sum[v], hn::LoadU(d, row + v * kLanes));
    const float* tail = row + (kVecs - 1) * kLanes;
    sum[kVecs - 1] = hn::Add(sum[kVecs - 1], whole ? hn::LoadU(d, tail) : hn::MaskedLoad(mask, d, tail));
  }
  SDA_UNROLL
  for (int v = 0; v < kVecs - 1; ++v) hn::StoreU(sum[v], d, out + v * kLanes);
  float* tail = out + (kVecs - 1) * kLanes;
  if (whole) {
    hn::StoreU(sum[kVecs - 1], d, tail);
  } else {
    hn::BlendedStore(sum[kVecs - 1], mask, d, tail);
  }
}

// Columns [0, columns) of all bags; columns <= kVecs · kLanes, more than (kVecs − 1) · kLanes.
template <int kVecs>
void SumBags(const float* table, int64_t dim, const TableIds& ids, int64_t begin, int64_t end,
             int64_t columns, float* out, int64_t out_stride) {
  const Floats d;
  const bool whole = columns == kVecs * kLanes;
  const auto mask = hn::FirstN(d, static_cast<size_t>(columns - (kVecs - 1) * kLanes));
  const int32_t* const offsets = ids.offsets.data();
  const int64_t last = offsets[end];
  for (int64_t sample = begin; sample < end; ++sample, out += out_stride) {
    SumRows<kVecs>(table, dim, ids.ids.data(), offsets[sample], offsets[sample + 1], last, whole, mask, out);
  }
}

void CopyRows(const float* HWY_RESTRICT table, int64_t dim, const int32_t* HWY_RESTRICT ids, int64_t begin,
              int64_t end, float* HWY_RESTRICT out, int64_t out_stride) {
  const Floats d;
  const int64_t vectors = dim / kLanes * kLanes;
  for (int64_t sample = begin; sample < end; ++sample, out += out_stride) {
    if (sample + kPrefetchDistance < end)
      Prefetch<0>(table + static_cast<int64_t>(ids[sample + kPrefetchDistance]) * dim, dim);
    const float* HWY_RESTRICT row = table + static_cast<int64_t>(ids[sample]) * dim;
    for (int64_t i = 0; i < vectors; i += kLanes) hn::StoreU(hn::LoadU(d, row + i), d, out + i);
    for (int64_t i = vectors; i < dim; ++i) out[i] = row[i];
  }
}

void ForwardImpl(const float* table, int64_t dim, const TableIds& ids, int64_t begin, int64_t end, float* out,
                 int64_t out_stride) {
  if (begin == end) return;
  if (ids.one_hot()) return CopyRows(table, dim, ids.ids.data(), begin, end, out, out_stride);
  for (int64_t i = 0; i < dim; i += kMostVectors * kLanes) {
    const int64_t columns = std::min<int64_t>(kMostVectors * kLanes, dim - i);
    switch ((columns + kLanes - 1) / kLanes) {
      case 1:
        SumBags<1>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        break;
      case 2:
        SumBags<2>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        break;
      case 3:
      case 4:
        // Three vectors as two and one would read rows twice; as four they would read beyond them.
        if (columns > 3 * kLanes) {
          SumBags<4>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        } else {
          SumBags<3>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        }
        break;
      case 5:
        SumBags<5>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        break;
      case 6:
        SumBags<6>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        break;
      case 7:
        SumBags<7>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
        break;
      default:
        SumBags<8>(table + i, dim, ids, begin, end, columns, out + i, out_stride);
    }
  }
}

inline void AddScaled(float factor, const float* HWY_RESTRICT from, int64_t dim, float* HWY_RESTRICT to) {
  const Floats d;
  const Vec scale = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    hn::StoreU(hn::MulAdd(scale, hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
  for (; i < dim; ++i) to[i] += factor * from[i];
}

inline void Add(const float* HWY_RESTRICT from, int64_t dim, float* HWY_RESTRICT to) {
  const Floats d;
  int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    hn::StoreU(hn::Add(hn::LoadU(d, from + i), hn::LoadU(d, to + i)), d, to + i);
  for (; i < dim; ++i) to[i] += from[i];
}

#else

void ForwardImpl(const float* table, int64_t dim, const TableIds& ids, int64_t begin, int64_t end, float* out,
                 int64_t out_stride) {
  const int64_t last = static_cast<int64_t>(ids.ids.size());
  const auto prefetch = [&](int64_t position) {
    if (position < last) __builtin_prefetch(table + static_cast<int64_t>(ids.ids[position]) * dim);
  };
  for (int64_t sample = begin; sample < end; ++sample, out += out_stride) {
    if (ids.one_hot()) {
      prefetch(sample + kPrefetchDistance);
      std::memcpy(out, table + static_cast<int64_t>(ids.ids[sample]) * dim, dim * sizeof(float));
      continue;
    }
    std::fill(out, out + dim, 0.0f);
    for (int64_t position = ids.offsets[sample]; position < ids.offsets[sample + 1]; ++position) {
      prefetch(position + kPrefetchDistance);
      const float* row = table + static_cast<int64_t>(ids.ids[position]) * dim;
      for (int64_t i = 0; i < dim; ++i) out[i] += row[i];
    }
  }
}

inline void AddScaled(float factor, const float* from, int64_t dim, float* to) {
  for (int64_t i = 0; i < dim; ++i) to[i] += factor * from[i];
}

inline void Add(const float* from, int64_t dim, float* to) {
  for (int64_t i = 0; i < dim; ++i) to[i] += from[i];
}

#endif  // SDA_SIMD_TARGET

// The lookups of one shard, in order: which row, and of which sample.
struct ShardLookups {
  static constexpr int64_t kMost = 1024;
  int64_t count = 0;
  int32_t rows[kMost], samples[kMost];
};

void SubtractGradients(float* table, int64_t dim, const ShardLookups& lookups, const float* gradient,
                       int64_t stride, float rate) {
  const auto row = [&](int64_t i) { return table + static_cast<int64_t>(lookups.rows[i]) * dim; };
  for (int64_t i = 0; i < std::min(kPrefetchDistance, lookups.count); ++i) Prefetch<1>(row(i), dim);
  for (int64_t i = 0; i < lookups.count; ++i) {
    if (i + kPrefetchDistance < lookups.count) Prefetch<1>(row(i + kPrefetchDistance), dim);
    AddScaled(-rate, gradient + lookups.samples[i] * stride, dim, row(i));
  }
}

void SgdImpl(float* table, int64_t dim, const TableIds& ids, int64_t samples, const float* gradient,
             int64_t stride, float rate, int64_t shard, int64_t shards) {
  // Rows of a shard are few among the others': they are listed first, so that enough of them are fetched
  // ahead.
  ShardLookups lookups;
  for (int64_t sample = 0; sample < samples; ++sample) {
    const int64_t begin = ids.one_hot() ? sample : ids.offsets[sample];
    const int64_t end = ids.one_hot() ? sample + 1 : ids.offsets[sample + 1];
    for (int64_t position = begin; position < end; ++position) {
      const int32_t id = ids.ids[position];
      lookups.rows[lookups.count] = id;
      lookups.samples[lookups.count] = static_cast<int32_t>(sample);
      lookups.count += shards == 1 || ShardOf(id, shards) == shard;
      if (lookups.count < ShardLookups::kMost) continue;
      SubtractGradients(table, dim, lookups, gradient, stride, rate);
      lookups.count = 0;
    }
  }
  SubtractGradients(table, dim, lookups, gradient, stride, rate);
}

void SumImpl(const float* gradient, int64_t stride, int64_t dim, std::span<const int32_t> samples,
             float* sum) {
  std::memcpy(sum, gradient + samples[0] * stride, dim * sizeof(float));
  for (int32_t sample : samples.subspan(1)) Add(gradient + sample * stride, dim, sum);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sda::trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sda::trainer {

HWY_EXPORT(ForwardImpl);
HWY_EXPORT(SgdImpl);
HWY_EXPORT(SumImpl);

void EmbeddingBagForward(const float* table, int64_t dim, const TableIds& ids, int64_t begin, int64_t end,
                         float* out, int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(ForwardImpl)(table, dim, ids, begin, end, out, out_stride);
}

void EmbeddingBagSgd(float* table, int64_t dim, const TableIds& ids, int64_t samples, const float* gradient,
                     int64_t stride, float rate, int64_t shard, int64_t shards) {
  HWY_DYNAMIC_DISPATCH(SgdImpl)(table, dim, ids, samples, gradient, stride, rate, shard, shards);
}

void SumSampleGradients(const float* gradient, int64_t stride, int64_t dim, std::span<const int32_t> samples,
                        float* sum) {
  HWY_DYNAMIC_DISPATCH(SumImpl)(gradient, stride, dim, samples, sum);
}

}  // namespace sda::trainer
#endif
