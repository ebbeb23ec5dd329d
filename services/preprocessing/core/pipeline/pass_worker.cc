#include "services/preprocessing/core/pipeline/pass_worker.h"

#include <algorithm>
#include <limits>
#include <set>
#include <span>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/row_screen.h"

namespace sda::preprocessing {

using pipeline::ColumnData;
using pipeline::ColumnType;

PipelineState::PipelineState(const DatasetPlan& plan)
    : program(*plan.program),
      nodes(program.nodes.size()),
      executor(program, nodes),
      row_operations(program.nodes.size()),
      rows(program.nodes.size()) {
  const RowSettings settings{static_cast<uint64_t>(plan.spec.seed), !plan.spec.test_uris.empty()};
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const pipeline::Node& node = program.nodes[i];
    if (!node.is_row_operation()) {
      if (!node.learns()) executor.Prepare(i);
      continue;
    }
    row_operations[i] = MakeRowOperation(node, settings);
    if (std::holds_alternative<pipeline::Sort>(node.operation)) sort_node = static_cast<int>(i);
  }
}

PassWorker::PassWorker(const DatasetPlan& plan, const PipelineState& state, const PassSchedule::Pass& pass,
                       ShardSet* shards)
    : plan_(plan),
      state_(state),
      pass_(pass),
      shards_(shards),
      missing_(plan.missing_test()),
      label_reader_(plan.label_reader()),
      splitter_(plan.splitter()),
      fitters_(state.program.nodes.size()),
      row_fitters_(state.program.nodes.size()),
      slots_(state.program.slots.size()) {
  std::set<int> raw;
  for (size_t i = 0; i < state.program.nodes.size(); ++i) {
    if (!pass.apply[i] && !pass.learn[i]) continue;
    order_.push_back(i);
    const pipeline::Node& node = state.program.nodes[i];
    for (const int slot : node.inputs) {
      if (state.program.is_raw(slot)) raw.insert(slot);
    }
    if (!pass.learn[i]) continue;
    if (node.is_row_operation()) {
      row_fitters_[i] = state.row_operations[i]->NewFitter();
    } else {
      const ColumnType output = state.program.slots[static_cast<size_t>(node.outputs[0])].type;
      fitters_[i] = MakeFitter(node, output, static_cast<uint64_t>(plan.spec.seed));
    }
  }
  // From the last to the first, as the key of a join may be of an earlier one.
  for (auto join = plan.joins.rbegin(); join != plan.joins.rend(); ++join) {
    const auto first = raw.lower_bound(join->first_column);
    if (first == raw.end() || *first >= join->first_column + static_cast<int>(join->names.size())) continue;
    joins_.insert(joins_.begin(), &*join);
    raw.insert(join->key_column);
  }
  raw_columns_.assign(raw.begin(), raw.end());
  if (pass.write) {
    profile_.resize(state.program.dense_features);
    zero_ids_.resize(state.program.features.size() - state.program.dense_features);
  }
}

absl::Status PassWorker::Process(const CellBlock& cells, const BlockPlace& place) {
  SDA_RETURN_IF_ERROR(ReadRows(cells, place));
  SDA_RETURN_IF_ERROR(ReadColumns(cells, place));
  for (const size_t node : order_) {
    if (pass_.learn[node]) Learn(node);
    if (pass_.apply[node]) SDA_RETURN_IF_ERROR(RunNode(node, place));
  }
  if (pass_.count) Count(place);
  return pass_.write ? Write(place) : absl::OkStatus();
}

