#ifndef SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_KEY_NUMBERS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_KEY_NUMBERS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "services/preprocessing/core/sorted_runs.h"
#include "services/preprocessing/core/value_table.h"

namespace sda::preprocessing {

// A few whole numbers for each of many texts: counts, and where they are first seen. Mergeable; what does not
// fit into memory goes to runs on disk. Not thread-safe.
class KeyNumbers {
 public:
  // How the numbers of one key that come from several places become one. A minimum is of numbers from 1; 0
  // stands for none.
  enum class Combine : uint8_t { kSum, kMinimum };

  explicit KeyNumbers(std::vector<Combine> combine) : combine_(std::move(combine)) {}
  explicit KeyNumbers(size_t sums) : KeyNumbers(std::vector<Combine>(sums, Combine::kSum)) {}

  // The numbers of the key, made 0 where it is new; valid until the next call. Behind `key` 8 bytes must be
  // readable.
  int64_t* At(std::string_view key) {
    int64_t& number = table_.At(ValueTable::MakeKey(key.data(), static_cast<uint32_t>(key.size())));
    return combine_.size() == 1 ? &number : CellsAt(number);
  }

  // Adds to the first number, which is a sum.
  void Count(std::string_view key) { ++*At(key); }

  static void Lower(int64_t& minimum, int64_t number) {
    if (minimum == 0 || number < minimum) minimum = number;
  }

  // Memory taken.
  int64_t bytes() const { return table_.bytes() + static_cast<int64_t>(cells_.capacity() * sizeof(int64_t)); }

  // Writes everything to disk and gives the memory back.
  absl::Status Spill(const std::string& scratch_folder);
  bool spilled() const { return !spilled_.empty(); }

  // Takes over the numbers of another one of the same kind, which is left empty. Where one of both is
  // spilled, so is the rest.
  absl::Status Merge(KeyNumbers& other, const std::string& scratch_folder);

  // Visits every key once, by bytes, with 8 readable bytes behind it. Call last.
  using Visit = std::function<absl::Status(std::string_view key, std::span<const int64_t> numbers)>;
  absl::Status Finish(const Visit& visit);

 private:
  struct Entry {
    std::string_view key;
    const int64_t* numbers = nullptr;
  };

  int64_t* CellsAt(int64_t& position);
  void Add(int64_t* numbers, const int64_t* more) const;
  std::vector<Entry> Sorted() const;

  std::vector<Combine> combine_;
  ValueTable table_;            // the number itself, or where its cells begin, from 1
  std::vector<int64_t> cells_;  // where there are several numbers a key
  SpilledRuns spilled_;
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_OPERATIONS_KEY_NUMBERS_H_
