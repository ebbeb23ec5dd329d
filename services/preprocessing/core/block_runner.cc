#include "services/preprocessing/core/block_runner.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

// Hands out the places of blocks in block order: where a block begins is known once all before it are
// decoded.
class Numbering {
 public:
  // Waits until every earlier block was placed.
  BlockPlace Place(const Block& block, const CellBlock& cells) {
    std::unique_lock lock(mutex_);
    turn_.wait(lock, [&] { return next_index_ == block.index; });
    if (block.starts_file) line_ = block.header_lines + 1;
    const BlockPlace place{block.index, block.file, row_, line_};
    file_ = block.file;
    row_ += static_cast<int64_t>(cells.rows);
    line_ += cells.lines;
    ++next_index_;
    turn_.notify_all();
    return place;
  }

  // The line behind the block placed last, in a file that may have no block yet.
  int64_t NextLine(const Input& input, const std::string& file) const {
    const bool begun = file_ >= 0 && input.files[static_cast<size_t>(file_)].path == file;
    return begun ? line_ : input.layout.text.header ? 2 : 1;
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  int64_t next_index_ = 0;
  int file_ = -1;  // of the block placed last
  int64_t row_ = 0;
  int64_t line_ = 1;
};

class Run {
 public:
  Run(const Input& input, const std::string& stage, int64_t rows_total, const RunSettings& settings,
      const BlockSkip& skip)
      : input_(input), settings_(settings), skip_(skip), source_(OpenRowSource(input.files, input.layout)) {
    progress_.stage = stage;
    progress_.rows_total = rows_total;
    progress_.bytes_total = input.total_bytes();
  }

  void Work(BlockWorker& worker) {
    const auto decoder = source_->NewDecoder();
    std::optional<RowScreen> screen;
    if (input_.rules) screen.emplace(*input_.rules);
    Block block;
    CellBlock cells;
    while (Next(block)) {
      cells.rows = 0;
      cells.lines = 0;
      cells.bad.clear();
      if (const auto rows = skip_ ? skip_(block.index) : std::nullopt) {
        cells.rows = static_cast<size_t>(*rows);
        numbering_.Place(block, cells);
        Finish(block, cells, absl::OkStatus());
        continue;
      }
      const auto cell_error = decoder->Decode(block, cells);
      if (screen) screen->Screen(cells);
      if (!block.damage.reason.empty()) {
        cells.bad.push_back(block.damage);
        cells.bad.back().line = cells.lines;
        cells.lines += block.lost_lines;
      }
      const BlockPlace place = numbering_.Place(block, cells);
      if (!cells.bad.empty()) NoteBad(place, cells.bad);
      absl::Status status = cell_error.status();
      if (status.ok()) status = worker.Process(cells, place);
      if (status.ok() && *cell_error) {
        const CellError& bad = **cell_error;
        status = error::BadCell(PlaceOf(input_, place, bad.line, bad.column), bad.reason, bad.rule);
      }
      Finish(block, cells, status);
    }
  }

  // Call when all threads are done.
  absl::Status Result() {
    std::sort(bad_.begin(), bad_.end(), [](const Noted& a, const Noted& b) { return a.order < b.order; });
    const auto detail = GetErrorDetail(error_);
    if (!detail || detail->reason != "ROW_TOO_LONG") return error_;
    // The source does not count lines; now that all blocks before are placed, it is known.
    const std::string& file = detail->metadata.at("file");
    return error::BadCell({file, numbering_.NextLine(input_, file), ""}, detail->reason,
                          detail->violations.front().description);
  }

  // The bad rows of all blocks; call after Result.
  void AddBadRows(BadRows& out) const {
    for (const auto& [reason, count] : bad_counts_) out.counts[reason] += count;
    for (size_t i = 0; i < bad_.size() && out.examples.size() < BadRows::kMaxExamples; ++i)
      out.examples.push_back(bad_[i].example);
  }

