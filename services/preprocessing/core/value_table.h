#ifndef SDA_SERVICES_PREPROCESSING_CORE_VALUE_TABLE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_VALUE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "services/preprocessing/core/value_hash.h"

namespace sda::preprocessing {

// A map from category values to one number each: counts while fitting, ids while encoding. Open addressing
// with linear probing; values of up to 8 bytes lie in the slots, longer ones in an arena. Callers work
// through a batch of values column by column: hash all, prefetch all, then look up all, so that cache misses
// overlap. Thread-safe for concurrent Find.
class ValueTable {
 public:
  // A value ready to be looked up. `data` must stay valid, with 8 bytes readable, until then.
  struct Key {
    uint64_t hash = 0;
    uint64_t word = 0;  // of short values
    const char* data = nullptr;
    uint32_t size = 0;

    std::string_view view() const { return {data, size}; }
  };

  static Key MakeKey(const char* data, uint32_t size) {
    if (size <= kInlineValueBytes) {
      const uint64_t word = LoadShortValue(data, size);
      return {HashShortValue(word, size), word, data, size};
    }
    return {HashLongValue({data, size}), 0, data, size};
  }

  ValueTable() : slots_(kFirstSlots), mask_(kFirstSlots - 1) {}

  size_t size() const { return size_; }

  // Memory of slots and long values.
  int64_t bytes() const { return static_cast<int64_t>(slots_.size() * kSlotBytes) + arena_bytes_; }

  // Makes room for `values` values, so that adding them does not grow the table.
  void Reserve(size_t values);

  static constexpr size_t kSlotBytes = 24;

  void Prefetch(const Key& key) const { __builtin_prefetch(&slots_[key.hash & mask_]); }

  // The number of the value; `none` where the table does not hold it.
  int64_t Find(const Key& key, int64_t none) const {
    const Slot& slot = slots_[Locate(key)];
    return slot.used ? slot.number : none;
  }

  // The number of the value, made 0 where the table did not hold it. Valid until the next call.
  int64_t& At(const Key& key) {
    size_t index = Locate(key);
    if (!slots_[index].used) {
      if ((size_ + 1) * 5 > slots_.size() * 3) {
        Grow(slots_.size() * 2);
        index = Locate(key);
      }
      Insert(slots_[index], key);
    }
    return slots_[index].number;
  }

  // Calls visit(value, number) for each value, in no particular order.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.used) visit(slot.view(), slot.number);
    }
  }

  // Adds the numbers of another table's values to those here.
  void AddAll(const ValueTable& other);

 private:
  struct Slot {
    uint64_t word = 0;  // the bytes of a short value, the address of a long one
    int64_t number = 0;
    uint32_t size = 0;
    uint32_t tag : 31 = 0;  // of the hash
    uint32_t used : 1 = 0;

    std::string_view view() const {
      if (size <= kInlineValueBytes) return {reinterpret_cast<const char*>(&word), size};
      return {reinterpret_cast<const char*>(word), size};
    }
  };

  static_assert(sizeof(Slot) == kSlotBytes);
  static constexpr size_t kFirstSlots = 16;
  static constexpr size_t kArenaBytes = 256 * 1024;

  static uint32_t Tag(const Key& key) { return static_cast<uint32_t>(key.hash >> 33); }

  // The slot of the value, or the free one where it belongs.
  size_t Locate(const Key& key) const {
    const uint32_t tag = Tag(key);
    for (size_t index = key.hash & mask_;; index = (index + 1) & mask_) {
      const Slot& slot = slots_[index];
      if (!slot.used) return index;
      if (slot.tag != tag || slot.size != key.size) continue;
      if (key.size <= kInlineValueBytes) {
        if (slot.word == key.word) return index;
      } else if (std::memcmp(reinterpret_cast<const char*>(slot.word), key.data, key.size) == 0) {
        return index;
      }
    }
  }

  void Insert(Slot& slot, const Key& key);
  void Grow(size_t slots);
  const char* Store(std::string_view value);

  std::vector<Slot> slots_;
  size_t mask_;
  size_t size_ = 0;
  std::vector<std::unique_ptr<char[]>> arena_;
  int64_t arena_bytes_ = 0;
  size_t arena_left_ = 0;
  char* arena_next_ = nullptr;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_VALUE_TABLE_H_
