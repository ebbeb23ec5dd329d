#include "services/trainer_worker/core/data/row_order.h"

#include <algorithm>
#include <numeric>

#include "common/numerics/rng.h"

namespace sda::trainer {
namespace {

// Random streams of the seed.
enum Stream : uint64_t { kEpochStream = 11, kWindowStream = 12 };

constexpr int64_t kWindowRows = RowOrder::kBlockRows * RowOrder::kWindowBlocks;

}  // namespace

RowOrder::RowOrder(int64_t rows, bool shuffle, uint64_t seed) : rows_(rows), shuffle_(shuffle), seed_(seed) {}

int64_t RowOrder::Bytes(int64_t rows) {
  return 4 * (rows / kBlockRows + 1 + std::min(rows, kWindowRows));
}

std::span<const uint32_t> RowOrder::Take(int64_t epoch, int64_t begin, int64_t end) {
  taken_.resize(end - begin);
  if (!shuffle_) {
    std::iota(taken_.begin(), taken_.end(), static_cast<uint32_t>(begin));
    return taken_;
  }
  if (epoch != epoch_) BeginEpoch(epoch);
  for (int64_t place = begin; place < end;) {
    const int64_t window = place / kWindowRows;
    if (window != window_) LoadWindow(window);
    const int64_t offset = place % kWindowRows;
    const int64_t count = std::min(end - place, static_cast<int64_t>(window_rows_.size()) - offset);
    std::copy_n(window_rows_.begin() + offset, count, taken_.begin() + (place - begin));
    place += count;
  }
  return taken_;
}

void RowOrder::BeginEpoch(int64_t epoch) {
  epoch_ = epoch;
  window_ = -1;
  Rng rng(HashOf(seed_, {kEpochStream}), static_cast<uint64_t>(epoch));
  start_ = static_cast<int64_t>(rng.Below(static_cast<uint64_t>(rows_)));
  blocks_.resize((rows_ + kBlockRows - 1) / kBlockRows);
  std::iota(blocks_.begin(), blocks_.end(), 0u);
  rng.Shuffle(std::span<uint32_t>(blocks_).first(rows_ / kBlockRows));
}

void RowOrder::LoadWindow(int64_t window) {
  window_ = window;
  window_rows_.clear();
  const int64_t first = window * kWindowBlocks;
  const int64_t last = std::min(first + kWindowBlocks, static_cast<int64_t>(blocks_.size()));
  for (int64_t i = first; i < last; ++i) {
    const int64_t begin = static_cast<int64_t>(blocks_[i]) * kBlockRows;
    for (int64_t row = begin; row < std::min(begin + kBlockRows, rows_); ++row) {
      window_rows_.push_back(static_cast<uint32_t>((row + start_) % rows_));
    }
  }
  Rng rng(HashOf(seed_, {kWindowStream, static_cast<uint64_t>(epoch_)}), static_cast<uint64_t>(window));
  rng.Shuffle(std::span<uint32_t>(window_rows_));
}

}  // namespace sda::trainer
