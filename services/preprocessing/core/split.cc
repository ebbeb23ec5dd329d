#include "services/preprocessing/core/split.h"

#include <memory>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/numbers.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/time_bound.h"

namespace sda::preprocessing {
namespace {

class TimeCollector final : public BlockWorker {
 public:
  // Keeps at most `memory_bytes` in memory; 0: no limit.
  TimeCollector(const Input& input, int column, int64_t memory_bytes, const std::string& scratch_folder)
      : input_(input), column_(column), memory_bytes_(memory_bytes), scratch_folder_(scratch_folder) {}

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    for (size_t row = 0; row < cells.rows; ++row) {
      const std::string_view field = cells.view(row, static_cast<size_t>(column_));
      const auto time = ParseTime(field);
      if (!time) {
        return error::BadCell(
            PlaceOf(input_, place, cells.line(row), column_), "BAD_TIME",
            absl::StrCat(error::Quoted(field), " is neither a number nor an ISO 8601 date or time"));
      }
      times_.Add(*time);
    }
    return memory_bytes_ > 0 && times_.bytes() > memory_bytes_ ? times_.Spill(scratch_folder_)
                                                               : absl::OkStatus();
  }

  TimeBound& times() { return times_; }

 private:
  const Input& input_;
  const int column_;
  const int64_t memory_bytes_;
  const std::string& scratch_folder_;
  TimeBound times_;
};

}  // namespace

bool Splitter::IsTest(int64_t row, std::string_view key) const {
  switch (split_.kind) {
    case SplitSpec::Kind::kFraction:
      return ToUnit(HashRow(seed_, RandomStream::kTestSplit, static_cast<uint64_t>(row))) < split_.test_share;
    case SplitSpec::Kind::kHash:
      return ToUnit(HashKey(seed_, RandomStream::kKeySplit, key)) < split_.test_share;
    case SplitSpec::Kind::kTime:
      return ParseTime(key).value_or(0) > time_bound_;
  }
  return false;
}

absl::StatusOr<double> FindTimeBound(const Input& input, int column, double test_share,
                                     const RunSettings& settings) {
  std::vector<std::unique_ptr<BlockWorker>> workers;
  std::vector<TimeCollector*> collectors;
  // Most of a job's memory is not in use yet; a vector that grows takes up to three times its size.
  const int64_t share = settings.memory_bytes > 0 ? settings.memory_bytes / settings.threads / 8 + 1 : 0;
  for (int i = 0; i < settings.threads; ++i) {
    auto collector = std::make_unique<TimeCollector>(input, column, share, settings.scratch_folder);
    collectors.push_back(collector.get());
    workers.push_back(std::move(collector));
  }
  SDA_RETURN_IF_ERROR(RunBlocks(input, "scan", 0, settings, workers));
  TimeBound& times = collectors.front()->times();
  for (size_t i = 1; i < collectors.size(); ++i)
    SDA_RETURN_IF_ERROR(times.Merge(collectors[i]->times(), settings.scratch_folder));
  return times.Find(test_share);
}

}  // namespace sda::preprocessing
