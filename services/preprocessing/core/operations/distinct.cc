#include <algorithm>

#include "common/pipeline/crossed_keys.h"
#include "services/preprocessing/core/operations/row_operation.h"

namespace sda::preprocessing {
namespace {

class FirstRows final : public RowFitter {
 public:
  explicit FirstRows(const pipeline::Distinct& options) : options_(options) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    pipeline::KeyBuilder keys(in);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (AppliesTo(options_.splits, rows.splits[row])) Lower(std::string(keys.Key(row)), rows.numbers[row]);
    }
  }

  void Merge(RowFitter& other) override {
    for (const auto& [key, first] : static_cast<FirstRows&>(other).state_.first_rows) Lower(key, first);
  }

  RowState Finish() override { return std::move(state_); }

 private:
  void Lower(const std::string& key, int64_t row) {
    const auto [known, is_new] = state_.first_rows.emplace(key, row);
    if (!is_new) known->second = std::min(known->second, row);
  }

  const pipeline::Distinct options_;
  RowState state_;
};

class KeepFirst final : public RowOperation {
 public:
  explicit KeepFirst(const pipeline::Distinct& options) : options_(options) {}

  std::unique_ptr<RowFitter> NewFitter() const override { return std::make_unique<FirstRows>(options_); }

  void Filter(const pipeline::InputColumns& in, const BatchRows& rows, const RowState& state,
              std::vector<uint8_t>& keep) const override {
    pipeline::KeyBuilder keys(in);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (!AppliesTo(options_.splits, rows.splits[row])) continue;
      const auto first = state.first_rows.find(std::string(keys.Key(row)));
      if (first == state.first_rows.end() || first->second != rows.numbers[row]) keep[row] = 0;
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
