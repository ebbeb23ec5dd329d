#include "services/preprocessing/core/pipeline/pass_worker.h"

#include <algorithm>
#include <set>

#include <absl/strings/str_cat.h>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/row_screen.h"

namespace sda::preprocessing {

using pipeline::ColumnData;
using pipeline::ColumnType;

PassWorker::PassWorker(const DatasetPlan& plan, const PipelineState& state, const PassWork& work)
    : plan_(plan),
      state_(state),
      work_(work),
      pass_(work.pass),
      missing_(plan.missing_test()),
      label_reader_(plan.label_reader()),
      splitter_(plan.splitter()),
      fitters_(state.program.nodes.size()),
      row_fitters_(state.program.nodes.size()),
      slots_(state.program.slots.size()) {
  std::vector<bool> noted(state.program.nodes.size());
  for (const PassWork::Note& note : work.notes) noted[note.node] = true;
  std::set<int> raw;
  for (size_t i = 0; i < state.program.nodes.size(); ++i) {
    if (!pass_.apply[i] && !pass_.learn[i] && !noted[i]) continue;
    order_.push_back(i);
    const pipeline::Node& node = state.program.nodes[i];
    for (const int slot : node.inputs) {
      if (state.program.is_raw(slot)) raw.insert(slot);
    }
    if (!pass_.learn[i]) continue;
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
  if (pass_.write) writer_.emplace(plan, state, *work.shards, work.store);
}

absl::Status PassWorker::Process(const CellBlock& cells, const BlockPlace& place) {
  SDA_RETURN_IF_ERROR(ReadRows(cells, place));
  SDA_RETURN_IF_ERROR(ReadColumns(cells, place));
  for (const size_t node : order_) {
    if (pass_.learn[node]) Learn(node);
    SDA_RETURN_IF_ERROR(NoteValues(node, place));
    if (pass_.apply[node]) SDA_RETURN_IF_ERROR(RunNode(node, place));
  }
  if (pass_.count) Count(place);
  SDA_RETURN_IF_ERROR(SpillLargest());
  return writer_ ? writer_->Write(slots_, rows_, place) : absl::OkStatus();
}

// Keeps what is learned below this thread's share: once above it, the largest goes until half of it is left.
absl::Status PassWorker::SpillLargest() {
  if (work_.learning_bytes == 0) return absl::OkStatus();
  const auto bytes_of = [this](size_t node) {
    return fitters_[node] ? fitters_[node]->bytes() : row_fitters_[node] ? row_fitters_[node]->bytes() : 0;
  };
  int64_t bytes = 0;
  for (const size_t node : order_) bytes += bytes_of(node);
  if (bytes <= work_.learning_bytes) return absl::OkStatus();
  while (bytes > work_.learning_bytes / 2) {
    size_t largest = order_.front();
    for (const size_t node : order_) {
      if (bytes_of(node) > bytes_of(largest)) largest = node;
    }
    bytes -= bytes_of(largest);
    SDA_RETURN_IF_ERROR(fitters_[largest] ? fitters_[largest]->Spill(work_.scratch_folder)
                                          : row_fitters_[largest]->Spill(work_.scratch_folder));
  }
  return absl::OkStatus();
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

pipeline::RowContext PassWorker::Context() {
  is_train_.resize(rows_.size());
  for (size_t row = 0; row < rows_.size(); ++row) is_train_[row] = rows_.splits[row] == Split::kTrain ? 1 : 0;
  return {rows_.size(), rows_.numbers.data(), is_train_.data(), static_cast<uint64_t>(plan_.spec.seed)};
}

absl::Status PassWorker::NoteValues(size_t node, const BlockPlace& place) {
  for (const PassWork::Note& note : work_.notes) {
    if (note.node == node)
      SDA_RETURN_IF_ERROR(note.lookup->Note(Inputs(node), Context(), place.index, *note.notes));
  }
  return absl::OkStatus();
}

absl::Status PassWorker::RunNode(size_t node, const BlockPlace& place) {
  const pipeline::Node& what = state_.program.nodes[node];
  if (what.is_row_operation()) return RunRowOperation(node, place);
  if (const auto& notes = state_.notes[node]) {
    std::string bytes;
    SDA_RETURN_IF_ERROR(notes->Read(place.index, bytes));
    const auto slot = static_cast<size_t>(what.outputs[0]);
    if (!FromNotes(bytes, Inputs(node), state_.program.slots[slot].type, rows_.size(), slots_[slot]))
      return error::InputChanged(plan_.input.files[static_cast<size_t>(place.file)].path);
  } else if (const auto problem = state_.executor.Run(node, slots_, Context())) {
    return BadCell(place, node, *problem);
  }
  filled_.insert(filled_.end(), what.outputs.begin(), what.outputs.end());
  return absl::OkStatus();
}

absl::Status PassWorker::RunRowOperation(size_t node, const BlockPlace& place) {
  const RowOperation& operation = *state_.row_operations[node];
  const RowState& learned = state_.rows[node];
  const pipeline::InputColumns in = Inputs(node);
  if (learned.notes) SDA_RETURN_IF_ERROR(learned.notes->Read(rows_.first_row, rows_.end_row, rows_.notes));
  if (const auto problem = operation.Deal(in, learned, rows_)) return BadCell(place, node, *problem);
  std::vector<uint8_t> keep(rows_.size(), 1);
  operation.Filter(in, rows_, learned, keep);
  if (std::find(keep.begin(), keep.end(), 0) != keep.end()) KeepRows(keep);
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

}  // namespace sda::preprocessing
