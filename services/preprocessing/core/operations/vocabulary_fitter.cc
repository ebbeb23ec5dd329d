#include <algorithm>

#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_counts.h"

namespace sda::preprocessing {
namespace {

// Places in lists: element e of row r is at r · kListPlaces + e.
constexpr int64_t kListPlaces = int64_t{1} << 20;

// Of texts, several texts crossed, and the elements of text lists.
class VocabularyFitter final : public Fitter {
 public:
  explicit VocabularyFitter(const pipeline::VocabularyOptions& options)
      : options_(options),
        firsts_wanted_(options.order == pipeline::VocabularyOptions::Order::kFirstAppearance) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    rows_ += static_cast<int64_t>(rows.use.size());
    if (in[0]->type == pipeline::ColumnType::kTextList) {
      AddLists(*in[0], rows);
      return;
    }
    pipeline::KeyBuilder keys(in);
    for (const uint32_t row : rows.use) {
      if (options_.reserve_missing && keys.AllMissing(row)) continue;
      AddKey(keys.Key(row), rows.numbers[row] * kListPlaces);
    }
  }

  void Merge(Fitter& other) override {
    auto& that = static_cast<VocabularyFitter&>(other);
    rows_ += that.rows_;
    counts_.Merge(that.counts_);
    if (firsts_wanted_) firsts_.Merge(that.firsts_);
  }

  pipeline::NodeState Finish() override {
    const int64_t threshold =
        options_.frequency_threshold > 0 ? options_.frequency_threshold : DefaultFrequencyThreshold(rows_);
    std::vector<std::pair<std::string, int64_t>> kept = counts_.Sorted();
    std::erase_if(kept, [&](const auto& entry) { return entry.second < threshold; });
    // Stable: ties stay in the order of bytes.
    std::stable_sort(kept.begin(), kept.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (options_.max_size > 0 && static_cast<int64_t>(kept.size()) > options_.max_size)
      kept.resize(static_cast<size_t>(options_.max_size));
    if (firsts_wanted_) kept = ByFirst(std::move(kept));
    pipeline::NodeState state;
    pipeline::LearnedTable& table = state.table.emplace();
    for (auto& [value, count] : kept) {
      table.values.push_back(std::move(value));
      table.counts.push_back(count);
    }
    return state;
  }

 private:
  using Entries = std::vector<std::pair<std::string, int64_t>>;

  void AddLists(const pipeline::ColumnData& lists, const LearningRows& rows) {
    for (const uint32_t row : rows.use) {
      for (uint32_t i = lists.offsets[row]; i < lists.offsets[row + 1]; ++i) {
        const int64_t element = std::min<int64_t>(i - lists.offsets[row], kListPlaces - 1);
        AddKey(lists.texts[i], rows.numbers[row] * kListPlaces + element);
      }
    }
  }

  void AddKey(std::string_view key, int64_t place) {
    counts_.Add(key);
    if (firsts_wanted_) firsts_.Add(key, place);
  }

  Entries ByFirst(Entries kept) const {
    std::vector<std::pair<int64_t, size_t>> order;
    std::string padded;
    for (size_t i = 0; i < kept.size(); ++i) {
      padded.assign(kept[i].first).append(kInlineValueBytes, '\0');
      order.emplace_back(firsts_.First(std::string_view(padded).substr(0, kept[i].first.size())), i);
    }
    std::sort(order.begin(), order.end());
    Entries sorted;
    for (const auto& [first, i] : order) sorted.push_back(std::move(kept[i]));
    return sorted;
  }

  const pipeline::VocabularyOptions options_;
  const bool firsts_wanted_;
  int64_t rows_ = 0;
  KeyCounts counts_;
  KeyFirsts firsts_;
};

}  // namespace

std::unique_ptr<Fitter> NewVocabularyFitter(const pipeline::VocabularyOptions& options) {
  return std::make_unique<VocabularyFitter>(options);
}

}  // namespace sda::preprocessing
