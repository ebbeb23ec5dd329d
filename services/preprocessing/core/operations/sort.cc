#include <algorithm>
#include <array>
#include <bit>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/operations/row_operation.h"
#include "services/preprocessing/core/sorted_runs.h"

namespace sda::preprocessing {
namespace {

using Order = pipeline::Sort::Order;

// Appends bytes whose order is that of the values: missing last whatever the order, numbers by their bits,
// texts with an end that sorts before any byte.
void AppendKey(const pipeline::ColumnData& column, size_t row, Order order, std::string& key) {
  const bool missing = column.IsMissing(row);
  key.push_back(missing ? 1 : 0);
  if (missing) return;
  const size_t begin = key.size();
  if (column.type == pipeline::ColumnType::kNumber) {
    const double value = column.numbers[row] == 0 ? 0.0 : column.numbers[row];
    const auto bits = std::bit_cast<uint64_t>(value);
    const uint64_t ordered = bits >> 63 ? ~bits : bits | (uint64_t{1} << 63);
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(ordered >> shift));
  } else {
    for (const char c : column.texts[row]) {
      key.push_back(c);
      if (c == '\0') key.push_back('\xff');
    }
    key.append(2, '\0');
  }
  if (order == Order::kDescending) {
    for (size_t i = begin; i < key.size(); ++i) key[i] = static_cast<char>(~key[i]);
  }
}

// A key is the split, the values' bytes, and the row's number, which decides where values are equal.
class Keys final : public RowFitter {
 public:
  explicit Keys(std::vector<Order> orders) : orders_(std::move(orders)) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    end_ = std::max(end_, rows.end_row);
    for (size_t row = 0; row < rows.size(); ++row) {
      key_.assign(1, static_cast<char>(rows.splits[row]));
      for (size_t i = 0; i < in.size(); ++i) AppendKey(*in[i], row, orders_[i], key_);
      AppendOrdered(static_cast<uint64_t>(rows.numbers[row]), key_);
      keys_.Add(key_, {});
    }
  }

  int64_t bytes() const override { return keys_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return keys_.Spill(scratch_folder); }

  absl::Status Merge(RowFitter& other, const std::string& scratch_folder) override {
    auto& that = static_cast<Keys&>(other);
    end_ = std::max(end_, that.end_);
    return keys_.Take(that.keys_, scratch_folder);
  }

  absl::StatusOr<RowState> Finish(const LearnSettings& settings) override {
    RowNotesBuilder notes(sizeof(int64_t), end_, settings);
    std::array<int64_t, kSplits> next{};
    SDA_RETURN_IF_ERROR(keys_.Finish([&](std::string_view key, std::string_view) {
      const auto row = static_cast<int64_t>(ReadOrdered(key.substr(key.size() - sizeof(uint64_t))));
      return notes.Set(row, ++next[static_cast<uint8_t>(key[0])]);
    }));
    RowState state;
    SDA_ASSIGN_OR_RETURN(state.notes, notes.Finish());
    return state;
  }

 private:
  const std::vector<Order> orders_;
  int64_t end_ = 0;
  std::string key_;
  RecordSorter keys_;
};

class SortRows final : public RowOperation {
 public:
  explicit SortRows(std::vector<Order> orders) : orders_(std::move(orders)) {}

  std::unique_ptr<RowFitter> NewFitter() const override { return std::make_unique<Keys>(orders_); }

 private:
  const std::vector<Order> orders_;
};

}  // namespace

std::unique_ptr<RowOperation> NewSort(const pipeline::Sort& options, size_t inputs) {
  std::vector<Order> orders = options.orders;
  orders.resize(inputs, Order::kAscending);
  return std::make_unique<SortRows>(std::move(orders));
}

}  // namespace sda::preprocessing
