#include <bit>

#include <absl/container/flat_hash_map.h>

#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_counts.h"

namespace sda::preprocessing {
namespace {

class MostFrequentText final : public Fitter {
 public:
  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    for (const uint32_t row : rows.use) {
      if (!in[0]->missing[row]) counts_.Add(in[0]->texts[row]);
    }
  }

  void Merge(Fitter& other) override { counts_.Merge(static_cast<MostFrequentText&>(other).counts_); }

  pipeline::NodeState Finish() override {
    pipeline::NodeState state;
    state.text = "";
    int64_t most = 0;
    for (auto& [value, count] : counts_.Sorted()) {
      if (count <= most) continue;
      most = count;
      state.text = std::move(value);
    }
    return state;
  }

 private:
  KeyCounts counts_;
};

class MostFrequentNumber final : public Fitter {
 public:
  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    const bool whole = in[0]->type == pipeline::ColumnType::kInteger;
    for (const uint32_t row : rows.use) {
      if (in[0]->missing[row]) continue;
      const double value = whole ? static_cast<double>(in[0]->integers[row]) : in[0]->numbers[row];
      ++counts_[value == 0 ? 0.0 : value];
    }
  }

  void Merge(Fitter& other) override {
    for (const auto& [value, count] : static_cast<MostFrequentNumber&>(other).counts_)
      counts_[value] += count;
  }

  pipeline::NodeState Finish() override {
    pipeline::NodeState state;
    state.numbers = {0};
    int64_t most = 0;
    for (const auto& [value, count] : counts_) {
      if (count < most || (count == most && value >= state.numbers[0])) continue;
      most = count;
      state.numbers[0] = value;
    }
    return state;
  }

 private:
  absl::flat_hash_map<double, int64_t> counts_;
};

}  // namespace

std::unique_ptr<Fitter> NewMostFrequentFitter(pipeline::ColumnType type) {
  if (type == pipeline::ColumnType::kText) return std::make_unique<MostFrequentText>();
  return std::make_unique<MostFrequentNumber>();
}

}  // namespace sda::preprocessing
