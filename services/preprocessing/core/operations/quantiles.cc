#include <algorithm>

#include "services/preprocessing/core/dense_stats.h"
#include "services/preprocessing/core/operations/fitter.h"

namespace sda::preprocessing {
namespace {

class Quantiles final : public Fitter {
 public:
  Quantiles(int64_t parts, bool median) : parts_(parts), median_(median) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    for (const uint32_t row : rows.use) {
      if (!in[0]->missing[row]) stats_.Add(in[0]->numbers[row]);
    }
  }

  absl::Status Merge(Fitter& other, const std::string&) override {
    stats_.Merge(static_cast<Quantiles&>(other).stats_);
    return absl::OkStatus();
  }

  absl::StatusOr<Learned> Finish(const LearnSettings&) override {
    Learned learned;
    pipeline::NodeState& state = learned.state;
    state.numbers = stats_.Quantiles(parts_);
    state.numbers.erase(std::unique(state.numbers.begin(), state.numbers.end()), state.numbers.end());
    if (median_ && state.numbers.empty()) state.numbers = {0};
    return learned;
  }

 private:
  const int64_t parts_;
  const bool median_;
  DenseStats stats_;
};

}  // namespace

std::unique_ptr<Fitter> NewQuantilesFitter(int64_t parts, bool median) {
  return std::make_unique<Quantiles>(parts, median);
}

}  // namespace sda::preprocessing
