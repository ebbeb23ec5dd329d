#include "services/preprocessing/core/profile/category_counts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "common/base/row_hash.h"

namespace sda::preprocessing {

void CategoryCounts::Sketch::Add(uint64_t hash, const Tally& tally) {
  groups[Position(hash, 0)] += tally;
  const int64_t train = tally.train();
  if (train == 0) return;
  distinct.Add(Mix64(hash));
  for (size_t row = 1; row < kRows; ++row) others[row - 1][Position(hash, row)] += train;
}

void CategoryCounts::Sketch::Merge(const Sketch& other) {
  distinct.Merge(other.distinct);
  for (size_t i = 0; i < kCounters; ++i) groups[i] += other.groups[i];
  for (size_t row = 0; row < others.size(); ++row) {
    for (size_t i = 0; i < kCounters; ++i) others[row][i] += other.others[row][i];
  }
}

uint64_t CategoryCounts::HashOf(const ValueTable::Key& key) {
  // The table's own hash is good enough for a table only.
  return Mix64(key.hash);
}

void CategoryCounts::Add(std::span<const ValueTable::Key> keys, std::span<const uint8_t> slots) {
  size_t next = 0;
  if (!sketch_) {
    for (const ValueTable::Key& key : keys) values_.Prefetch(key);
    found_.clear();
    for (; next < keys.size() && !full(); ++next) {
      found_.push_back(IndexOf(keys[next]));
      __builtin_prefetch(&tallies_[found_.back()]);
    }
    for (size_t i = 0; i < next; ++i) ++tallies_[found_[i]].counts[slots[i]];
    if (full()) Overflow();
  }
  if (next == keys.size()) return;
  Sketch& sketch = *sketch_;
  for (size_t i = next; i < keys.size(); ++i)
    __builtin_prefetch(&sketch.groups[Position(HashOf(keys[i]), 0)]);
  for (size_t i = next; i < keys.size(); ++i) {
    const uint64_t hash = HashOf(keys[i]);
    ++sketch.groups[Position(hash, 0)].counts[slots[i]];
    if (slots[i] == kTestSlot) continue;
    sketch.distinct.Add(Mix64(hash));
    for (size_t row = 1; row < kRows; ++row) ++sketch.others[row - 1][Position(hash, row)];
  }
}

void CategoryCounts::Overflow() {
  sketch_ = std::make_unique<Sketch>();
  values_.ForEach([&](std::string_view value, int64_t number) {
    // A key reads 8 bytes whatever the size; those of a short value lie in the table's slot, of 8.
    sketch_->Add(HashOf(ValueTable::MakeKey(value.data(), static_cast<uint32_t>(value.size()))),
                 tallies_[static_cast<size_t>(number - 1)]);
  });
  values_ = {};
  tallies_ = {};
}

size_t CategoryCounts::IndexOf(const ValueTable::Key& key) {
  int64_t& number = values_.At(key);
  if (number == 0) {
    tallies_.emplace_back();
    bytes_ += key.size;
    number = static_cast<int64_t>(tallies_.size());
  }
  return static_cast<size_t>(number - 1);
}

void CategoryCounts::Merge(const CategoryCounts& other) {
  if (other.sketch_) {
    if (!sketch_) Overflow();
    sketch_->Merge(*other.sketch_);
    return;
  }
  other.values_.ForEach([&](std::string_view value, int64_t number) {
    const auto key = ValueTable::MakeKey(value.data(), static_cast<uint32_t>(value.size()));
    const Tally& tally = other.tallies_[static_cast<size_t>(number - 1)];
    if (sketch_) {
      sketch_->Add(HashOf(key), tally);
      return;
    }
    tallies_[IndexOf(key)] += tally;
    if (full()) Overflow();
  });
}

int64_t CategoryCounts::distinct() const {
  if (sketch_) return std::llround(sketch_->distinct.Estimate());
  return std::count_if(tallies_.begin(), tallies_.end(),
                       [](const Tally& tally) { return tally.train() > 0; });
}

double CategoryCounts::distinct_relative_error() const {
  return sketch_ ? HyperLogLog::RelativeStandardError() : 0;
}

int64_t CategoryCounts::train_rows() const {
  int64_t rows = 0;
  for (const Tally& tally : sketch_ ? sketch_->groups : tallies_) rows += tally.train();
  return rows;
}

Tally CategoryCounts::Find(std::string_view value) const {
  // Keys read 8 bytes whatever the size.
  std::string padded(value);
  padded.append(kInlineValueBytes, '\0');
  const auto key = ValueTable::MakeKey(padded.data(), static_cast<uint32_t>(value.size()));
  if (!sketch_) {
    const int64_t number = values_.Find(key, 0);
    return number == 0 ? Tally() : tallies_[static_cast<size_t>(number - 1)];
  }
  const uint64_t hash = HashOf(key);
  Tally tally = sketch_->groups[Position(hash, 0)];
  int64_t least = tally.train();
  for (size_t row = 1; row < kRows; ++row)
    least = std::min(least, sketch_->others[row - 1][Position(hash, row)]);
  // The group's rows beyond the value's own are others', with the group's label rate and folds.
  const int64_t train = tally.train();
  if (least == train) return tally;
  const double share = static_cast<double>(least) / static_cast<double>(train);
  int64_t left = least;
  for (size_t slot = 1; slot < kTestSlot; ++slot) {
    tally.counts[slot] = std::llround(share * static_cast<double>(tally.counts[slot]));
    left -= tally.counts[slot];
  }
  tally.counts[0] = std::max<int64_t>(left, 0);
  return tally;
}

int64_t CategoryCounts::count_error() const {
  if (!sketch_) return 0;
  return static_cast<int64_t>(
      std::ceil(std::numbers::e / static_cast<double>(kCounters) * static_cast<double>(train_rows())));
}

std::vector<Tally> CategoryCounts::Groups() const {
  std::vector<Tally> groups;
  for (const Tally& tally : sketch_ ? sketch_->groups : tallies_) {
    if (tally != Tally()) groups.push_back(tally);
  }
  return groups;
}

std::vector<std::pair<std::string, Tally>> CategoryCounts::Top(size_t count) const {
  std::vector<std::pair<std::string_view, Tally>> all;
  all.reserve(tallies_.size());
  values_.ForEach([&](std::string_view value, int64_t number) {
    const Tally& tally = tallies_[static_cast<size_t>(number - 1)];
    if (tally.train() > 0) all.emplace_back(value, tally);
  });
  const size_t kept = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    [](const auto& a, const auto& b) {
                      const int64_t more = a.second.train() - b.second.train();
                      return more != 0 ? more > 0 : a.first < b.first;
                    });
  std::vector<std::pair<std::string, Tally>> top;
  for (size_t i = 0; i < kept; ++i) top.emplace_back(all[i].first, all[i].second);
  return top;
}

}  // namespace sda::preprocessing
