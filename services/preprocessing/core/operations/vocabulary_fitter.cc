#include <algorithm>
#include <limits>
#include <string>

#include "common/base/status_macros.h"
#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_numbers.h"

namespace sda::preprocessing {
namespace {

using Combine = KeyNumbers::Combine;

// Places in lists: element e of row r is at r · kListPlaces + e.
constexpr int64_t kListPlaces = int64_t{1} << 20;

// A count as the beginning of a key: greater ones first.
uint64_t Descending(int64_t count) {
  return static_cast<uint64_t>(std::numeric_limits<int64_t>::max() - count);
}

// Of texts, several texts crossed, and the elements of text lists: how often each is seen and, where the
// order asks for it, where first, from 1.
class VocabularyFitter final : public Fitter {
 public:
  explicit VocabularyFitter(const pipeline::VocabularyOptions& options)
      : options_(options),
        by_first_(options.order == pipeline::VocabularyOptions::Order::kFirstAppearance),
        values_(by_first_ ? std::vector<Combine>{Combine::kSum, Combine::kMinimum}
                          : std::vector<Combine>{Combine::kSum}) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    rows_ += static_cast<int64_t>(rows.use.size());
    if (in[0]->type == pipeline::ColumnType::kTextList) {
      AddLists(*in[0], rows);
      return;
    }
    pipeline::KeyBuilder keys(in);
    for (const uint32_t row : rows.use) {
      if (options_.reserve_missing && keys.AllMissing(row)) continue;
      AddValue(keys.Key(row), rows.numbers[row] * kListPlaces);
    }
  }

  int64_t bytes() const override { return values_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return values_.Spill(scratch_folder); }

  absl::Status Merge(Fitter& other, const std::string& scratch_folder) override {
    auto& that = static_cast<VocabularyFitter&>(other);
    rows_ += that.rows_;
    return values_.Merge(that.values_, scratch_folder);
  }

  absl::StatusOr<Learned> Finish(const LearnSettings& settings) override {
    const int64_t threshold =
        options_.frequency_threshold > 0 ? options_.frequency_threshold : DefaultFrequencyThreshold(rows_);
    RecordSorter by_count;
    std::string key;
    std::string payload;
    SDA_RETURN_IF_ERROR(values_.Finish([&](std::string_view value, std::span<const int64_t> numbers) {
      if (numbers[0] < threshold) return absl::OkStatus();
      key.clear();
      AppendOrdered(Descending(numbers[0]), key);
      key.append(value);
      payload.clear();
      if (by_first_) AppendOrdered(static_cast<uint64_t>(numbers[1]), payload);
      by_count.Add(key, payload);
      return by_count.SpillAbove(settings.sort_bytes, settings.scratch_folder);
    }));
    // The keys' memory is needed for the table.
    values_ = KeyNumbers(1);
    Learned learned;
    TableBuilder table(settings, /*folds=*/0);
    SDA_RETURN_IF_ERROR(by_first_ ? ByFirst(by_count, settings, table) : ByCount(by_count, table));
    SDA_RETURN_IF_ERROR(table.Finish(learned));
    return learned;
  }

 private:
  static constexpr size_t kNumberBytes = sizeof(uint64_t);

  void AddLists(const pipeline::ColumnData& lists, const LearningRows& rows) {
    for (const uint32_t row : rows.use) {
      for (uint32_t i = lists.offsets[row]; i < lists.offsets[row + 1]; ++i) {
        const int64_t element = std::min<int64_t>(i - lists.offsets[row], kListPlaces - 1);
        AddValue(lists.texts[i], rows.numbers[row] * kListPlaces + element);
      }
    }
  }

  void AddValue(std::string_view value, int64_t place) {
    int64_t* const numbers = values_.At(value);
    ++numbers[0];
    if (by_first_) KeyNumbers::Lower(numbers[1], place + 1);
  }

  bool IsFull(int64_t kept) const { return options_.max_size > 0 && kept >= options_.max_size; }

  static int64_t CountOf(std::string_view key) {
    return std::numeric_limits<int64_t>::max() - static_cast<int64_t>(ReadOrdered(key));
  }

  absl::Status ByCount(RecordSorter& by_count, TableBuilder& table) const {
    int64_t kept = 0;
    return by_count.Finish([&](std::string_view key, std::string_view) {
      if (IsFull(kept++)) return absl::OkStatus();
      return table.Add({key.substr(kNumberBytes), CountOf(key), 0, {}, {}});
    });
  }

  // Of the most frequent values those seen first go first.
  absl::Status ByFirst(RecordSorter& by_count, const LearnSettings& settings, TableBuilder& table) const {
    RecordSorter by_first;
    int64_t kept = 0;
    SDA_RETURN_IF_ERROR(by_count.Finish([&](std::string_view key, std::string_view first) {
      if (IsFull(kept++)) return absl::OkStatus();
      by_first.Add(first, key);
      return by_first.SpillAbove(settings.sort_bytes, settings.scratch_folder);
    }));
    return by_first.Finish([&](std::string_view, std::string_view key) {
      return table.Add({key.substr(kNumberBytes), CountOf(key), 0, {}, {}});
    });
  }

  const pipeline::VocabularyOptions options_;
  const bool by_first_;
  int64_t rows_ = 0;
  KeyNumbers values_;
};

}  // namespace

std::unique_ptr<Fitter> NewVocabularyFitter(const pipeline::VocabularyOptions& options) {
  return std::make_unique<VocabularyFitter>(options);
}

}  // namespace sda::preprocessing
