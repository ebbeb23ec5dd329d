#include <algorithm>
#include <array>
#include <bit>

#include "services/preprocessing/core/operations/row_operation.h"

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

class Keys final : public RowFitter {
 public:
  explicit Keys(std::vector<Order> orders) : orders_(std::move(orders)) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    for (size_t row = 0; row < rows.size(); ++row) {
      std::string key;
      for (size_t i = 0; i < in.size(); ++i) AppendKey(*in[i], row, orders_[i], key);
      keys_[static_cast<size_t>(rows.splits[row])].emplace_back(std::move(key), rows.numbers[row]);
    }
  }

  void Merge(RowFitter& other) override {
    auto& that = static_cast<Keys&>(other);
    for (size_t s = 0; s < kSplits; ++s) {
      std::move(that.keys_[s].begin(), that.keys_[s].end(), std::back_inserter(keys_[s]));
      that.keys_[s].clear();
    }
  }

  RowState Finish() override {
    RowState state;
    for (auto& keys : keys_) {
      std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
        // As unsigned bytes; char may be signed, string's comparison is not.
        const int order = a.first.compare(b.first);
        return order != 0 ? order < 0 : a.second < b.second;
      });
      for (size_t i = 0; i < keys.size(); ++i) state.positions[keys[i].second] = static_cast<int64_t>(i);
      keys.clear();
    }
    return state;
  }

 private:
  using Key = std::pair<std::string, int64_t>;

  const std::vector<Order> orders_;
  std::array<std::vector<Key>, kSplits> keys_;
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