absl::Status PassWorker::ReadRows(const CellBlock& cells, const BlockPlace& place) {
  const auto label = static_cast<size_t>(plan_.label);
  const auto key_column = static_cast<size_t>(plan_.split_column);
  rows_.in_test_file = place.file >= plan_.input.first_test_file;
  rows_.first_row = place.first_row;
  rows_.end_row = place.first_row + static_cast<int64_t>(cells.rows);
  rows_.numbers.resize(cells.rows);
  rows_.lines.resize(cells.rows);
  rows_.labels.resize(cells.rows);
  rows_.splits.resize(cells.rows);
  for (size_t row = 0; row < cells.rows; ++row) {
    const std::string_view field = cells.view(row, label);
    const auto positive = label_reader_.Read(field);
    if (!positive) {
      return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), plan_.label), "BAD_LABEL",
                            label_reader_.Rule(field));
    }
    const int64_t number = place.first_row + static_cast<int64_t>(row);
    rows_.numbers[row] = number;
    rows_.lines[row] = cells.line(row);
    rows_.labels[row] = *positive ? 1 : 0;
    if (plan_.pipeline_splits) {
      rows_.splits[row] = rows_.in_test_file ? Split::kTest : Split::kTrain;
    } else {
      const std::string_view key = splitter_.by_column() ? cells.view(row, key_column) : std::string_view();
      rows_.splits[row] = splitter_.Assign(number, rows_.in_test_file, key);
    }
  }
  return absl::OkStatus();
}

absl::Status PassWorker::ReadColumns(const CellBlock& cells, const BlockPlace& place) {
  filled_ = raw_columns_;
  for (const int c : raw_columns_) {
    const auto column = static_cast<size_t>(c);
    if (column >= cells.columns) break;  // of joins from here on
    ColumnData& slot = slots_[column];
    slot.Reset(ColumnType::kText, cells.rows);
    for (size_t row = 0; row < cells.rows; ++row) {
      const std::string_view field = cells.view(row, column);
      if (missing_(field)) {
        slot.missing[row] = 1;
        continue;
      }
      if (const auto bad = cells.ascii ? std::nullopt : RowRules::CheckText(field))
        return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), c), bad->reason, bad->rule);
      slot.texts[row] = field;
    }
  }
  for (const ReadyJoin* join : joins_) JoinColumns(*join);
  return absl::OkStatus();
}

void PassWorker::JoinColumns(const ReadyJoin& join) {
  const ColumnData& key = slots_[static_cast<size_t>(join.key_column)];
  const size_t rows = key.missing.size();
  keys_.resize(rows);
  for (size_t row = 0; row < rows; ++row) {
    if (key.IsMissing(row)) continue;
    keys_[row] = ValueTable::MakeKey(key.texts[row].data(), static_cast<uint32_t>(key.texts[row].size()));
    join.table->Prefetch(keys_[row]);
  }
  std::vector<int64_t> found(rows, -1);
  for (size_t row = 0; row < rows; ++row) {
    if (!key.IsMissing(row)) found[row] = join.table->Find(keys_[row]);
  }
  const auto end = static_cast<size_t>(join.first_column) + join.names.size();
  const auto first = std::lower_bound(raw_columns_.begin(), raw_columns_.end(), join.first_column);
  for (auto c = first; c != raw_columns_.end() && static_cast<size_t>(*c) < end; ++c) {
    ColumnData& slot = slots_[static_cast<size_t>(*c)];
    slot.Reset(ColumnType::kText, rows);
    for (size_t row = 0; row < rows; ++row) {
      if (found[row] >= 0)
        slot.texts[row] = join.table->Get(found[row], static_cast<size_t>(*c - join.first_column));
      if (slot.texts[row].data() == nullptr) slot.missing[row] = 1;
    }
  }
}

pipeline::InputColumns PassWorker::Inputs(size_t node) const {
  pipeline::InputColumns in;
  for (const int slot : state_.program.nodes[node].inputs) in.push_back(&slots_[static_cast<size_t>(slot)]);
  return in;
}

void PassWorker::Learn(size_t node) {
  const pipeline::InputColumns in = Inputs(node);
  if (row_fitters_[node]) {
    row_fitters_[node]->Add(in, rows_);
    return;
  }
  LearningRows learning{{}, rows_.numbers, rows_.labels};
  const bool all = state_.program.nodes[node].fit_on == pipeline::FitOn::kAll;
  for (size_t row = 0; row < rows_.size(); ++row) {
    if (all || rows_.splits[row] == Split::kTrain) learning.use.push_back(static_cast<uint32_t>(row));
  }
  fitters_[node]->Add(in, learning);
}

