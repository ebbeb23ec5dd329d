#include "services/preprocessing/core/encode.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "common/storage/dense_transform.h"
#include "common/storage/list_cell.h"
#include "services/preprocessing/core/dense_stats.h"
#include "services/preprocessing/core/fast_number.h"
#include "services/preprocessing/core/id_files.h"
#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/row_dealer.h"
#include "services/preprocessing/core/shard_set.h"

namespace sda::preprocessing {
namespace {

// One dense column's transform, with the results for small whole numbers at hand.
class DenseEncoder {
 public:
  explicit DenseEncoder(const DenseTransform& transform) : transform_(transform) {
    missing_ = ApplyTransformToMissing(transform);
    for (int value = 0; value < kTable; ++value)
      table_[static_cast<size_t>(value)] = ApplyTransform(transform, value);
  }

  float missing() const { return missing_; }

  float operator()(double value) const {
    if (value >= 0 && value < kTable) {
      const int whole = static_cast<int>(value);
      if (static_cast<double>(whole) == value) return table_[static_cast<size_t>(whole)];
    }
    return ApplyTransform(transform_, value);
  }

 private:
  static constexpr int kTable = 1024;

  const DenseTransform transform_;
  float missing_ = 0;
  std::array<float, kTable> table_{};
};

// What all threads read.
struct FittedState {
  std::vector<DenseEncoder> dense;
  std::vector<ValueTable> ids;

  // Ids of the columns without a table here.
  IdFiles noted;

  // Releases the vocabularies of `fit`.
  static absl::StatusOr<FittedState> Make(const DatasetPlan& plan, Fit& fit, const RunSettings& settings,
                                          int64_t table_bytes) {
    FittedState state;
    for (const FittedDense& column : fit.dense) state.dense.emplace_back(column.transform);
    std::vector<int64_t> bytes;
    std::vector<bool> lists;
    for (size_t i = 0; i < fit.categorical.size(); ++i) {
      bytes.push_back(IndexBytes(fit.categorical[i].vocabulary));
      lists.push_back(!plan.column(plan.categorical[i]).list_separator.empty());
    }
    SDA_ASSIGN_OR_RETURN(const IdPasses passes, PlanIdPasses(bytes, lists, table_bytes));
    SDA_ASSIGN_OR_RETURN(state.noted, IdFiles::Make(plan, fit, passes, settings));
    for (size_t i = 0; i < fit.categorical.size(); ++i) {
      Vocabulary vocabulary = std::exchange(fit.categorical[i].vocabulary, {});
      state.ids.emplace_back();
      if (passes.last[i]) {
        SDA_ASSIGN_OR_RETURN(state.ids.back(), IndexVocabulary(vocabulary));
      }
    }
    return state;
  }
};

// A run of a block's rows that lands in one shard without gaps.
struct Run {
  Split split = Split::kTrain;
  const uint32_t* rows = nullptr;
  int64_t count = 0;
  int64_t position = 0;  // of the first row, in the split
  int64_t offset = 0;    // of the first row, in the shard
  Shard* shard = nullptr;
};

class EncodeWorker final : public BlockWorker {
 public:
  EncodeWorker(const DatasetPlan& plan, const Fit& fit, const FittedState& state, ShardSet& shards)
      : plan_(plan),
        fit_(fit),
        state_(state),
        shards_(shards),
        missing_(plan.missing_test()),
        dealer_(plan),
        lookup_(plan.missing_test()) {}

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    // The first pass counted the blocks; more of them, or other rows in them, mean another file.
    if (place.index >= static_cast<int64_t>(fit_.blocks.size())) return Changed(place);
    SDA_RETURN_IF_ERROR(dealer_.Deal(cells, place));
    SDA_RETURN_IF_ERROR(PlanRuns(place));
    floats_.resize(cells.rows);
    ids_.resize(cells.rows);

