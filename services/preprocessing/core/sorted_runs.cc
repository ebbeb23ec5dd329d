#include "services/preprocessing/core/sorted_runs.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <queue>

#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

// Each run that is merged takes a reader's buffer.
constexpr size_t kMostRuns = 128;

constexpr size_t kPieceBytes = 256 * 1024;
constexpr size_t kReadableBehind = 8;
constexpr size_t kHeadBytes = 2 * sizeof(uint32_t);

// One run that is being merged.
class Run {
 public:
  Run(const ScratchFile& file, int64_t begin, int64_t end) : reader_(file, begin, end) {}

  // False at the end.
  absl::StatusOr<bool> Next() {
    if (reader_.AtEnd()) return false;
    SDA_ASSIGN_OR_RETURN(const std::string_view head, reader_.Take(kHeadBytes));
    std::memcpy(&key_size_, head.data(), sizeof(uint32_t));
    std::memcpy(&payload_size_, head.data() + sizeof(uint32_t), sizeof(uint32_t));
    SDA_ASSIGN_OR_RETURN(const std::string_view body, reader_.Take(size_t{key_size_} + payload_size_));
    record_.assign(body).append(kReadableBehind, '\0');
    return true;
  }

  std::string_view key() const { return {record_.data(), key_size_}; }
  std::string_view payload() const { return {record_.data() + key_size_, payload_size_}; }

 private:
  ScratchReader reader_;
  uint32_t key_size_ = 0;
  uint32_t payload_size_ = 0;
  std::string record_;
};

struct LaterRun {
  bool operator()(const Run* a, const Run* b) const { return a->key() > b->key(); }
};

