#include "services/preprocessing/core/fit.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/storage/list_cell.h"
#include "services/preprocessing/core/dense_stats.h"
#include "services/preprocessing/core/fast_number.h"
#include "services/preprocessing/core/row_dealer.h"
#include "services/preprocessing/core/row_screen.h"
#include "services/preprocessing/core/value_spill.h"

namespace sda::preprocessing {
namespace {

constexpr double kLogSkewness = 2;

struct BlockCounts {
  int64_t index = 0;
  std::array<int64_t, kSplits> rows{};
};

struct CategoryCounts {
  ValueTable values;
  int64_t missing = 0;
};

// Counts the values of one column over some rows.
class CategoryCounter {
 public:
  explicit CategoryCounter(MissingTest missing) : missing_(std::move(missing)) {}

  void Count(const CellBlock& cells, size_t position, const Column& column, const std::vector<uint32_t>& rows,
             CategoryCounts& counts) {
    keys_.clear();
    if (column.list_separator.empty()) {
      AddCells(cells, position, rows, counts);
    } else {
      AddLists(cells, position, column, rows, counts);
    }
    for (const ValueTable::Key& key : keys_) ++counts.values.At(key);
  }

 private:
  void AddCells(const CellBlock& cells, size_t column, const std::vector<uint32_t>& rows,
                CategoryCounts& counts) {
    for (const uint32_t row : rows) {
      const std::string_view field = cells.view(row, column);
      if (missing_(field)) {
        ++counts.missing;
        continue;
      }
      keys_.push_back(ValueTable::MakeKey(field.data(), static_cast<uint32_t>(field.size())));
      counts.values.Prefetch(keys_.back());
    }
  }

  // Every value of a list counts.
  void AddLists(const CellBlock& cells, size_t position, const Column& column,
                const std::vector<uint32_t>& rows, CategoryCounts& counts) {
    for (const uint32_t row : rows) {
      const int64_t values = ForEachListValue(
          cells.view(row, position), column.list_separator, column.list_max_values, missing_,
          [&](std::string_view value) {
            keys_.push_back(ValueTable::MakeKey(value.data(), static_cast<uint32_t>(value.size())));
            counts.values.Prefetch(keys_.back());
          });
      if (values == 0) ++counts.missing;
    }
  }

  const MissingTest missing_;
  std::vector<ValueTable::Key> keys_;
};

class FitWorker final : public BlockWorker {
 public:
  FitWorker(const DatasetPlan& plan, const std::string& scratch_folder, int64_t table_bytes)
      : plan_(plan),
        table_bytes_(table_bytes),
        spill_(scratch_folder, plan.categorical.size()),
        missing_(plan.missing_test()),
        dealer_(plan),
        counter_(plan.missing_test()),
        dense_(plan.dense.size()),
        categories_(plan.categorical.size()) {}

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    SDA_RETURN_IF_ERROR(dealer_.Deal(cells, place));
    is_train_.assign(cells.rows, 0);
    for (const uint32_t row : dealer_.rows(Split::kTrain)) is_train_[row] = 1;
    for (size_t i = 0; i < dense_.size(); ++i)
      SDA_RETURN_IF_ERROR(FitDense(cells, place, plan_.dense[i], dense_[i]));
    for (size_t i = 0; i < categories_.size(); ++i) {
      const int column = plan_.categorical[i];
      if (!cells.ascii) SDA_RETURN_IF_ERROR(CheckText(cells, place, column));
      counter_.Count(cells, static_cast<size_t>(column), plan_.column(column), dealer_.rows(Split::kTrain),
                     categories_[i]);
    }
    BlockCounts counts{place.index, {}};
    for (size_t split = 0; split < kSplits; ++split) {
      counts.rows[split] = static_cast<int64_t>(dealer_.rows(static_cast<Split>(split)).size());
      splits_[split].rows += counts.rows[split];
      splits_[split].positives += dealer_.positives(static_cast<Split>(split));
    }
    blocks_.push_back(counts);
    return table_bytes_ == 0 ? absl::OkStatus() : SpillLargest();
  }

  // Spills what is left of a column that was spilled before.
  absl::Status SpillRest(size_t i) { return spill_.Spill(i, categories_[i].values); }

  const std::vector<BlockCounts>& blocks() const { return blocks_; }
  const std::array<SplitCount, kSplits>& splits() const { return splits_; }
  DenseStats& dense(size_t i) { return dense_[i]; }
  CategoryCounts& categories(size_t i) { return categories_[i]; }
  const ValueSpill& spill() const { return spill_; }

 private:
  // Keeps the tables below this thread's share: once above it, the largest go until half of it is left.
  absl::Status SpillLargest() {
    const auto bytes_of = [](const CategoryCounts& counts) { return counts.values.bytes(); };
    int64_t bytes = 0;
    for (const CategoryCounts& counts : categories_) bytes += bytes_of(counts);
    if (bytes <= table_bytes_) return absl::OkStatus();
    while (bytes > table_bytes_ / 2) {
      size_t largest = 0;
      for (size_t i = 1; i < categories_.size(); ++i) {
        if (bytes_of(categories_[i]) > bytes_of(categories_[largest])) largest = i;
      }
      bytes -= bytes_of(categories_[largest]);
      SDA_RETURN_IF_ERROR(spill_.Spill(largest, categories_[largest].values));
    }
    return absl::OkStatus();
  }