    for (size_t row = 0; row < cells.rows; ++row) floats_[row] = dealer_.labels()[row];
    Scatter(floats_, [](Shard& shard) { return shard.label(); });
    if (plan_.weight >= 0) Scatter(dealer_.weights(), [](Shard& shard) { return shard.weight(); });
    for (size_t i = 0; i < plan_.dense.size(); ++i) {
      if (!EncodeDense(cells, i)) return Changed(place);
      Scatter(floats_, [i](Shard& shard) { return shard.dense(i); });
    }
    for (size_t i = 0; i < plan_.categorical.size(); ++i) {
      const bool lists = !plan_.column(plan_.categorical[i]).list_separator.empty();
      if (lists) {
        EncodeLists(cells, i);
      } else {
        SDA_RETURN_IF_ERROR(EncodeCategorical(cells, place, i));
      }
      Scatter(ids_, [i](Shard& shard) { return shard.categorical(i); });
      if (lists) ScatterLists(i);
    }
    for (const Run& run : runs_) SDA_RETURN_IF_ERROR(shards_.Complete(run.split, run.position, run.count));
    return absl::OkStatus();
  }

 private:
  absl::Status Changed(const BlockPlace& place) const {
    return error::InputChanged(plan_.input.files[static_cast<size_t>(place.file)].path);
  }

  // Cuts the rows of each split where they cross from one shard to the next.
  absl::Status PlanRuns(const BlockPlace& place) {
    const auto block = static_cast<size_t>(place.index);
    runs_.clear();
    for (size_t s = 0; s < kSplits; ++s) {
      const auto split = static_cast<Split>(s);
      const std::vector<uint32_t>& rows = dealer_.rows(split);
      int64_t position = fit_.blocks[block].first[s];
      const int64_t next_block =
          block + 1 < fit_.blocks.size() ? fit_.blocks[block + 1].first[s] : fit_.splits[s].rows;
      if (position + static_cast<int64_t>(rows.size()) != next_block) return Changed(place);
      for (int64_t done = 0; done < static_cast<int64_t>(rows.size());) {
        const int64_t offset = position % shards_.shard_rows();
        const int64_t count =
            std::min(static_cast<int64_t>(rows.size()) - done, shards_.shard_rows() - offset);
        if (shards_.IsFinished(split, position)) {
          position += count;
          done += count;
          continue;
        }
        SDA_ASSIGN_OR_RETURN(Shard* const shard, shards_.Open(split, position));
        runs_.push_back({split, rows.data() + done, count, position, offset, shard});
        position += count;
        done += count;
      }
    }
    return absl::OkStatus();
  }

  template <class Value, class ColumnOf>
  void Scatter(const std::vector<Value>& values, const ColumnOf& column_of) {
    for (const Run& run : runs_) {
      Value* const out = column_of(*run.shard) + run.offset;
      for (int64_t i = 0; i < run.count; ++i) out[i] = values[run.rows[i]];
    }
  }

  // False where a field is not a number: the first pass saw to it that all are.
  bool EncodeDense(const CellBlock& cells, size_t i) {
    const auto column = static_cast<size_t>(plan_.dense[i]);
    const DenseEncoder& encoder = state_.dense[i];
    for (size_t row = 0; row < cells.rows; ++row) {
      const std::string_view field = cells.view(row, column);
      double value = 0;
      if (missing_(field)) {
        floats_[row] = encoder.missing();
      } else if (ParseDense(field, value)) {
        floats_[row] = encoder(value);
      } else {
        return false;
      }
    }
    return true;
  }

  absl::Status EncodeCategorical(const CellBlock& cells, const BlockPlace& place, size_t i) {
    if (state_.noted.holds(i)) return state_.noted.Read(i, place.first_row, ids_);
    lookup_.Find(cells, static_cast<size_t>(plan_.categorical[i]), state_.ids[i], ids_);
    return absl::OkStatus();
  }

  // Lengths to ids_, the values of all rows to list_ids_.
  void EncodeLists(const CellBlock& cells, size_t i) {
    const auto position = static_cast<size_t>(plan_.categorical[i]);
    const Column& column = plan_.column(plan_.categorical[i]);
    const ValueTable& ids = state_.ids[i];
    list_ids_.clear();
    list_begins_.clear();
    for (size_t row = 0; row < cells.rows; ++row) {
      list_begins_.push_back(list_ids_.size());
      const int64_t values = ForEachListValue(
          cells.view(row, position), column.list_separator, column.list_max_values, missing_,
          [&](std::string_view value) {
            const auto key = ValueTable::MakeKey(value.data(), static_cast<uint32_t>(value.size()));
            list_ids_.push_back(static_cast<int32_t>(ids.Find(key, kUnknownId)));
          });
      if (values == 0) list_ids_.push_back(kMissingId);
      ids_[row] = static_cast<int32_t>(list_ids_.size() - list_begins_.back());
    }
  }