absl::Status MergeRuns(std::vector<Run>& runs, const RecordVisit& visit) {
  std::priority_queue<Run*, std::vector<Run*>, LaterRun> queue;
  for (Run& run : runs) {
    SDA_ASSIGN_OR_RETURN(const bool more, run.Next());
    if (more) queue.push(&run);
  }
  while (!queue.empty()) {
    Run* const first = queue.top();
    queue.pop();
    SDA_RETURN_IF_ERROR(visit(first->key(), first->payload()));
    SDA_ASSIGN_OR_RETURN(const bool more, first->Next());
    if (more) queue.push(first);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SortedRuns::Begin() {
  if (!file_) {
    SDA_ASSIGN_OR_RETURN(file_, ScratchFile::Create(folder_));
  }
  begin_ = file_->size();
  writer_.emplace(*file_);
  return absl::OkStatus();
}

absl::Status SortedRuns::Append(std::string_view key, std::string_view payload) {
  const std::array<uint32_t, 2> head{static_cast<uint32_t>(key.size()),
                                     static_cast<uint32_t>(payload.size())};
  SDA_RETURN_IF_ERROR(writer_->Write(head.data(), sizeof(head)));
  SDA_RETURN_IF_ERROR(writer_->Write(key.data(), key.size()));
  return writer_->Write(payload.data(), payload.size());
}

absl::Status SortedRuns::End() {
  SDA_RETURN_IF_ERROR(writer_->Flush());
  writer_.reset();
  runs_.emplace_back(begin_, file_->size());
  return runs_.size() < kMostRuns ? absl::OkStatus() : MakeOne();
}

absl::Status SortedRuns::MakeOne() {
  SortedRuns one(folder_);
  SDA_RETURN_IF_ERROR(one.Begin());
  SDA_RETURN_IF_ERROR(Merge(
      {this}, [&](std::string_view key, std::string_view payload) { return one.Append(key, payload); }));
  SDA_RETURN_IF_ERROR(one.End());
  file_ = std::move(one.file_);
  runs_ = std::move(one.runs_);
  return absl::OkStatus();
}

absl::Status SortedRuns::Merge(const std::vector<const SortedRuns*>& all, const RecordVisit& visit) {
  std::vector<Run> runs;
  for (const SortedRuns* some : all) {
    for (const auto& [begin, end] : some->runs_) runs.emplace_back(*some->file_, begin, end);
  }
  return MergeRuns(runs, visit);
}

SortedRuns& SpilledRuns::Writable(const std::string& scratch_folder) {
  if (runs_.empty()) runs_.push_back(std::make_unique<SortedRuns>(scratch_folder));
  return *runs_.front();
}

void SpilledRuns::Take(SpilledRuns& other) {
  for (auto& runs : other.runs_) runs_.push_back(std::move(runs));
  other.runs_.clear();
}

absl::Status SpilledRuns::Merge(const RecordVisit& visit) const {
  std::vector<const SortedRuns*> all;
  for (const auto& runs : runs_) all.push_back(runs.get());
  return SortedRuns::Merge(all, visit);
}

void RecordSorter::Add(std::string_view key, std::string_view payload) {
  const size_t size = key.size() + payload.size();
  if (left_ < size + kReadableBehind) {
    const size_t piece = std::max(size + kReadableBehind, kPieceBytes);
    pieces_.push_back(std::make_unique<char[]>(piece));
    next_ = pieces_.back().get();
    left_ = piece;
    bytes_ += static_cast<int64_t>(piece);
  }
  std::copy(key.begin(), key.end(), next_);
  std::copy(payload.begin(), payload.end(), next_ + key.size());
  const size_t capacity = records_.capacity();
  records_.push_back({next_, static_cast<uint32_t>(key.size()), static_cast<uint32_t>(payload.size())});
  bytes_ += static_cast<int64_t>((records_.capacity() - capacity) * sizeof(Record));
  next_ += size;
  left_ -= size;
}

void RecordSorter::Sort() {
  std::sort(records_.begin(), records_.end(),
            [](const Record& a, const Record& b) { return a.key() < b.key(); });
}

void RecordSorter::Forget() {
  std::vector<Record>().swap(records_);
  pieces_.clear();
  left_ = 0;
  bytes_ = 0;
}

absl::Status RecordSorter::Spill(const std::string& scratch_folder) {
  if (records_.empty()) return absl::OkStatus();
  Sort();
  SortedRuns& runs = spilled_.Writable(scratch_folder);
  SDA_RETURN_IF_ERROR(runs.Begin());
  for (const Record& record : records_) SDA_RETURN_IF_ERROR(runs.Append(record.key(), record.payload()));
  SDA_RETURN_IF_ERROR(runs.End());
  Forget();
  return absl::OkStatus();
}

absl::Status RecordSorter::Take(RecordSorter& other, const std::string& scratch_folder) {
  if (spilled() || other.spilled()) {
    SDA_RETURN_IF_ERROR(Spill(scratch_folder));
    SDA_RETURN_IF_ERROR(other.Spill(scratch_folder));
    spilled_.Take(other.spilled_);
    return absl::OkStatus();
  }
  records_.insert(records_.end(), other.records_.begin(), other.records_.end());
  for (auto& piece : other.pieces_) pieces_.push_back(std::move(piece));
  bytes_ += other.bytes_;
  other.Forget();
  // The space left behind the other's last record is not used.
  left_ = 0;
  return absl::OkStatus();
}

absl::Status RecordSorter::Finish(const RecordVisit& visit) {
  if (!spilled()) {
    Sort();
    for (const Record& record : records_) SDA_RETURN_IF_ERROR(visit(record.key(), record.payload()));
    Forget();
    return absl::OkStatus();
  }
  // Into the runs that there are, whose folder is known.
  SDA_RETURN_IF_ERROR(Spill(/*scratch_folder=*/""));
  return spilled_.Merge(visit);
}

void AppendOrdered(uint64_t value, std::string& key) {
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(value >> shift));
}

uint64_t ReadOrdered(std::string_view key) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) value = value << 8 | static_cast<uint8_t>(key[i]);
  return value;
}

}  // namespace sda::preprocessing
