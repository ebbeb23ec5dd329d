#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_numbers.h"

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
      for (const std::string_view value : values) counts_.Count(value);
    }
  }

  int64_t bytes() const override { return counts_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return counts_.Spill(scratch_folder); }

  absl::Status Merge(Fitter& other, const std::string& scratch_folder) override {
    return counts_.Merge(static_cast<MultiHotFitter&>(other).counts_, scratch_folder);
  }

  absl::StatusOr<Learned> Finish(const LearnSettings&) override {
    using Entry = std::pair<std::string, int64_t>;
    const auto first = [](const Entry& a, const Entry& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    };
    // The most frequent so far, the least of them at the front.
    std::vector<Entry> kept;
    SDA_RETURN_IF_ERROR(counts_.Finish([&](std::string_view value, std::span<const int64_t> numbers) {
      if (static_cast<int64_t>(kept.size()) == options_.max_values) {
        // By bytes: of equal counts the one that came before stays.
        if (numbers[0] <= kept.front().second) return absl::OkStatus();
        std::pop_heap(kept.begin(), kept.end(), first);
        kept.pop_back();
      }
      kept.emplace_back(std::string(value), numbers[0]);
      std::push_heap(kept.begin(), kept.end(), first);
      return absl::OkStatus();
    }));
    std::sort(kept.begin(), kept.end(), first);
    Learned learned;
    pipeline::LearnedTable& table = learned.state.table.emplace();
    for (auto& [value, count] : kept) {
      table.values.push_back(std::move(value));
      table.counts.push_back(count);
    }
    return learned;
  }

 private:
  const pipeline::MultiHot options_;
  KeyNumbers counts_ = KeyNumbers(1);
};

}  // namespace

std::unique_ptr<Fitter> NewMultiHotFitter(const pipeline::MultiHot& options) {
  return std::make_unique<MultiHotFitter>(options);
}

}  // namespace sda::preprocessing