  absl::Status FitDense(const CellBlock& cells, const BlockPlace& place, int column, DenseStats& stats) {
    for (size_t row = 0; row < cells.rows; ++row) {
      const std::string_view field = cells.view(row, static_cast<size_t>(column));
      double value = 0;
      if (missing_(field)) {
        if (is_train_[row]) stats.AddMissing();
      } else if (!ParseDense(field, value)) {
        return BadNumber(cells, place, row, column, field);
      } else if (is_train_[row]) {
        stats.Add(value);
      }
    }
    return absl::OkStatus();
  }

  absl::Status BadNumber(const CellBlock& cells, const BlockPlace& place, size_t row, int column,
                         std::string_view field) const {
    return error::BadCell(
        PlaceOf(plan_.input, place, cells.line(row), column), "BAD_NUMBER",
        absl::StrCat(error::Quoted(field), " is not a number (of at most ", DenseStats::kLargestValue,
                     "); the column is dense: ", plan_.column(column).reason,
                     "; make it categorical, or name ", error::Quoted(field), " as a missing value"));
  }

  absl::Status CheckText(const CellBlock& cells, const BlockPlace& place, int column) const {
    for (size_t row = 0; row < cells.rows; ++row) {
      const auto bad = RowRules::CheckText(cells.view(row, static_cast<size_t>(column)));
      if (bad)
        return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), column), bad->reason, bad->rule);
    }
    return absl::OkStatus();
  }

  const DatasetPlan& plan_;
  const int64_t table_bytes_;  // of this thread; 0: no limit
  ValueSpill spill_;
  const MissingTest missing_;
  RowDealer dealer_;
  CategoryCounter counter_;
  std::vector<DenseStats> dense_;
  std::vector<CategoryCounts> categories_;
  std::vector<BlockCounts> blocks_;
  std::array<SplitCount, kSplits> splits_{};
  std::vector<uint8_t> is_train_;
};

bool TakesLog(const std::optional<bool>& chosen, const DenseStats& stats) {
  if (chosen) return *chosen;
  const double raw = stats.Skewness(/*log=*/false);
  return raw > kLogSkewness && std::abs(stats.Skewness(/*log=*/true)) < raw;
}

FittedDense FinishDense(const Column& column, const DenseStats& stats) {
  FittedDense fitted;
  fitted.missing = stats.missing();
  fitted.distinct = stats.distinct();
  if (stats.values() > 0) {
    fitted.min = stats.min();
    fitted.max = stats.max();
    const DenseStats::Moments raw = stats.RawMoments();
    fitted.mean = raw.mean;
    fitted.stddev = raw.stddev;
  }
  DenseTransform& transform = fitted.transform;
  transform.log = TakesLog(column.log, stats);
  transform.fill_value = transform.log ? 0 : stats.Median();
  const DenseStats::Moments filled = stats.FilledMoments(transform.fill_value, transform.log);
  transform.mean = filled.mean;
  transform.scale = filled.stddev > 0 ? filled.stddev : 1;
  return fitted;
}

int64_t ThresholdOf(const Column& column, const DatasetSpec& spec, int64_t train_rows) {
  return column.frequency_threshold > 0 ? column.frequency_threshold
         : spec.frequency_threshold > 0 ? spec.frequency_threshold
                                        : DefaultFrequencyThreshold(train_rows);
}

// Merges what the workers saw into the first of them and finishes the columns, several at a time.
class Finisher {
 public:
  Finisher(const DatasetPlan& plan, const std::vector<FitWorker*>& workers, const std::string& scratch_folder,
           Fit& fit)
      : plan_(plan), workers_(workers), scratch_folder_(scratch_folder), fit_(fit) {
    fit_.dense.resize(plan.dense.size());
    fit_.categorical.resize(plan.categorical.size());
  }

  absl::Status Run(int threads) {
    for (size_t i = 0; i < fit_.categorical.size(); ++i) {
      if (!IsSpilled(i)) continue;
      for (FitWorker* worker : workers_) SDA_RETURN_IF_ERROR(worker->SpillRest(i));
    }
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back([this] { Work(); });
    Work();
    helpers.clear();
    return error_;
  }

 private:
  bool IsSpilled(size_t i) const {
    return std::any_of(workers_.begin(), workers_.end(),
                       [i](const FitWorker* worker) { return worker->spill().holds(i); });
  }

  void Work() {
    const size_t columns = fit_.dense.size() + fit_.categorical.size();
    // The last columns are the categorical ones, with the most to do: from the back.
    for (size_t taken = next_++; taken < columns; taken = next_++) {
      const size_t i = columns - 1 - taken;
      if (i < fit_.dense.size()) {
        Dense(i);
        continue;
      }
      const absl::Status status = Categorical(i - fit_.dense.size());
      const std::lock_guard lock(mutex_);
      error_.Update(status);
    }
  }