absl::Status PassWorker::RunNode(size_t node, const BlockPlace& place) {
  const pipeline::Node& what = state_.program.nodes[node];
  if (what.is_row_operation()) {
    const RowOperation& operation = *state_.row_operations[node];
    const pipeline::InputColumns in = Inputs(node);
    if (const auto problem = operation.Deal(in, state_.rows[node], rows_))
      return BadCell(place, node, *problem);
    std::vector<uint8_t> keep(rows_.size(), 1);
    operation.Filter(in, rows_, state_.rows[node], keep);
    if (std::find(keep.begin(), keep.end(), 0) != keep.end()) KeepRows(keep);
    return absl::OkStatus();
  }
  std::vector<uint8_t> is_train(rows_.size());
  for (size_t row = 0; row < rows_.size(); ++row) is_train[row] = rows_.splits[row] == Split::kTrain ? 1 : 0;
  const pipeline::RowContext context{rows_.size(), rows_.numbers.data(), is_train.data(),
                                     static_cast<uint64_t>(plan_.spec.seed)};
  if (const auto problem = state_.executor.Run(node, slots_, context)) return BadCell(place, node, *problem);
  filled_.insert(filled_.end(), what.outputs.begin(), what.outputs.end());
  return absl::OkStatus();
}

void PassWorker::KeepRows(const std::vector<uint8_t>& keep) {
  rows_.Keep(keep);
  for (const int slot : filled_) slots_[static_cast<size_t>(slot)].Keep(keep);
}

absl::Status PassWorker::BadCell(const BlockPlace& place, size_t node,
                                 const pipeline::CellProblem& problem) const {
  const pipeline::Node& what = state_.program.nodes[node];
  error::Place at = PlaceOf(plan_.input, place, rows_.lines[problem.row], -1);
  at.column = state_.program.slots[static_cast<size_t>(what.inputs.back())].name;
  return error::BadCell(
      at, problem.reason,
      absl::StrCat(problem.rule, ", as ", state_.program.Describe(what), " of the pipeline wants it"));
}

void PassWorker::Count(const BlockPlace& place) {
  BlockCounts counts{place.index, {}, {}};
  for (size_t row = 0; row < rows_.size(); ++row) {
    const auto split = static_cast<size_t>(rows_.splits[row]);
    ++counts.rows[split];
    counts.positives[split] += rows_.labels[row];
  }
  counts_.push_back(counts);
}

absl::Status PassWorker::Write(const BlockPlace& place) {
  absl::Status changed = error::InputChanged(plan_.input.files[static_cast<size_t>(place.file)].path);
  const auto block = static_cast<size_t>(place.index);
  if (block + 1 >= state_.block_offsets.size()) return changed;
  const auto* positions =
      state_.sort_node >= 0 ? &state_.rows[static_cast<size_t>(state_.sort_node)].positions : nullptr;
  for (size_t s = 0; s < kSplits; ++s) {
    std::vector<uint32_t> rows;
    std::vector<int64_t> places;
    int64_t next = state_.block_offsets[block][s];
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (static_cast<size_t>(rows_.splits[row]) != s) continue;
      rows.push_back(static_cast<uint32_t>(row));
      if (positions == nullptr) {
        places.push_back(next);
      } else {
        const auto found = positions->find(rows_.numbers[row]);
        if (found == positions->end()) return changed;
        places.push_back(found->second);
      }
      ++next;
    }
    // The counting pass saw the same rows, or the file is another.
    if (next != state_.block_offsets[block + 1][s]) return changed;
    SDA_RETURN_IF_ERROR(WriteRows(static_cast<Split>(s), rows, places));
  }
  Profile();
  return absl::OkStatus();
}

