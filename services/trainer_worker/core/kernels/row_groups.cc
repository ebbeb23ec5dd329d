#include "services/trainer_worker/core/kernels/row_groups.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace sda::trainer {
namespace {

constexpr int kRadixBits = 11;
constexpr size_t kBuckets = size_t{1} << kRadixBits;

// Sorts by the high words, stable, `max_row` being the largest of them; the result is in `keys`.
void SortByRow(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch, uint32_t max_row) {
  scratch.resize(keys.size());
  const int row_bits = std::bit_width(max_row);
  for (int shift = 32; shift < 32 + row_bits; shift += kRadixBits) {
    std::array<uint32_t, kBuckets> begin{};
    for (uint64_t key : keys) ++begin[(key >> shift) & (kBuckets - 1)];
    uint32_t sum = 0;
    for (uint32_t& count : begin) sum += std::exchange(count, sum);
    for (uint64_t key : keys) scratch[begin[(key >> shift) & (kBuckets - 1)]++] = key;
    keys.swap(scratch);
  }
}

}  // namespace

void RowGroups::Build(const TableIds& ids, int64_t samples, int64_t shard, int64_t shards) {
  keys_.clear();
  rows_.clear();
  begins_.clear();
  samples_.clear();
  uint32_t max_row = 0;
  const auto add = [&](int32_t id, int64_t sample) {
    if (shards > 1 && ShardOf(id, shards) != shard) return;
    const uint32_t row = static_cast<uint32_t>(id);
    max_row = std::max(max_row, row);
    keys_.push_back(static_cast<uint64_t>(row) << 32 | static_cast<uint32_t>(sample));
  };
  for (int64_t sample = 0; sample < samples; ++sample) {
    if (ids.one_hot()) {
      add(ids.ids[sample], sample);
    } else {
      for (int32_t position = ids.offsets[sample]; position < ids.offsets[sample + 1]; ++position) {
        add(ids.ids[position], sample);
      }
    }
  }
  SortByRow(keys_, sorted_, max_row);
  for (uint64_t key : keys_) {
    const int32_t row = static_cast<int32_t>(key >> 32);
    if (rows_.empty() || rows_.back() != row) {
      rows_.push_back(row);
      begins_.push_back(static_cast<int32_t>(samples_.size()));
    }
    samples_.push_back(static_cast<int32_t>(key & 0xffffffff));
  }
  begins_.push_back(static_cast<int32_t>(samples_.size()));
}

}  // namespace sda::trainer