  void Dense(size_t i) {
    DenseStats& stats = workers_.front()->dense(i);
    for (size_t w = 1; w < workers_.size(); ++w) stats.Merge(workers_[w]->dense(i));
    fit_.dense[i] = FinishDense(plan_.column(plan_.dense[i]), stats);
  }

  absl::Status Categorical(size_t i) {
    const int64_t train_rows = fit_.splits[static_cast<size_t>(Split::kTrain)].rows;
    FittedCategorical& fitted = fit_.categorical[i];
    fitted.threshold = ThresholdOf(plan_.column(plan_.categorical[i]), plan_.spec, train_rows);
    for (FitWorker* worker : workers_) fitted.missing += worker->categories(i).missing;
    if (IsSpilled(i)) {
      std::vector<const ValueSpill*> spills;
      for (const FitWorker* worker : workers_) spills.push_back(&worker->spill());
      SDA_ASSIGN_OR_RETURN(SpilledCounts counts,
                           BuildSpilledVocabulary(spills, i, fitted.threshold, scratch_folder_));
      fitted.vocabulary.spilled = std::move(counts.vocabulary);
      fitted.distinct = counts.distinct;
      return absl::OkStatus();
    }
    ValueTable counts;
    for (FitWorker* worker : workers_) {
      ValueTable other = std::exchange(worker->categories(i).values, {});
      if (other.size() > counts.size()) std::swap(counts, other);
      counts.AddAll(other);
    }
    fitted.distinct = static_cast<int64_t>(counts.size());
    fitted.vocabulary.values = BuildVocabulary(counts, fitted.threshold);
    return absl::OkStatus();
  }

  const DatasetPlan& plan_;
  const std::vector<FitWorker*>& workers_;
  const std::string& scratch_folder_;
  Fit& fit_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  absl::Status error_;  // guarded by mutex_
};

void AddCounts(const std::vector<FitWorker*>& workers, Fit& fit) {
  std::vector<BlockCounts> blocks;
  for (const FitWorker* worker : workers) {
    blocks.insert(blocks.end(), worker->blocks().begin(), worker->blocks().end());
    for (size_t split = 0; split < kSplits; ++split) {
      fit.splits[split].rows += worker->splits()[split].rows;
      fit.splits[split].positives += worker->splits()[split].positives;
    }
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const BlockCounts& a, const BlockCounts& b) { return a.index < b.index; });
  BlockOffsets next;
  for (const BlockCounts& block : blocks) {
    fit.blocks.push_back(next);
    for (size_t split = 0; split < kSplits; ++split) next.first[split] += block.rows[split];
  }
  for (const SplitCount& split : fit.splits) fit.rows += split.rows;
}

absl::Status CheckTrainable(const DatasetPlan& plan, const Fit& fit) {
  const SplitCount& train = fit.splits[static_cast<size_t>(Split::kTrain)];
  if (fit.rows == 0) return error::InputEmpty(plan.input.files.front().path, "has no rows");
  if (train.rows == 0)
    return InvalidField("split", absl::StrCat("leaves none of ", fit.rows, " rows to train on"));
  if (train.positives == 0 && !plan.spec.positive_values.empty()) {
    return InvalidField("positive_values",
                        absl::StrCat("none of ", train.rows, " training rows has label ",
                                     absl::StrJoin(plan.spec.positive_values, " or ",
                                                   [](std::string* out, const std::string& value) {
                                                     absl::StrAppend(out, error::Quoted(value));
                                                   })));
  }
  if (train.positives == 0 || train.positives == train.rows) {
    return InvalidField("label", absl::StrCat("is ", train.positives == 0 ? 0 : 1, " in all of ", train.rows,
                                              " training rows; there is nothing to learn"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Fit> FitDataset(const DatasetPlan& plan, const RunSettings& settings, int64_t table_bytes) {
  std::vector<std::unique_ptr<BlockWorker>> workers;
  std::vector<FitWorker*> fit_workers;
  // A table that grows holds old and new slots at once, so that a share may be taken twice for a moment.
  const int64_t share = table_bytes == 0 ? 0 : std::max<int64_t>(table_bytes / (2 * settings.threads), 1);
  for (int i = 0; i < settings.threads; ++i) {
    auto worker = std::make_unique<FitWorker>(plan, settings.scratch_folder, share);
    fit_workers.push_back(worker.get());
    workers.push_back(std::move(worker));
  }
  Fit fit;
  SDA_RETURN_IF_ERROR(RunBlocks(plan.input, "fit", 0, settings, workers, {}, &fit.bad_rows));
  AddCounts(fit_workers, fit);
  SDA_RETURN_IF_ERROR(CheckTrainable(plan, fit));
  SDA_RETURN_IF_ERROR(Finisher(plan, fit_workers, settings.scratch_folder, fit).Run(settings.threads));
  return fit;
}

}  // namespace sda::preprocessing
