#ifndef SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_KEY_COUNTS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_KEY_COUNTS_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// Counts of texts. Mergeable.
class KeyCounts {
 public:
  // Behind `key` 8 bytes must be readable.
  void Add(std::string_view key) { ++counts_.At(KeyOf(key)); }

  void Merge(KeyCounts& other) {
    if (other.counts_.size() > counts_.size()) std::swap(counts_, other.counts_);
    counts_.AddAll(other.counts_);
  }

  // By bytes.
  std::vector<std::pair<std::string, int64_t>> Sorted() const {
    std::vector<std::pair<std::string, int64_t>> sorted;
    sorted.reserve(counts_.size());
    counts_.ForEach(
        [&](std::string_view value, int64_t count) { sorted.emplace_back(std::string(value), count); });
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

  static ValueTable::Key KeyOf(std::string_view key) {
    return ValueTable::MakeKey(key.data(), static_cast<uint32_t>(key.size()));
  }

 private:
  ValueTable counts_;
};

// Where texts are first seen. Mergeable.
class KeyFirsts {
 public:
  // `place` orders the places, from 0.
  void Add(std::string_view key, int64_t place) { Lower(KeyCounts::KeyOf(key), place + 1); }

  void Merge(KeyFirsts& other) {
    if (other.firsts_.size() > firsts_.size()) std::swap(firsts_, other.firsts_);
    std::string padded;
    other.firsts_.ForEach([&](std::string_view value, int64_t first) {
      padded.assign(value).append(kInlineValueBytes, '\0');
      Lower(ValueTable::MakeKey(padded.data(), static_cast<uint32_t>(value.size())), first);
    });
  }

  int64_t First(std::string_view key) const { return firsts_.Find(KeyCounts::KeyOf(key), 0) - 1; }

 private:
  void Lower(const ValueTable::Key& key, int64_t first) {
    int64_t& known = firsts_.At(key);
    if (known == 0 || first < known) known = first;
  }

  ValueTable firsts_;  // place + 1: the table makes new numbers 0
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_KEY_COUNTS_H_
