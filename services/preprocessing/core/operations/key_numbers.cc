#include "services/preprocessing/core/operations/key_numbers.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "common/base/status_macros.h"

namespace sda::preprocessing {

int64_t* KeyNumbers::CellsAt(int64_t& position) {
  if (position == 0) {
    position = static_cast<int64_t>(cells_.size()) + 1;
    cells_.resize(cells_.size() + combine_.size());
  }
  return cells_.data() + position - 1;
}

void KeyNumbers::Add(int64_t* numbers, const int64_t* more) const {
  for (size_t i = 0; i < combine_.size(); ++i) {
    if (combine_[i] == Combine::kSum) {
      numbers[i] += more[i];
    } else if (more[i] != 0) {
      Lower(numbers[i], more[i]);
    }
  }
}

std::vector<KeyNumbers::Entry> KeyNumbers::Sorted() const {
  std::vector<Entry> entries;
  entries.reserve(table_.size());
  table_.ForEach([&](std::string_view key, const int64_t& number) {
    entries.push_back({key, combine_.size() == 1 ? &number : cells_.data() + number - 1});
  });
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  return entries;
}

absl::Status KeyNumbers::Spill(const std::string& scratch_folder) {
  if (table_.size() == 0) return absl::OkStatus();
  SortedRuns& runs = spilled_.Writable(scratch_folder);
  SDA_RETURN_IF_ERROR(runs.Begin());
  const size_t bytes = combine_.size() * sizeof(int64_t);
  for (const Entry& entry : Sorted())
    SDA_RETURN_IF_ERROR(runs.Append(entry.key, {reinterpret_cast<const char*>(entry.numbers), bytes}));
  SDA_RETURN_IF_ERROR(runs.End());
  table_ = ValueTable();
  std::vector<int64_t>().swap(cells_);
  return absl::OkStatus();
}

absl::Status KeyNumbers::Merge(KeyNumbers& other, const std::string& scratch_folder) {
  if (spilled() || other.spilled()) {
    SDA_RETURN_IF_ERROR(Spill(scratch_folder));
    SDA_RETURN_IF_ERROR(other.Spill(scratch_folder));
    spilled_.Take(other.spilled_);
    return absl::OkStatus();
  }
  if (other.table_.size() > table_.size()) {
    std::swap(table_, other.table_);
    std::swap(cells_, other.cells_);
  }
  std::string padded;
  other.table_.ForEach([&](std::string_view key, int64_t number) {
    padded.assign(key).append(kInlineValueBytes, '\0');
    Add(At(std::string_view(padded).substr(0, key.size())),
        combine_.size() == 1 ? &number : other.cells_.data() + number - 1);
  });
  other.table_ = ValueTable();
  std::vector<int64_t>().swap(other.cells_);
  return absl::OkStatus();
}

absl::Status KeyNumbers::Finish(const Visit& visit) {
  if (!spilled()) {
    std::string padded;
    for (const Entry& entry : Sorted()) {
      padded.assign(entry.key).append(kInlineValueBytes, '\0');
      SDA_RETURN_IF_ERROR(
          visit(std::string_view(padded).substr(0, entry.key.size()), {entry.numbers, combine_.size()}));
    }
    return absl::OkStatus();
  }
  // Into the runs that there are, whose folder is known.
  SDA_RETURN_IF_ERROR(Spill(/*scratch_folder=*/""));
  std::string padded;
  size_t key_size = 0;
  std::vector<int64_t> numbers(combine_.size());
  std::vector<int64_t> more(combine_.size());
  bool any = false;
  const auto current = [&] { return std::string_view(padded).substr(0, key_size); };
  SDA_RETURN_IF_ERROR(spilled_.Merge([&](std::string_view key, std::string_view payload) {
    if (payload.size() != more.size() * sizeof(int64_t)) return absl::DataLossError("a run of other numbers");
    if (any && key != current()) {
      SDA_RETURN_IF_ERROR(visit(current(), numbers));
      std::fill(numbers.begin(), numbers.end(), 0);
    }
    if (!any || key != current()) {
      padded.assign(key).append(kInlineValueBytes, '\0');
      key_size = key.size();
      any = true;
    }
    std::memcpy(more.data(), payload.data(), payload.size());
    Add(numbers.data(), more.data());
    return absl::OkStatus();
  }));
  return any ? visit(current(), numbers) : absl::OkStatus();
}

}  // namespace sda::preprocessing