  void ScatterLists(size_t i) {
    for (const Run& run : runs_) {
      std::vector<int32_t> values;
      for (int64_t r = 0; r < run.count; ++r) {
        const auto begin = list_ids_.begin() + static_cast<int64_t>(list_begins_[run.rows[r]]);
        values.insert(values.end(), begin, begin + ids_[run.rows[r]]);
      }
      run.shard->AddListValues(i, run.offset, values);
    }
  }

  const DatasetPlan& plan_;
  const Fit& fit_;
  const FittedState& state_;
  ShardSet& shards_;
  const MissingTest missing_;
  RowDealer dealer_;
  std::vector<Run> runs_;
  std::vector<float> floats_;
  std::vector<int32_t> ids_;
  std::vector<int32_t> list_ids_;
  std::vector<size_t> list_begins_;
  IdLookup lookup_;
};

ShardColumns ColumnsOf(const DatasetPlan& plan) {
  ShardColumns columns;
  columns.weight = plan.weight >= 0;
  for (const int i : plan.dense) columns.dense.push_back(plan.column(i).name);
  for (const int i : plan.categorical) {
    columns.categorical.push_back(plan.column(i).name);
    columns.lists.push_back(!plan.column(i).list_separator.empty());
  }
  return columns;
}

// Blocks all of whose rows lie in finished shards, with their number of rows.
BlockSkip SkipFinished(const Fit& fit, const ShardSet& shards) {
  return [&fit, &shards](int64_t index) -> std::optional<int64_t> {
    const auto block = static_cast<size_t>(index);
    if (block >= fit.blocks.size()) return std::nullopt;
    int64_t rows = 0;
    for (size_t s = 0; s < kSplits; ++s) {
      const int64_t first = fit.blocks[block].first[s];
      const int64_t next =
          block + 1 < fit.blocks.size() ? fit.blocks[block + 1].first[s] : fit.splits[s].rows;
      for (int64_t position = first; position < next; position += shards.shard_rows()) {
        if (!shards.IsFinished(static_cast<Split>(s), position)) return std::nullopt;
      }
      if (next > first && !shards.IsFinished(static_cast<Split>(s), next - 1)) return std::nullopt;
      rows += next - first;
    }
    return rows;
  };
}

}  // namespace

absl::StatusOr<SplitShards> EncodeDataset(const DatasetPlan& plan, Fit& fit, const RunSettings& settings,
                                          int64_t table_bytes,
                                          std::map<ShardSet::Key, ManifestShard> finished,
                                          DatasetOutput& output) {
  SDA_ASSIGN_OR_RETURN(const FittedState state, FittedState::Make(plan, fit, settings, table_bytes));
  std::array<int64_t, kSplits> split_rows{};
  for (size_t s = 0; s < kSplits; ++s) split_rows[s] = fit.splits[s].rows;
  const bool resumes = !finished.empty();
  ShardSet shards(ColumnsOf(plan), split_rows, plan.spec.shard_rows, std::move(finished), {}, output);
  std::vector<std::unique_ptr<BlockWorker>> workers;
  for (int i = 0; i < settings.threads; ++i) {
    workers.push_back(std::make_unique<EncodeWorker>(plan, fit, state, shards));
  }
  SDA_RETURN_IF_ERROR(RunBlocks(plan.input, "encode", fit.rows, settings, workers,
                                resumes ? SkipFinished(fit, shards) : BlockSkip()));
  SplitShards written;
  for (size_t s = 0; s < kSplits; ++s) {
    written[s] = shards.Written(static_cast<Split>(s));
    int64_t rows = 0;
    for (const ManifestShard& shard : written[s]) rows += shard.rows;
    if (rows != split_rows[s]) return error::InputChanged(plan.input.files.back().path);
  }
  return written;
}

}  // namespace sda::preprocessing
