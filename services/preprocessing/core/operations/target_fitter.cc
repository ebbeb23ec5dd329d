#include <algorithm>
#include <string>

#include "common/base/row_hash.h"
#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_counts.h"

namespace sda::preprocessing {
namespace {

// Rows and positives of every key, by fold.
class TargetFitter final : public Fitter {
 public:
  TargetFitter(const pipeline::TargetEncode& options, uint64_t seed)
      : folds_(static_cast<size_t>(options.folds)),
        seed_(seed),
        fold_rows_(folds_),
        fold_positives_(folds_) {}

  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    pipeline::KeyBuilder keys(in);
    for (const uint32_t row : rows.use) {
      const size_t fold =
          HashRow(seed_, RandomStream::kFold, static_cast<uint64_t>(rows.numbers[row])) % folds_;
      const int64_t positive = rows.labels[row];
      ++fold_rows_[fold];
      fold_positives_[fold] += positive;
      const size_t cell = CellsOf(KeyCounts::KeyOf(keys.Key(row))) + fold;
      ++rows_[cell];
      positives_[cell] += positive;
    }
  }

  void Merge(Fitter& other) override {
    auto& that = static_cast<TargetFitter&>(other);
    for (size_t fold = 0; fold < folds_; ++fold) {
      fold_rows_[fold] += that.fold_rows_[fold];
      fold_positives_[fold] += that.fold_positives_[fold];
    }
    std::string padded;
    that.positions_.ForEach([&](std::string_view value, int64_t position) {
      padded.assign(value).append(kInlineValueBytes, '\0');
      const size_t into = CellsOf(ValueTable::MakeKey(padded.data(), static_cast<uint32_t>(value.size())));
      const size_t from = static_cast<size_t>(position - 1) * folds_;
      for (size_t fold = 0; fold < folds_; ++fold) {
        rows_[into + fold] += that.rows_[from + fold];
        positives_[into + fold] += that.positives_[from + fold];
      }
    });
  }

  pipeline::NodeState Finish() override {
    std::vector<std::pair<std::string, int64_t>> sorted;
    positions_.ForEach(
        [&](std::string_view value, int64_t position) { sorted.emplace_back(std::string(value), position); });
    std::sort(sorted.begin(), sorted.end());
    pipeline::NodeState state;
    pipeline::LearnedTable& table = state.table.emplace();
    for (auto& [value, position] : sorted) {
      const size_t from = static_cast<size_t>(position - 1) * folds_;
      int64_t count = 0;
      int64_t positive = 0;
      for (size_t fold = 0; fold < folds_; ++fold) {
        count += rows_[from + fold];
        positive += positives_[from + fold];
        table.fold_counts.push_back(rows_[from + fold]);
        table.fold_positives.push_back(positives_[from + fold]);
      }
      table.values.push_back(std::move(value));
      table.counts.push_back(count);
      table.positives.push_back(positive);
    }
    state.fold_rows = fold_rows_;
    state.fold_positives = fold_positives_;
    double rows = 0;
    double positives = 0;
    for (size_t fold = 0; fold < folds_; ++fold) {
      rows += static_cast<double>(fold_rows_[fold]);
      positives += static_cast<double>(fold_positives_[fold]);
    }
    state.numbers = {rows, positives};
    return state;
  }

 private:
  // Where the key's cells begin.
  size_t CellsOf(const ValueTable::Key& key) {
    int64_t& position = positions_.At(key);
    if (position == 0) {
      rows_.resize(rows_.size() + folds_);
      positives_.resize(positives_.size() + folds_);
      position = static_cast<int64_t>(rows_.size() / folds_);
    }
    return static_cast<size_t>(position - 1) * folds_;
  }

  const size_t folds_;
  const uint64_t seed_;
  ValueTable positions_;  // from 1
  std::vector<int64_t> rows_;
  std::vector<int64_t> positives_;
  std::vector<int64_t> fold_rows_;
  std::vector<int64_t> fold_positives_;
};

}  // namespace

std::unique_ptr<Fitter> NewTargetFitter(const pipeline::TargetEncode& options, uint64_t seed) {
  return std::make_unique<TargetFitter>(options, seed);
}

}  // namespace sda::preprocessing
