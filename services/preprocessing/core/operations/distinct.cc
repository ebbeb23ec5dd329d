#include <algorithm>

#include "common/base/status_macros.h"
#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/operations/key_numbers.h"
#include "services/preprocessing/core/operations/row_operation.h"

namespace sda::preprocessing {
namespace {

// The first row of every key, from 1.
class FirstRows final : public RowFitter {
 public:
  explicit FirstRows(const pipeline::Distinct& options) : options_(options) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    end_ = std::max(end_, rows.end_row);
    pipeline::KeyBuilder keys(in);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (AppliesTo(options_.splits, rows.splits[row]))
        KeyNumbers::Lower(*firsts_.At(keys.Key(row)), rows.numbers[row] + 1);
    }
  }

  int64_t bytes() const override { return firsts_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return firsts_.Spill(scratch_folder); }

  absl::Status Merge(RowFitter& other, const std::string& scratch_folder) override {
    auto& that = static_cast<FirstRows&>(other);
    end_ = std::max(end_, that.end_);
    return firsts_.Merge(that.firsts_, scratch_folder);
  }

  absl::StatusOr<RowState> Finish(const LearnSettings& settings) override {
    RowNotesBuilder notes(/*width=*/1, end_, settings);
    SDA_RETURN_IF_ERROR(firsts_.Finish(
        [&](std::string_view, std::span<const int64_t> first) { return notes.Set(first[0] - 1, 1); }));
    RowState state;
    SDA_ASSIGN_OR_RETURN(state.notes, notes.Finish());
    return state;
  }

 private:
  const pipeline::Distinct options_;
  int64_t end_ = 0;
  KeyNumbers firsts_ = KeyNumbers(std::vector<KeyNumbers::Combine>{KeyNumbers::Combine::kMinimum});
};

class KeepFirst final : public RowOperation {
 public:
  explicit KeepFirst(const pipeline::Distinct& options) : options_(options) {}

  std::unique_ptr<RowFitter> NewFitter() const override { return std::make_unique<FirstRows>(options_); }

  void Filter(const pipeline::InputColumns&, const BatchRows& rows, const RowState&,
              std::vector<uint8_t>& keep) const override {
    for (size_t row = 0; row < rows.size(); ++row) {
      if (AppliesTo(options_.splits, rows.splits[row]) && rows.note(row) == 0) keep[row] = 0;
    }
  }

 private:
  const pipeline::Distinct options_;
};

}  // namespace

std::unique_ptr<RowOperation> NewDistinct(const pipeline::Distinct& options) {
  return std::make_unique<KeepFirst>(options);
}

}  // namespace sda::preprocessing
