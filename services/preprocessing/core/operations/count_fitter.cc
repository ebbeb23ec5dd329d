#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_counts.h"

namespace sda::preprocessing {
namespace {

class CountFitter final : public Fitter {
 public:
  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    rows_ += static_cast<int64_t>(rows.use.size());
    pipeline::KeyBuilder keys(in);
    for (const uint32_t row : rows.use) counts_.Add(keys.Key(row));
  }

  void Merge(Fitter& other) override {
    auto& that = static_cast<CountFitter&>(other);
    rows_ += that.rows_;
    counts_.Merge(that.counts_);
  }

  pipeline::NodeState Finish() override {
    pipeline::NodeState state;
    state.numbers = {static_cast<double>(rows_)};
    pipeline::LearnedTable& table = state.table.emplace();
    for (auto& [value, count] : counts_.Sorted()) {
      table.values.push_back(std::move(value));
      table.counts.push_back(count);
    }
    return state;
  }

 private:
  int64_t rows_ = 0;
  KeyCounts counts_;
};

}  // namespace

std::unique_ptr<Fitter> NewCountFitter() {
  return std::make_unique<CountFitter>();
}

}  // namespace sda::preprocessing
