#include <algorithm>
#include <cstring>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "common/base/row_hash.h"
#include "common/base/status_macros.h"
#include "common/base/strings.h"
#include "services/preprocessing/core/operations/row_operation.h"
#include "services/preprocessing/core/sorted_runs.h"
#include "services/preprocessing/core/time_bound.h"

namespace sda::preprocessing {
namespace {

using By = pipeline::SplitRows::By;

// ---- what has to be learned ----

class Times final : public RowFitter {
 public:
  explicit Times(double test_share) : test_share_(test_share) {}

  void Add(const pipeline::InputColumns& in, const BatchRows& rows) override {
    for (size_t row = 0; row < rows.size(); ++row) {
      if (!in[0]->missing[row]) times_.Add(in[0]->numbers[row]);
    }
  }

  int64_t bytes() const override { return times_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return times_.Spill(scratch_folder); }

  absl::Status Merge(RowFitter& other, const std::string& scratch_folder) override {
    return times_.Merge(static_cast<Times&>(other).times_, scratch_folder);
  }

  absl::StatusOr<RowState> Finish(const LearnSettings&) override {
    RowState state;
    SDA_ASSIGN_OR_RETURN(state.time_bound, times_.Find(test_share_));
    return state;
  }

 private:
  const double test_share_;
  TimeBound times_;
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
    end_ = std::max(end_, rows.end_row);
    for (size_t row = 0; row < rows.size(); ++row) {
      if (in[1]->missing[row]) continue;
      User& user = UserOf(in[0]->missing[row] ? std::string_view() : in[0]->texts[row]);
      ++user.rows;
      Insert(user, {in[1]->numbers[row], rows.numbers[row]});
    }
  }

  int64_t bytes() const override { return bytes_; }

  absl::Status Spill(const std::string& scratch_folder) override {
    if (users_.empty()) return absl::OkStatus();
    std::vector<const std::pair<const std::string, User>*> sorted;
    for (const auto& user : users_) sorted.push_back(&user);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    SortedRuns& runs = spilled_.Writable(scratch_folder);
    SDA_RETURN_IF_ERROR(runs.Begin());
    std::string payload;
    for (const auto* entry : sorted) {
      const User& user = entry->second;
      payload.assign(reinterpret_cast<const char*>(&user.rows), sizeof(user.rows));
      payload.append(reinterpret_cast<const char*>(user.last.data()), user.last.size() * sizeof(Row));
      SDA_RETURN_IF_ERROR(runs.Append(entry->first, payload));
    }
    absl::flat_hash_map<std::string, User>().swap(users_);
    bytes_ = 0;
    return runs.End();
  }

  absl::Status Merge(RowFitter& other, const std::string& scratch_folder) override {
    auto& that = static_cast<LastRows&>(other);
    end_ = std::max(end_, that.end_);
    if (!spilled_.empty() || !that.spilled_.empty()) {
      SDA_RETURN_IF_ERROR(Spill(scratch_folder));
      SDA_RETURN_IF_ERROR(that.Spill(scratch_folder));
      spilled_.Take(that.spilled_);
      return absl::OkStatus();
    }
    for (const auto& [name, more] : that.users_) Join(UserOf(name), more);
    that.users_.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<RowState> Finish(const LearnSettings& settings) override {
    RowNotesBuilder notes(/*width=*/1, end_, settings);
    if (spilled_.empty()) {
      for (const auto& [name, user] : users_) SDA_RETURN_IF_ERROR(Deal(user, notes));
    } else {
      SDA_RETURN_IF_ERROR(Spill(settings.scratch_folder));
      SDA_RETURN_IF_ERROR(DealSpilled(notes));
    }
    RowState state;
    SDA_ASSIGN_OR_RETURN(state.notes, notes.Finish());
    return state;
  }

 private:
  struct Row {
    double time = 0;
    int64_t number = 0;

    bool operator>(const Row& other) const {
      return time != other.time ? time > other.time : number > other.number;
    }
  };
  struct User {
    int64_t rows = 0;
    std::vector<Row> last;  // the latest first
  };

  User& UserOf(std::string_view name) {
    const auto found = users_.find(ToAbsl(name));
    if (found != users_.end()) return found->second;
    // A slot of a table that is half full, and the rows' memory.
    bytes_ += static_cast<int64_t>(2 * sizeof(std::pair<std::string, User>) + name.size() +
                                   2 * kept_ * sizeof(Row));
    return users_[std::string(name)];
  }

  void Insert(User& user, const Row& row) const {
    const auto place = std::upper_bound(user.last.begin(), user.last.end(), row, std::greater<>());
    if (place == user.last.end() && user.last.size() == kept_) return;
    user.last.insert(place, row);
    if (user.last.size() > kept_) user.last.pop_back();
  }

  void Join(User& user, const User& more) const {
    user.rows += more.rows;
    for (const Row& row : more.last) Insert(user, row);
  }

  absl::Status Deal(const User& user, RowNotesBuilder& notes) const {
    const int64_t test = std::min(test_rows_, user.rows - 1);
    const int64_t validation = std::min(validation_rows_, user.rows - 1 - test);
    for (int64_t i = 0; i < test + validation; ++i) {
      SDA_RETURN_IF_ERROR(notes.Set(user.last[static_cast<size_t>(i)].number,
                                    static_cast<int64_t>(i < test ? Split::kTest : Split::kValidation)));
    }
    return absl::OkStatus();
  }

  absl::Status DealSpilled(RowNotesBuilder& notes) const {
    std::string name;
    User user;
    SDA_RETURN_IF_ERROR(spilled_.Merge([&](std::string_view key, std::string_view payload) {
      if (key != name) {
        if (user.rows > 0) SDA_RETURN_IF_ERROR(Deal(user, notes));
        name.assign(key);
        user = {};
      }
      User more;
      std::memcpy(&more.rows, payload.data(), sizeof(more.rows));
      payload.remove_prefix(sizeof(more.rows));
      more.last.resize(payload.size() / sizeof(Row));
      if (!more.last.empty()) std::memcpy(more.last.data(), payload.data(), payload.size());
      Join(user, more);
      return absl::OkStatus();
    }));
    return user.rows > 0 ? Deal(user, notes) : absl::OkStatus();
  }

  const int64_t test_rows_;
  const int64_t validation_rows_;
  const size_t kept_;
  int64_t end_ = 0;
  int64_t bytes_ = 0;
  absl::flat_hash_map<std::string, User> users_;
  SpilledRuns spilled_;
};

// How many rows there are, and where the test files begin.
class Extent final : public RowFitter {
 public:
  explicit Extent(int64_t parts) : parts_(parts) {}

  void Add(const pipeline::InputColumns&, const BatchRows& rows) override {
    end_ = std::max(end_, rows.end_row);
    if (rows.in_test_file) first_test_ = std::min(first_test_, rows.first_row);
  }

  absl::Status Merge(RowFitter& other, const std::string&) override {
    const auto& that = static_cast<Extent&>(other);
    end_ = std::max(end_, that.end_);
    first_test_ = std::min(first_test_, that.first_test_);
    return absl::OkStatus();
  }

  absl::StatusOr<RowState> Finish(const LearnSettings&) override {
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
    if (options_.by == By::kLeaveLastOut) return static_cast<Split>(rows.note(row));
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
      case By::kLeaveLastOut:  // as noted, by the caller
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
