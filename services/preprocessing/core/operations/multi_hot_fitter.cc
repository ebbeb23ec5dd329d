#include <algorithm>

#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_counts.h"

namespace sda::preprocessing {
namespace {

// In how many lists each value is.
class MultiHotFitter final : public Fitter {
 public:
  explicit MultiHotFitter(const pipeline::MultiHot& options) : options_(options) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    std::vector<std::string_view> values;
    for (const uint32_t row : rows.use) {
      values.assign(in[0]->texts.begin() + in[0]->offsets[row],
                    in[0]->texts.begin() + in[0]->offsets[row + 1]);
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
      for (const std::string_view value : values) counts_.Add(value);
    }
  }

  void Merge(Fitter& other) override { counts_.Merge(static_cast<MultiHotFitter&>(other).counts_); }

  pipeline::NodeState Finish() override {
    std::vector<std::pair<std::string, int64_t>> kept = counts_.Sorted();
    std::stable_sort(kept.begin(), kept.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    if (static_cast<int64_t>(kept.size()) > options_.max_values)
      kept.resize(static_cast<size_t>(options_.max_values));
    pipeline::NodeState state;
    pipeline::LearnedTable& table = state.table.emplace();
    for (auto& [value, count] : kept) {
      table.values.push_back(std::move(value));
      table.counts.push_back(count);
    }
    return state;
  }

 private:
  const pipeline::MultiHot options_;
  KeyCounts counts_;
};

}  // namespace

std::unique_ptr<Fitter> NewMultiHotFitter(const pipeline::MultiHot& options) {
  return std::make_unique<MultiHotFitter>(options);
}

}  // namespace sda::preprocessing
