#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/row_hash.h"
#include "services/preprocessing/core/operations/row_operation.h"

namespace sda::preprocessing {
namespace {

using By = pipeline::SplitRows::By;

// ---- what has to be learned ----

class Times final : public RowFitter {
 public:
  explicit Times(double test_share) : test_share_(test_share) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    for (size_t row = 0; row < rows.size(); ++row) {
      if (!in[0]->missing[row]) times_.push_back(in[0]->numbers[row]);
    }
  }

  void Merge(RowFitter& other) override {
    auto& that = static_cast<Times&>(other);
    times_.insert(times_.end(), that.times_.begin(), that.times_.end());
    std::vector<double>().swap(that.times_);
  }

  RowState Finish() override {
    RowState state;
    state.time_bound = std::numeric_limits<double>::infinity();
    if (times_.empty()) return state;
    const auto test_rows = static_cast<size_t>(std::floor(test_share_ * static_cast<double>(times_.size())));
    const auto bound = times_.begin() + static_cast<int64_t>(times_.size() - test_rows - 1);
    std::nth_element(times_.begin(), bound, times_.end());
    state.time_bound = *bound;
    return state;
  }

 private:
  const double test_share_;
  std::vector<double> times_;
};

// The latest rows of each user.
class LastRows final : public RowFitter {
 public:
  LastRows(int64_t test_rows, int64_t validation_rows)
      : test_rows_(test_rows),
        validation_rows_(validation_rows),
        kept_(static_cast<size_t>(test_rows + validation_rows)) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    if (rows.in_test_file) return;
    for (size_t row = 0; row < rows.size(); ++row) {
      if (in[1]->missing[row]) continue;
      User& user = users_[in[0]->missing[row] ? std::string() : std::string(in[0]->texts[row])];
      ++user.rows;
      Insert(user, {in[1]->numbers[row], rows.numbers[row]});
    }
  }

  void Merge(RowFitter& other) override {
    for (auto& [name, that] : static_cast<LastRows&>(other).users_) {
      User& user = users_[name];
      user.rows += that.rows;
      for (const Row& row : that.last) Insert(user, row);
    }
  }

  RowState Finish() override {
    RowState state;
    for (const auto& [name, user] : users_) {
      const int64_t test = std::min(test_rows_, user.rows - 1);
      const int64_t validation = std::min(validation_rows_, user.rows - 1 - test);
      for (int64_t i = 0; i < test + validation; ++i)
        state.split_of_row[user.last[static_cast<size_t>(i)].second] =
            i < test ? Split::kTest : Split::kValidation;
    }
    return state;
  }

 private:
  using Row = std::pair<double, int64_t>;  // time, row number
  struct User {
    int64_t rows = 0;
    std::vector<Row> last;  // the latest first
  };

  void Insert(User& user, const Row& row) const {
    const auto place = std::upper_bound(user.last.begin(), user.last.end(), row, std::greater<>());
    if (place == user.last.end() && user.last.size() == kept_) return;
    user.last.insert(place, row);
    if (user.last.size() > kept_) user.last.pop_back();
  }

  const int64_t test_rows_;
  const int64_t validation_rows_;
  const size_t kept_;
  absl::flat_hash_map<std::string, User> users_;
};

// How many rows there are, and where the test files begin.
class Extent final : public RowFitter {
 public:
  explicit Extent(int64_t parts) : parts_(parts) {}

  void Add(const pipeline::InputColumns&, const BatchRows& rows) override {
    end_ = std::max(end_, rows.end_row);
    if (rows.in_test_file) first_test_ = std::min(first_test_, rows.first_row);
  }

  void Merge(RowFitter& other) override {
    const auto& that = static_cast<Extent&>(other);
    end_ = std::max(end_, that.end_);
    first_test_ = std::min(first_test_, that.first_test_);
  }

  RowState Finish() override {
    RowState state;
    state.last_part_begin = first_test_ < INT64_MAX ? first_test_ : end_ - end_ / parts_;
    state.last_part_middle = state.last_part_begin + (end_ - state.last_part_begin + 1) / 2;
    return state;
  }

 private:
  const int64_t parts_;
  int64_t end_ = 0;
  int64_t first_test_ = INT64_MAX;
};

// ---- the operation ----

class DealRows final : public RowOperation {
 public:
  DealRows(const pipeline::SplitRows& options, const RowSettings& settings)
      : options_(options), settings_(settings) {}

  std::unique_ptr<RowFitter> NewFitter() const override {
    if (options_.by == By::kTime) return std::make_unique<Times>(options_.test_share);
    if (options_.by == By::kLeaveLastOut) {
      // With test files no row of the others is one for testing.
      return std::make_unique<LastRows>(settings_.test_files ? 0 : options_.test_rows,
                                        options_.validation_rows);
    }
    if (options_.by == By::kLastPart) return std::make_unique<Extent>(options_.parts);
    return nullptr;
  }

  std::optional<pipeline::CellProblem> Deal(const pipeline::InputColumns& in, const RowState& state,
                                            BatchRows& rows) const override {
    for (size_t row = 0; row < rows.size(); ++row) {
      const bool needs_time = options_.by == By::kTime || options_.by == By::kLeaveLastOut;
      if (needs_time && in.back()->missing[row] && !rows.in_test_file)
        return pipeline::CellProblem{row, "BAD_TIME", "the time is missing; rows are split by it"};
      rows.splits[row] = SplitOf(in, state, rows, row);
    }
    return std::nullopt;
  }

 private:
  Split SplitOf(const pipeline::InputColumns& in, const RowState& state, const BatchRows& rows,
                size_t row) const {
    const int64_t number = rows.numbers[row];
    if (options_.by == By::kLastPart) {
      if (number < state.last_part_begin) return Split::kTrain;
      return number < state.last_part_middle ? Split::kTest : Split::kValidation;
    }
    if (settings_.test_files ? rows.in_test_file : IsTest(in, state, number, row)) return Split::kTest;
    if (options_.by == By::kLeaveLastOut) {
      const auto split = state.split_of_row.find(number);
      return split == state.split_of_row.end() ? Split::kTrain : split->second;
    }
    const uint64_t hash =
        HashRow(settings_.seed, RandomStream::kValidationSplit, static_cast<uint64_t>(number));
    return ToUnit(hash) < options_.validation_share ? Split::kValidation : Split::kTrain;
  }

  bool IsTest(const pipeline::InputColumns& in, const RowState& state, int64_t number, size_t row) const {
    const uint64_t seed = settings_.seed;
    switch (options_.by) {
      case By::kFraction:
        return ToUnit(HashRow(seed, RandomStream::kTestSplit, static_cast<uint64_t>(number))) <
               options_.test_share;
      case By::kHash: {
        const std::string_view key = in[0]->missing[row] ? std::string_view() : in[0]->texts[row];
        return ToUnit(HashKey(seed, RandomStream::kKeySplit, key)) < options_.test_share;
      }
      case By::kTime:
        return in[0]->numbers[row] > state.time_bound;
      case By::kLeaveLastOut: {
        const auto split = state.split_of_row.find(number);
        return split != state.split_of_row.end() && split->second == Split::kTest;
      }
      case By::kLastPart:
        break;
    }
    return false;
  }

  const pipeline::SplitRows options_;
  const RowSettings settings_;
};

}  // namespace

std::unique_ptr<RowOperation> NewSplitRows(const pipeline::SplitRows& options, const RowSettings& settings) {
  return std::make_unique<DealRows>(options, settings);
}

}  // namespace sda::preprocessing
