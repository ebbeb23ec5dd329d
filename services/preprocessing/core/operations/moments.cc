#include <algorithm>
#include <cmath>

#include "services/preprocessing/core/exact_sum.h"
#include "services/preprocessing/core/operations/fitter.h"

namespace sda::preprocessing {
namespace {

// Mean and standard deviation of the values present.
class Moments final : public Fitter {
 public:
  explicit Moments(bool mean_only) : mean_only_(mean_only) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    for (const uint32_t row : rows.use) {
      if (in[0]->missing[row]) continue;
      const double value = in[0]->numbers[row];
      min_ = count_ == 0 ? value : std::min(min_, value);
      max_ = count_ == 0 ? value : std::max(max_, value);
      ++count_;
      sum_.Add(value);
      if (!mean_only_) squares_.AddSquare(value);
    }
  }

  absl::Status Merge(Fitter& other, const std::string&) override {
    const auto& that = static_cast<Moments&>(other);
    if (that.count_ == 0) return absl::OkStatus();
    min_ = count_ == 0 ? that.min_ : std::min(min_, that.min_);
    max_ = count_ == 0 ? that.max_ : std::max(max_, that.max_);
    count_ += that.count_;
    sum_.Merge(that.sum_);
    squares_.Merge(that.squares_);
    return absl::OkStatus();
  }

  absl::StatusOr<Learned> Finish(const LearnSettings&) override {
    Learned learned;
    pipeline::NodeState& state = learned.state;
    const Quad count = count_ > 0 ? static_cast<Quad>(count_) : 1;
    const Quad mean = sum_.QuadValue() / count;
    state.numbers.push_back(static_cast<double>(mean));
    if (mean_only_) return learned;
    // One value alone has no spread, whatever rounding says.
    const Quad variance = min_ == max_ ? Quad{0} : squares_.QuadValue() / count - mean * mean;
    const double scale = std::sqrt(std::max(static_cast<double>(variance), 0.0));
    state.numbers.push_back(scale > 0 ? scale : 1);
    return learned;
  }

 private:
  const bool mean_only_;
  int64_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  ExactSum sum_;
  ExactSum squares_;
};

}  // namespace

std::unique_ptr<Fitter> NewMomentsFitter(bool mean_only) {
  return std::make_unique<Moments>(mean_only);
}

}  // namespace sda::preprocessing
