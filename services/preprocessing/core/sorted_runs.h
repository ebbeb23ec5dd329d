#ifndef SDA_SERVICES_PREPROCESSING_CORE_SORTED_RUNS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SORTED_RUNS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/preprocessing/core/scratch_file.h"

namespace sda::preprocessing {

// Visits a record: its key, by whose bytes (unsigned) records are ordered, and what goes with it. Both are
// valid during the call only, with 8 readable bytes behind the key.
using RecordVisit = std::function<absl::Status(std::string_view key, std::string_view payload)>;

// Runs of sorted records in a scratch file. One writer.
class SortedRuns {
 public:
  explicit SortedRuns(std::string folder) : folder_(std::move(folder)) {}

  bool empty() const { return runs_.empty(); }

  // A run is begun, filled in ascending order of keys, and ended. Where there are many runs, ending one makes
  // one of all, so that a merge never has more than some hundred to read from.
  absl::Status Begin();
  absl::Status Append(std::string_view key, std::string_view payload);
  absl::Status End();

  // Visits the records of all runs in ascending order of keys; of equal keys in no particular order.
  static absl::Status Merge(const std::vector<const SortedRuns*>& all, const RecordVisit& visit);

 private:
  using Range = std::pair<int64_t, int64_t>;

  absl::Status MakeOne();

  std::string folder_;
  std::unique_ptr<ScratchFile> file_;    // null until something is written
  std::optional<ScratchWriter> writer_;  // while a run is written
  int64_t begin_ = 0;
  std::vector<Range> runs_;
};

// What a sorter has spilled, and what it took over from others.
class SpilledRuns {
 public:
  bool empty() const { return runs_.empty(); }

  // Runs to write to: those that there are, else new ones in this folder.
  SortedRuns& Writable(const std::string& scratch_folder);

  // Takes over the runs of another one, which is left empty.
  void Take(SpilledRuns& other);

  // As SortedRuns::Merge.
  absl::Status Merge(const RecordVisit& visit) const;

 private:
  std::vector<std::unique_ptr<SortedRuns>> runs_;
};

// Sorts records that may be more than memory holds: in memory until Spill is called, then in runs on disk.
// One writer.
class RecordSorter {
 public:
  void Add(std::string_view key, std::string_view payload);

  // Spills where the records in memory exceed `limit` bytes; 0: no limit.
  absl::Status SpillAbove(int64_t limit, const std::string& scratch_folder) {
    return limit > 0 && bytes_ > limit ? Spill(scratch_folder) : absl::OkStatus();
  }

  // Memory taken.
  int64_t bytes() const { return bytes_; }
  bool spilled() const { return !spilled_.empty(); }

  // Writes what is in memory to disk as one more run, and gives the memory back.
  absl::Status Spill(const std::string& scratch_folder);

  // Takes over the records of another sorter, which is left empty. Where one of both is spilled, so is the
  // rest.
  absl::Status Take(RecordSorter& other, const std::string& scratch_folder);

  // Visits all records in ascending order of keys; of equal keys in no particular order. Call once, last.
  absl::Status Finish(const RecordVisit& visit);

 private:
  struct Record {
    const char* data = nullptr;  // the key, then the payload
    uint32_t key_size = 0;
    uint32_t payload_size = 0;

    std::string_view key() const { return {data, key_size}; }
    std::string_view payload() const { return {data + key_size, payload_size}; }
  };

  void Sort();
  void Forget();

  SpilledRuns spilled_;
  std::vector<Record> records_;
  std::vector<std::unique_ptr<char[]>> pieces_;
  char* next_ = nullptr;
  size_t left_ = 0;
  int64_t bytes_ = 0;
};

// Whole numbers from 0 as keys: their bytes are in their order.
void AppendOrdered(uint64_t value, std::string& key);
uint64_t ReadOrdered(std::string_view key);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SORTED_RUNS_H_
