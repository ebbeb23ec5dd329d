#include "services/preprocessing/core/block_runner.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

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
    row_ += static_cast<int64_t>(cells.rows);
    line_ += cells.lines;
    ++next_index_;
    turn_.notify_all();
    return place;
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  int64_t next_index_ = 0;
  int64_t row_ = 0;
  int64_t line_ = 1;
};

class Run {
 public:
  Run(const Input& input, const std::string& stage, int64_t rows_total, const RunSettings& settings)
      : input_(input), settings_(settings), source_(OpenRowSource(input.files, input.layout)) {
    progress_.stage = stage;
    progress_.rows_total = rows_total;
    progress_.bytes_total = input.total_bytes();
  }

  void Work(BlockWorker& worker) {
    const auto decoder = source_->NewDecoder();
    Block block;
    CellBlock cells;
    while (Next(block)) {
      cells.rows = 0;
      cells.lines = 0;
      const auto cell_error = decoder->Decode(block, cells);
      const BlockPlace place = numbering_.Place(block, cells);
      absl::Status status = cell_error.status();
      if (status.ok()) status = worker.Process(cells, place);
      if (status.ok() && *cell_error) {
        const CellError& bad = **cell_error;
        status = error::BadCell(PlaceOf(input_, place, bad.line, bad.column), bad.reason, bad.rule);
      }
      Finish(block, cells, status);
    }
  }

  absl::Status Result() const { return error_; }

 private:
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
  Numbering numbering_;

  std::mutex mutex_;
  std::unique_ptr<RowSource> source_;  // Next() under mutex_
  int64_t blocks_ = 0;                 // handed out; guarded by mutex_
  bool ended_ = false;                 // guarded by mutex_
  absl::Status error_;                 // guarded by mutex_
  int64_t error_index_ = 0;            // guarded by mutex_
  Progress progress_;                  // guarded by mutex_
};

}  // namespace

int64_t Input::total_bytes() const {
  int64_t bytes = 0;
  for (const InputFile& file : files) bytes += file.bytes;
  return bytes;
}

absl::Status RunBlocks(const Input& input, const std::string& stage, int64_t rows_total,
                       const RunSettings& settings,
                       const std::vector<std::unique_ptr<BlockWorker>>& workers) {
  for (const InputFile& file : input.files) SDA_RETURN_IF_ERROR(CheckUnchanged(file));
  Run run(input, stage, rows_total, settings);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < workers.size(); ++i) {
      threads.emplace_back([&run, &worker = *workers[i]] { run.Work(worker); });
    }
    run.Work(*workers.front());
  }
  return run.Result();
}

error::Place PlaceOf(const Input& input, const BlockPlace& block, int64_t line_in_block, int column) {
  const auto index = static_cast<size_t>(column);
  return {input.files[static_cast<size_t>(block.file)].path, block.first_line + line_in_block,
          column >= 0 && index < input.layout.columns.size() ? input.layout.columns[index] : ""};
}

}  // namespace sda::preprocessing
