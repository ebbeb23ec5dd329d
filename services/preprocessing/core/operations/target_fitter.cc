#include "common/base/row_hash.h"
#include "common/base/status_macros.h"
#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_numbers.h"

namespace sda::preprocessing {
namespace {

// Rows and positives of every key, by fold: the rows of all folds, then the positives.
class TargetFitter final : public Fitter {
 public:
  TargetFitter(const pipeline::TargetEncode& options, uint64_t seed)
      : folds_(static_cast<size_t>(options.folds)),
        seed_(seed),
        fold_rows_(folds_),
        fold_positives_(folds_),
        keys_(2 * folds_) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    pipeline::KeyBuilder keys(in);
    for (const uint32_t row : rows.use) {
      const size_t fold =
          HashRow(seed_, RandomStream::kFold, static_cast<uint64_t>(rows.numbers[row])) % folds_;
      const int64_t positive = rows.labels[row];
      ++fold_rows_[fold];
      fold_positives_[fold] += positive;
      int64_t* const cells = keys_.At(keys.Key(row));
      ++cells[fold];
      cells[folds_ + fold] += positive;
    }
  }

  int64_t bytes() const override { return keys_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return keys_.Spill(scratch_folder); }

  absl::Status Merge(Fitter& other, const std::string& scratch_folder) override {
    auto& that = static_cast<TargetFitter&>(other);
    for (size_t fold = 0; fold < folds_; ++fold) {
      fold_rows_[fold] += that.fold_rows_[fold];
      fold_positives_[fold] += that.fold_positives_[fold];
    }
    return keys_.Merge(that.keys_, scratch_folder);
  }

  absl::StatusOr<Learned> Finish(const LearnSettings& settings) override {
    Learned learned;
    TableBuilder table(settings, folds_);
    SDA_RETURN_IF_ERROR(keys_.Finish([&](std::string_view value, std::span<const int64_t> numbers) {
      TableEntry entry;
      entry.value = value;
      entry.fold_counts = numbers.first(folds_);
      entry.fold_positives = numbers.last(folds_);
      for (size_t fold = 0; fold < folds_; ++fold) {
        entry.count += entry.fold_counts[fold];
        entry.positives += entry.fold_positives[fold];
      }
      return table.Add(entry);
    }));
    SDA_RETURN_IF_ERROR(table.Finish(learned));
    learned.state.fold_rows = fold_rows_;
    learned.state.fold_positives = fold_positives_;
    double rows = 0;
    double positives = 0;
    for (size_t fold = 0; fold < folds_; ++fold) {
      rows += static_cast<double>(fold_rows_[fold]);
      positives += static_cast<double>(fold_positives_[fold]);
    }
    learned.state.numbers = {rows, positives};
    return learned;
  }

 private:
  const size_t folds_;
  const uint64_t seed_;
  std::vector<int64_t> fold_rows_;
  std::vector<int64_t> fold_positives_;
  KeyNumbers keys_;
};

}  // namespace

std::unique_ptr<Fitter> NewTargetFitter(const pipeline::TargetEncode& options, uint64_t seed) {
  return std::make_unique<TargetFitter>(options, seed);
}

}  // namespace sda::preprocessing
