#include "services/preprocessing/core/value_table.h"

#include <algorithm>
#include <utility>

namespace sda::preprocessing {

void ValueTable::Insert(Slot& slot, const Key& key) {
  const bool is_short = key.size <= kInlineValueBytes;
  slot.word = is_short ? key.word : reinterpret_cast<uint64_t>(Store(key.view()));
  slot.number = 0;
  slot.size = key.size;
  slot.tag = Tag(key) & 0x7fffffffu;
  slot.used = 1;
  ++size_;
}

void ValueTable::Reserve(size_t values) {
  size_t slots = slots_.size();
  while (values * 5 > slots * 3) slots *= 2;
  if (slots > slots_.size()) Grow(slots);
}

void ValueTable::Grow(size_t slots) {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (!slot.used) continue;
    const std::string_view value = slot.view();
    const uint64_t hash =
        slot.size <= kInlineValueBytes ? HashShortValue(slot.word, slot.size) : HashLongValue(value);
    size_t index = hash & mask_;
    while (slots_[index].used) index = (index + 1) & mask_;
    slots_[index] = slot;
  }
}

const char* ValueTable::Store(std::string_view value) {
  // 8 readable bytes behind the last value, as keys want them.
  const size_t needed = value.size() + kInlineValueBytes;
  if (arena_left_ < needed) {
    const size_t chunk = std::max(needed, kArenaBytes);
    arena_.emplace_back(new char[chunk]());
    arena_bytes_ += static_cast<int64_t>(chunk);
    arena_next_ = arena_.back().get();
    arena_left_ = chunk;
  }
  std::memcpy(arena_next_, value.data(), value.size());
  const char* stored = arena_next_;
  arena_next_ += value.size();
  arena_left_ -= value.size();
  return stored;
}

void ValueTable::AddAll(const ValueTable& other) {
  for (const Slot& slot : other.slots_) {
    if (!slot.used) continue;
    const Key key = slot.size <= kInlineValueBytes
                        ? Key{HashShortValue(slot.word, slot.size), slot.word, nullptr, slot.size}
                        : MakeKey(reinterpret_cast<const char*>(slot.word), slot.size);
    At(key) += slot.number;
  }
}

}  // namespace sda::preprocessing
