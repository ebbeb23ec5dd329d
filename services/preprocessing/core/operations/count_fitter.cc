#include "common/base/status_macros.h"
#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_numbers.h"

namespace sda::preprocessing {
namespace {

class CountFitter final : public Fitter {
 public:
  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    rows_ += static_cast<int64_t>(rows.use.size());
    pipeline::KeyBuilder keys(in);
    for (const uint32_t row : rows.use) counts_.Count(keys.Key(row));
  }

  int64_t bytes() const override { return counts_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return counts_.Spill(scratch_folder); }

  absl::Status Merge(Fitter& other, const std::string& scratch_folder) override {
    auto& that = static_cast<CountFitter&>(other);
    rows_ += that.rows_;
    return counts_.Merge(that.counts_, scratch_folder);
  }

  absl::StatusOr<Learned> Finish(const LearnSettings& settings) override {
    Learned learned;
    learned.state.numbers = {static_cast<double>(rows_)};
    TableBuilder table(settings, /*folds=*/0);
    SDA_RETURN_IF_ERROR(counts_.Finish([&](std::string_view value, std::span<const int64_t> numbers) {
      return table.Add({value, numbers[0], 0, {}, {}});
    }));
    SDA_RETURN_IF_ERROR(table.Finish(learned));
    return learned;
  }

 private:
  int64_t rows_ = 0;
  KeyNumbers counts_ = KeyNumbers(1);
};

}  // namespace

std::unique_ptr<Fitter> NewCountFitter() {
  return std::make_unique<CountFitter>();
}

}  // namespace sda::preprocessing
