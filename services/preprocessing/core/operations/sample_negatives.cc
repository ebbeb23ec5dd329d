#include "common/base/row_hash.h"
#include "services/preprocessing/core/operations/row_operation.h"

namespace sda::preprocessing {
namespace {

class Sample final : public RowOperation {
 public:
  Sample(const pipeline::SampleNegatives& options, uint64_t seed) : options_(options), seed_(seed) {
    if (options_.splits.empty()) options_.splits = {pipeline::SplitName::kTrain};
  }

  void Filter(const pipeline::InputColumns&, const BatchRows& rows, const RowState&,
              std::vector<uint8_t>& keep) const override {
    for (size_t row = 0; row < rows.size(); ++row) {
      if (rows.labels[row] || !AppliesTo(options_.splits, rows.splits[row])) continue;
      const uint64_t hash =
          HashRow(seed_, RandomStream::kSampleNegatives, static_cast<uint64_t>(rows.numbers[row]));
      if (!(ToUnit(hash) < options_.keep_share)) keep[row] = 0;
    }
  }

 private:
  pipeline::SampleNegatives options_;
  const uint64_t seed_;
};

}  // namespace

std::unique_ptr<RowOperation> NewSampleNegatives(const pipeline::SampleNegatives& options, uint64_t seed) {
  return std::make_unique<Sample>(options, seed);
}

}  // namespace sda::preprocessing
