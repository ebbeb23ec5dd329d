#include "services/preprocessing/core/datagen/criteo_log.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/datagen/criteo_teacher.h"
#include "services/preprocessing/core/errors.h"

namespace sda::preprocessing::datagen {
namespace {

constexpr int64_t kMaxRows = 10'000'000'000;
constexpr int64_t kPieceRows = 4096;

// AUC over probabilities counted in fine bins; scores within a bin count as ties, an error below 1e-4 at 2^16
// bins.
class BinnedAuc {
 public:
  void Add(double probability, bool click) {
    const auto bin = static_cast<size_t>(std::clamp(probability * kBins, 0.0, kBins - 1.0));
    ++(click ? clicks_ : others_)[bin];
  }

  void Merge(const BinnedAuc& other) {
    for (size_t i = 0; i < clicks_.size(); ++i) {
      clicks_[i] += other.clicks_[i];
      others_[i] += other.others_[i];
    }
  }

  int64_t clicks() const {
    int64_t sum = 0;
    for (const int64_t count : clicks_) sum += count;
    return sum;
  }

  // 0.5 where there are only clicks or none.
  double Value() const {
    double wins = 0;
    double clicks = 0;
    double others = 0;
    for (size_t i = 0; i < clicks_.size(); ++i) {
      wins += static_cast<double>(clicks_[i]) * (others + 0.5 * static_cast<double>(others_[i]));
      clicks += static_cast<double>(clicks_[i]);
      others += static_cast<double>(others_[i]);
    }
    return clicks > 0 && others > 0 ? wins / (clicks * others) : 0.5;
  }

 private:
  static constexpr double kBins = 65536;

  std::vector<int64_t> clicks_ = std::vector<int64_t>(static_cast<size_t>(kBins));
  std::vector<int64_t> others_ = std::vector<int64_t>(static_cast<size_t>(kBins));
};

void AppendHex(std::string& out, uint32_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 28; shift >= 0; shift -= 4) out.push_back(kDigits[(value >> shift) & 15]);
}

void AppendRow(std::string& out, bool click, const CriteoRow& row) {
  out.push_back(click ? '1' : '0');
  for (const int32_t value : row.ints) {
    out.push_back('\t');
    if (value == CriteoRow::kMissingInt) continue;
    char buffer[16];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
    out.append(buffer, end);
  }
  for (int column = 0; column < kCriteoCategories; ++column) {
    out.push_back('\t');
    const int32_t rank = row.ranks[static_cast<size_t>(column)];
    if (rank != CriteoRow::kMissingRank) AppendHex(out, CriteoValue(column, rank));
  }
  out.push_back('\n');
}

// Threads make pieces of the log side by side and write them in turn.
class LogMaker {
 public:
  LogMaker(const CriteoLogOptions& options, const std::function<absl::Status(std::string_view)>& write)
      : options_(options),
        write_(write),
        sampler_(options.sizes_of_rows > 0 ? options.sizes_of_rows : options.rows, options.seed),
        teacher_(sampler_, options.seed) {}

  void Work() {
    BinnedAuc auc;
    std::string text;
    for (int64_t piece = Take(); piece >= 0; piece = Take()) {
      text.clear();
      const int64_t begin = piece * kPieceRows;
      const int64_t end = std::min(begin + kPieceRows, options_.rows);
      for (int64_t row = begin; row < end; ++row) {
        const CriteoRow sample = sampler_.Sample(row);
        const double probability = teacher_.ClickProbability(sample);
        const bool click = sampler_.LabelDraw(row) < probability;
        auc.Add(probability, click);
        AppendRow(text, click, sample);
      }
      Write(piece, end, text);
    }
    const std::lock_guard lock(mutex_);
    auc_.Merge(auc);
  }

  absl::StatusOr<CriteoLogSummary> Summary() const {
    if (!error_.ok()) return error_;
    return CriteoLogSummary{options_.rows, auc_.clicks(), bytes_, auc_.Value(), sampler_.cardinalities()};
  }

 private:
  // The next piece to make; -1 when there is none.
  int64_t Take() {
    const std::lock_guard lock(mutex_);
    if (error_.ok() && options_.stop.stop_requested()) error_ = error::Cancelled();
    if (!error_.ok() || next_piece_ * kPieceRows >= options_.rows) return -1;
    return next_piece_++;
  }

  void Write(int64_t piece, int64_t rows_done, const std::string& text) {
    std::unique_lock lock(mutex_);
    turn_.wait(lock, [&] { return written_ == piece; });
    if (error_.ok()) error_ = write_(text);
    bytes_ += static_cast<int64_t>(text.size());
    ++written_;
    if (error_.ok() && options_.on_progress) options_.on_progress(rows_done);
    turn_.notify_all();
  }

  const CriteoLogOptions& options_;
  const std::function<absl::Status(std::string_view)>& write_;
  const CriteoSampler sampler_;
  const CriteoTeacher teacher_;

  mutable std::mutex mutex_;
  std::condition_variable turn_;
  int64_t next_piece_ = 0;  // guarded by mutex_, as all below
  int64_t written_ = 0;
  int64_t bytes_ = 0;
  absl::Status error_;
  BinnedAuc auc_;
};

absl::Status CheckOptions(const CriteoLogOptions& options) {
  if (options.rows >= 1 && options.rows <= kMaxRows) return absl::OkStatus();
  return InvalidField("rows", absl::StrCat("is ", options.rows, "; must be in [1, ", kMaxRows, "]"));
}

absl::Status FileError(const std::string& path, int code) {
  const bool full = code == ENOSPC || code == EDQUOT;
  return MakeError(
      full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kFailedPrecondition,
      absl::StrCat(path, ": ", full ? "no space left on the disk" : std::generic_category().message(code)),
      {.reason = full ? "DISK_FULL" : "OUTPUT_UNWRITABLE", .metadata = {{"file", path}}, .violations = {}});
}

absl::Status WriteAll(int file, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CriteoLogSummary> MakeCriteoLog(const CriteoLogOptions& options,
                                               const std::function<absl::Status(std::string_view)>& write) {
  SDA_RETURN_IF_ERROR(CheckOptions(options));
  LogMaker maker(options, write);
  {
    std::vector<std::jthread> helpers;
    for (int i = 1; i < options.threads; ++i) helpers.emplace_back([&maker] { maker.Work(); });
    maker.Work();
  }
  return maker.Summary();
}

absl::StatusOr<CriteoLogSummary> WriteCriteoLog(const CriteoLogOptions& options, const std::string& path) {
  SDA_RETURN_IF_ERROR(CheckOptions(options));
  const std::string partial = absl::StrCat(path, ".partial-", getpid());
  const int file = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FileError(path, errno);
  auto summary = MakeCriteoLog(options, [&](std::string_view bytes) { return WriteAll(file, path, bytes); });
  absl::Status status = summary.status();
  if (status.ok() && ::fsync(file) != 0) status = FileError(path, errno);
  if (::close(file) != 0 && status.ok()) status = FileError(path, errno);
  if (status.ok() && std::rename(partial.c_str(), path.c_str()) != 0) status = FileError(path, errno);
  if (!status.ok()) {
    ::unlink(partial.c_str());
    return status;
  }
  return summary;
}

}  // namespace sda::preprocessing::datagen