absl::Status PassWorker::WriteRows(Split split, const std::vector<uint32_t>& rows,
                                   const std::vector<int64_t>& positions) {
  const pipeline::Program& program = state_.program;
  const int64_t shard_rows = shards_->shard_rows();
  // Runs of rows that lie side by side in one shard.
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    const int64_t first = positions[begin];
    end = begin + 1;
    while (end < rows.size() && positions[end] == positions[end - 1] + 1 &&
           positions[end] / shard_rows == first / shard_rows)
      ++end;
    SDA_ASSIGN_OR_RETURN(Shard* const opened, shards_->Open(split, first));
    Shard& shard = *opened;
    const auto offset = static_cast<size_t>(first % shard_rows);
    for (size_t i = begin; i < end; ++i) shard.label()[offset + i - begin] = rows_.labels[rows[i]];
    for (size_t f = 0; f < program.features.size(); ++f) {
      const ColumnData& column = slots_[static_cast<size_t>(program.features[f])];
      if (column.is_list()) {
        WriteLists(column, f - program.dense_features, {rows.data() + begin, end - begin}, offset, shard);
        continue;
      }
      for (size_t i = begin; i < end; ++i) {
        const size_t row = rows[i];
        const size_t at = offset + i - begin;
        if (f < program.dense_features) {
          shard.dense(f)[at] = pipeline::DenseValue(column, row);
        } else {
          shard.categorical(f - program.dense_features)[at] = static_cast<int32_t>(column.integers[row]);
        }
      }
    }
    if (shards_->columns().mlperf_values > 0) {
      for (size_t i = begin; i < end; ++i)
        SDA_RETURN_IF_ERROR(FillMlperf(shard, static_cast<int64_t>(offset + i - begin), rows[i]));
    }
    SDA_RETURN_IF_ERROR(shards_->Complete(split, first, static_cast<int64_t>(end - begin)));
  }
  return absl::OkStatus();
}

void PassWorker::WriteLists(const ColumnData& column, size_t feature, std::span<const uint32_t> rows,
                            size_t offset, Shard& shard) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t before = ids.size();
    ids.insert(ids.end(), column.integers.begin() + column.offsets[rows[i]],
               column.integers.begin() + column.offsets[rows[i] + 1]);
    if (ids.size() == before) ids.push_back(0);  // an empty list is that of the id of missing
    shard.categorical(feature)[offset + i] = static_cast<int32_t>(ids.size() - before);
  }
  shard.AddListValues(feature, static_cast<int64_t>(offset), ids);
}

absl::Status PassWorker::FillMlperf(Shard& shard, int64_t offset, size_t row) {
  int32_t* out = shard.mlperf() + static_cast<size_t>(offset) * shards_->columns().mlperf_values;
  *out++ = rows_.labels[row];
  for (const auto* slots : {&state_.program.mlperf_integers, &state_.program.mlperf_categories}) {
    for (const int slot : *slots) {
      const ColumnData& column = slots_[static_cast<size_t>(slot)];
      const int64_t value = column.IsMissing(row) ? 0 : column.integers[row];
      if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
        return MakeError(absl::StatusCode::kInvalidArgument,
                         absl::StrCat("output.mlperf_binary: column ",
                                      state_.program.slots[static_cast<size_t>(slot)].name, " holds ", value,
                                      " in row ", rows_.numbers[row], ", which does not fit 32 bits"),
                         {.reason = "BAD_NUMBER", .metadata = {}, .violations = {}});
      }
      *out++ = static_cast<int32_t>(value);
    }
  }
  return absl::OkStatus();
}

void PassWorker::Profile() {
  const pipeline::Program& program = state_.program;
  for (size_t f = 0; f < program.features.size(); ++f) {
    const ColumnData& column = slots_[static_cast<size_t>(program.features[f])];
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (rows_.splits[row] != Split::kTrain) continue;
      if (f >= program.dense_features) {
        const bool zero =
            column.is_list() ? column.offsets[row] == column.offsets[row + 1] : column.integers[row] == 0;
        zero_ids_[f - program.dense_features] += zero ? 1 : 0;
      } else if (column.IsMissing(row)) {
        profile_[f].AddMissing();
      } else {
        profile_[f].Add(pipeline::DenseValue(column, row));
      }
    }
  }
}

}  // namespace sda::preprocessing
