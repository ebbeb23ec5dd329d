#include "services/preprocessing/core/split.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/numbers.h"
#include "common/base/status_macros.h"

namespace sda::preprocessing {
namespace {

class TimeCollector final : public BlockWorker {
 public:
  TimeCollector(const Input& input, int column) : input_(input), column_(column) {}

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    for (size_t row = 0; row < cells.rows; ++row) {
      const std::string_view field = cells.view(row, static_cast<size_t>(column_));
      const auto time = ParseTime(field);
      if (!time) {
        return error::BadCell(
            PlaceOf(input_, place, cells.line(row), column_), "BAD_TIME",
            absl::StrCat(error::Quoted(field), " is neither a number nor an ISO 8601 date or time"));
      }
      times_.push_back(*time);
    }
    return absl::OkStatus();
  }

  std::vector<double>& times() { return times_; }

 private:
  const Input& input_;
  const int column_;
  std::vector<double> times_;
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
  for (int i = 0; i < settings.threads; ++i) {
    auto collector = std::make_unique<TimeCollector>(input, column);
    collectors.push_back(collector.get());
    workers.push_back(std::move(collector));
  }
  SDA_RETURN_IF_ERROR(RunBlocks(input, "scan", 0, settings, workers));
  std::vector<double> times;
  for (TimeCollector* collector : collectors) {
    times.insert(times.end(), collector->times().begin(), collector->times().end());
    std::vector<double>().swap(collector->times());
  }
  if (times.empty()) return std::numeric_limits<double>::infinity();
  // The row right before the latest floor(share · rows).
  const auto test_rows = static_cast<size_t>(std::floor(test_share * static_cast<double>(times.size())));
  const auto bound = times.begin() + static_cast<int64_t>(times.size() - test_rows - 1);
  std::nth_element(times.begin(), bound, times.end());
  return *bound;
}

}  // namespace sda::preprocessing