 private:
  struct Noted {
    std::tuple<int64_t, int64_t, size_t> order;  // block, line in it, place among its errors
    BadRowExample example;
  };

  void NoteBad(const BlockPlace& place, const std::vector<CellError>& bad) {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < bad.size(); ++i) {
      const CellError& error = bad[i];
      ++bad_counts_[error.reason];
      const error::Place where = PlaceOf(input_, place, error.line, error.column);
      bad_.push_back(
          {{place.index, error.line, i}, {where.file, where.line, where.column, error.reason, error.rule}});
    }
    if (bad_.size() < 16 * BadRows::kMaxExamples) return;
    const auto first = bad_.begin() + static_cast<int64_t>(BadRows::kMaxExamples);
    std::nth_element(bad_.begin(), first, bad_.end(),
                     [](const Noted& a, const Noted& b) { return a.order < b.order; });
    bad_.erase(first, bad_.end());
  }

  // Fetches the next block; false when there is nothing more to do.
  bool Next(Block& block) {
    const std::lock_guard lock(mutex_);
    if (!error_.ok() || ended_) return false;
    if (settings_.stop.stop_requested()) {
      Fail(blocks_, error::Cancelled());
      return false;
    }
    const auto more = source_->Next(block);
    if (!more.ok()) Fail(blocks_, more.status());
    ended_ = !more.ok() || !*more;
    if (!ended_) blocks_ = block.index + 1;
    return !ended_;
  }

  void Finish(const Block& block, const CellBlock& cells, const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    if (!status.ok()) Fail(block.index, status);
    progress_.rows += static_cast<int64_t>(cells.rows);
    progress_.bytes = std::max(progress_.bytes, block.input_bytes);
    if (settings_.on_progress) settings_.on_progress(progress_);
  }

  // Keeps the error of the earliest block: all blocks before it were begun and are being finished.
  void Fail(int64_t index, const absl::Status& status) {
    if (!error_.ok() && error_index_ <= index) return;
    error_ = status;
    error_index_ = index;
  }

  const Input& input_;
  const RunSettings& settings_;
  const BlockSkip& skip_;
  Numbering numbering_;

  std::mutex mutex_;
  std::unique_ptr<RowSource> source_;          // Next() under mutex_
  int64_t blocks_ = 0;                         // handed out; guarded by mutex_
  bool ended_ = false;                         // guarded by mutex_
  absl::Status error_;                         // guarded by mutex_
  int64_t error_index_ = 0;                    // guarded by mutex_
  Progress progress_;                          // guarded by mutex_
  std::map<std::string, int64_t> bad_counts_;  // guarded by mutex_
  std::vector<Noted> bad_;                     // the first ones and some; guarded by mutex_
};

}  // namespace

int64_t Input::total_bytes() const {
  int64_t bytes = 0;
  for (const InputFile& file : files) bytes += file.bytes;
  return bytes;
}

absl::Status RunBlocks(const Input& input, const std::string& stage, int64_t rows_total,
                       const RunSettings& settings, const std::vector<std::unique_ptr<BlockWorker>>& workers,
                       const BlockSkip& skip, BadRows* bad_rows) {
  for (const InputFile& file : input.files) SDA_RETURN_IF_ERROR(CheckUnchanged(file));
  Run run(input, stage, rows_total, settings, skip);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < workers.size(); ++i) {
      threads.emplace_back([&run, &worker = *workers[i]] { run.Work(worker); });
    }
    run.Work(*workers.front());
  }
  absl::Status result = run.Result();
  if (bad_rows != nullptr) run.AddBadRows(*bad_rows);
  return result;
}

error::Place PlaceOf(const Input& input, const BlockPlace& block, int64_t line_in_block, int column) {
  const auto index = static_cast<size_t>(column);
  return {input.files[static_cast<size_t>(block.file)].path, block.first_line + line_in_block,
          column >= 0 && index < input.layout.columns.size() ? input.layout.columns[index] : ""};
}

}  // namespace sda::preprocessing
