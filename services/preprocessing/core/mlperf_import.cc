#include "services/preprocessing/core/mlperf_import.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/errors.h"
#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/mlperf_counts.h"
#include "services/preprocessing/core/split.h"

namespace sda::preprocessing {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kRowInts = kMlperfRowBytes / 4;
constexpr int64_t kRowsAtOnce = 16384;
constexpr int64_t kMostCountsBytes = 1 << 20;

// Consecutive rows of a file that belong to one split.
struct Range {
  InputFile file;
  Split split = Split::kTrain;
  int64_t first = 0;
  int64_t rows = 0;
};

// What reading a range told.
struct RangeReport {
  std::string sha256;
  int64_t positives = 0;
  std::array<int64_t, kMlperfTables> largest_id{};
  std::array<int32_t, kMlperfDenseColumns> smallest{}, largest{};
  std::array<double, kMlperfDenseColumns> sum{};
};

std::string DenseName(size_t i) {
  return absl::StrCat("I", i + 1);
}
std::string TableName(size_t i) {
  return absl::StrCat("C", i + 1);
}

absl::Status BadRow(const InputFile& file, int64_t row, const std::string& column, std::string_view reason,
                    const std::string& rule) {
  const std::string place = absl::StrCat(file.path, ": row ", row, ": column ", column);
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(place, ": ", rule),
                   {.reason = std::string(reason),
                    .metadata = {{"file", file.path}, {"row", absl::StrCat(row)}, {"column", column}},
                    .violations = {FieldViolation{place, rule}}});
}

absl::StatusOr<std::vector<InputFile>> FindFiles(const std::vector<std::string>& uris) {
  if (uris.empty()) return std::vector<InputFile>();
  SDA_ASSIGN_OR_RETURN(std::vector<InputFile> files, FindInputFiles(uris));
  for (InputFile& file : files) {
    if (absl::StartsWith(file.path, "file://")) file.path = file.path.substr(sizeof("file://") - 1);
    if (absl::StrContains(file.path, "://")) {
      return error::BadFormat(file.path, "is read where it lies by every worker; it must be on a local disk");
    }
    file.path = std::filesystem::absolute(file.path).lexically_normal();
    if (file.bytes % kMlperfRowBytes != 0) {
      return error::BadFormat(file.path, absl::StrCat("has ", file.bytes, " bytes; must be a multiple of ",
                                                      kMlperfRowBytes, ", the bytes of a row"));
    }
  }
  return files;
}

int64_t RowsOf(const std::vector<InputFile>& files) {
  int64_t rows = 0;
  for (const InputFile& file : files) rows += file.bytes / kMlperfRowBytes;
  return rows;
}

// Rows [begin, end) of all files together, as ranges.
void AddRanges(const std::vector<InputFile>& files, int64_t begin, int64_t end, Split split,
               std::vector<Range>& ranges) {
  int64_t before = 0;
  for (const InputFile& file : files) {
    const int64_t rows = file.bytes / kMlperfRowBytes;
    const int64_t from = std::max(begin, before), to = std::min(end, before + rows);
    if (from < to) ranges.push_back({file, split, from - before, to - from});
    before += rows;
  }
}

absl::StatusOr<std::vector<Range>> PlanRanges(const DatasetSpec& spec) {
  SDA_ASSIGN_OR_RETURN(const auto train, FindFiles(spec.data_uris));
  SDA_ASSIGN_OR_RETURN(const auto validation, FindFiles(spec.mlperf.validation_uris));
  SDA_ASSIGN_OR_RETURN(const auto test, FindFiles(spec.test_uris));
  const int64_t rows = RowsOf(train);
  const auto share = [](double of, int64_t all) {
    return static_cast<int64_t>(std::llround(of * static_cast<double>(all)));
  };
  const int64_t test_begin = test.empty() ? rows - share(spec.split.test_share, rows) : rows;
  const int64_t validation_begin =
      validation.empty() ? test_begin - std::max<int64_t>(1, share(spec.split.validation_share, test_begin))
                         : test_begin;
  if (validation_begin < 1) {
    return InvalidField("split", absl::StrCat("leaves none of ", rows, " rows to train on"));
  }
  std::vector<Range> ranges;
  AddRanges(train, 0, validation_begin, Split::kTrain, ranges);
  AddRanges(train, validation_begin, test_begin, Split::kValidation, ranges);
  AddRanges(validation, 0, RowsOf(validation), Split::kValidation, ranges);
  AddRanges(train, test_begin, rows, Split::kTest, ranges);
  AddRanges(test, 0, RowsOf(test), Split::kTest, ranges);
  return ranges;
}

// Given sizes, those of a counts file, or none: then they follow from the ids.
absl::StatusOr<std::vector<int64_t>> GivenTableRows(const DatasetSpec& spec) {
  std::vector<int64_t> rows = spec.mlperf.table_rows;
  if (!spec.mlperf.counts_uri.empty()) {
    SDA_ASSIGN_OR_RETURN(const auto files, FindInputFiles({spec.mlperf.counts_uri}));
    SDA_ASSIGN_OR_RETURN(const auto file, OpenInputFile(files.front()));
    const auto bytes = file->ReadAt(0, std::min(files.front().bytes, kMostCountsBytes));
    if (!bytes.ok()) return error::InputUnreadable(files.front().path, bytes.status().message());
    const std::string_view text(reinterpret_cast<const char*>((*bytes)->data()),
                                static_cast<size_t>((*bytes)->size()));
    SDA_ASSIGN_OR_RETURN(rows, ParseMlperfCounts(text, files.front().path));
    if (rows.size() != kMlperfTables) {
      return InvalidField("mlperf.counts_uri", absl::StrCat(files.front().path, " has ", rows.size(),
                                                            " counts; must have ", kMlperfTables));
    }
  }
  if (spec.mlperf.max_ind_range > 0) {
    for (int64_t& count : rows) count = std::min(count, spec.mlperf.max_ind_range);
  }
  return rows;
}

// Reads the ranges, several at a time, each by one thread.
class RangeReader {
 public:
  RangeReader(const std::vector<Range>& ranges, const std::vector<int64_t>& table_rows, int64_t max_ind_range,
              const RunSettings& settings)
      : ranges_(ranges),
        table_rows_(table_rows),
        max_ind_range_(max_ind_range),
        settings_(settings),
        reports_(ranges.size()),
        ended_(ranges.size()) {
    progress_.stage = "import";
    for (const Range& range : ranges) progress_.rows_total += range.rows;
    progress_.bytes_total = progress_.rows_total * kMlperfRowBytes;
  }

  // In the order of the ranges; of several errors the first.
  absl::StatusOr<std::vector<RangeReport>> Run() {
    {
      std::vector<std::jthread> helpers;
      for (int i = 1; i < settings_.threads; ++i) helpers.emplace_back([this] { Work(); });
      Work();
    }
    for (const absl::Status& status : ended_) SDA_RETURN_IF_ERROR(status);
    return std::move(reports_);
  }

 private:
  void Work() {
    for (size_t i = next_++; i < ranges_.size(); i = next_++) ended_[i] = Read(ranges_[i], reports_[i]);
  }

  absl::Status Read(const Range& range, RangeReport& report) {
    SDA_ASSIGN_OR_RETURN(const auto file, OpenInputFile(range.file));
    report.smallest.fill(std::numeric_limits<int32_t>::max());
    report.largest_id.fill(-1);
    std::vector<int32_t> rows(static_cast<size_t>(kRowsAtOnce * kRowInts));
    Sha256 hash;
    for (int64_t done = 0; done < range.rows; done += kRowsAtOnce) {
      if (settings_.stop.stop_requested()) return error::Cancelled();
      const int64_t count = std::min(kRowsAtOnce, range.rows - done);
      const int64_t bytes = count * kMlperfRowBytes;
      const auto read = file->ReadAt((range.first + done) * kMlperfRowBytes, bytes, rows.data());
      if (!read.ok()) return error::InputUnreadable(range.file.path, read.status().message());
      if (*read != bytes) return error::InputChanged(range.file.path);
      hash.Update({reinterpret_cast<const char*>(rows.data()), static_cast<size_t>(bytes)});
      for (int64_t row = 0; row < count; ++row) {
        SDA_RETURN_IF_ERROR(CheckRow(range, range.first + done + row, rows.data() + row * kRowInts, report));
      }
      ShowProgress(count);
    }
    report.sha256 = hash.HexDigest();
    return CheckUnchanged(range.file);
  }

  absl::Status CheckRow(const Range& range, int64_t number, const int32_t* row, RangeReport& report) const {
    if (row[0] != 0 && row[0] != 1) {
      return BadRow(range.file, number, "label", "BAD_LABEL",
                    absl::StrCat("is ", row[0], "; must be 0 or 1"));
    }
    report.positives += row[0];
    for (size_t i = 0; i < kMlperfDenseColumns; ++i) {
      const int32_t x = row[1 + i];
      if (x < 0) {
        return BadRow(range.file, number, DenseName(i), "BAD_NUMBER",
                      absl::StrCat("is ", x, "; must be at least 0, its logarithm is taken of 1 + x"));
      }
      report.smallest[i] = std::min(report.smallest[i], x);
      report.largest[i] = std::max(report.largest[i], x);
      report.sum[i] += x;
    }
    for (size_t t = 0; t < kMlperfTables; ++t) {
      const int64_t id = row[static_cast<size_t>(1 + kMlperfDenseColumns) + t];
      const int64_t place = max_ind_range_ > 0 ? id % max_ind_range_ : id;
      if (id < 0 || (!table_rows_.empty() && place >= table_rows_[t])) {
        const int64_t most = table_rows_.empty() ? int64_t{1} << 31 : table_rows_[t];
        return BadRow(range.file, number, TableName(t), "BAD_ID",
                      absl::StrCat("table ", TableName(t), ": id ", id, "; must be in [0, ", most, ")"));
      }
      report.largest_id[t] = std::max(report.largest_id[t], place);
    }
    return absl::OkStatus();
  }

  void ShowProgress(int64_t rows) {
    const std::lock_guard lock(mutex_);
    progress_.rows += rows;
    progress_.bytes += rows * kMlperfRowBytes;
    if (settings_.on_progress) settings_.on_progress(progress_);
  }

  const std::vector<Range>& ranges_;
  const std::vector<int64_t>& table_rows_;
  const int64_t max_ind_range_;
  const RunSettings& settings_;
  std::vector<RangeReport> reports_;
  std::vector<absl::Status> ended_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  Progress progress_;  // guarded by mutex_
};

void AddColumns(const std::vector<Range>& ranges, const std::vector<RangeReport>& reports,
                const std::vector<int64_t>& table_rows, DatasetManifest& manifest) {
  int64_t train_rows = 0;
  for (const Range& range : ranges) train_rows += range.split == Split::kTrain ? range.rows : 0;
  for (size_t i = 0; i < kMlperfDenseColumns; ++i) {
    ManifestColumn& column = manifest.columns.emplace_back();
    column.name = DenseName(i);
    column.dense.log = true;
    double smallest = std::numeric_limits<int32_t>::max(), largest = 0, sum = 0;
    for (size_t r = 0; r < ranges.size(); ++r) {
      if (ranges[r].split != Split::kTrain) continue;
      smallest = std::min<double>(smallest, reports[r].smallest[i]);
      largest = std::max<double>(largest, reports[r].largest[i]);
      sum += reports[r].sum[i];
    }
    column.raw_min = smallest;
    column.raw_max = largest;
    column.raw_mean = sum / static_cast<double>(train_rows);
  }
  for (size_t t = 0; t < kMlperfTables; ++t) {
    ManifestColumn& column = manifest.columns.emplace_back();
    column.name = TableName(t);
    column.role = ColumnRole::kCategorical;
    int64_t largest = 0;
    for (const RangeReport& report : reports) largest = std::max(largest, report.largest_id[t]);
    column.table_rows = table_rows.empty() ? largest + 1 : table_rows[t];
  }
}

std::string OptionsOf(const DatasetSpec& spec, const DatasetManifest& manifest) {
  Json json;
  json["data_uris"] = spec.data_uris;
  json["test_uris"] = spec.test_uris;
  json["format"] = {{"kind", "KIND_MLPERF_BINARY"}, {"null_values", Json::array({""})}};
  json["label"] = manifest.label_column;
  if (spec.test_uris.empty()) json["split"]["fraction"] = spec.split.test_share;
  if (spec.mlperf.validation_uris.empty()) json["split"]["validation_share"] = spec.split.validation_share;
  json["mlperf"]["validation_uris"] = spec.mlperf.validation_uris;
  json["mlperf"]["max_ind_range"] = spec.mlperf.max_ind_range;
  for (const ManifestColumn& column : manifest.columns) {
    if (column.role == ColumnRole::kCategorical) json["mlperf"]["table_rows"].push_back(column.table_rows);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ProvenanceOf(const std::vector<Range>& ranges, const RunSettings& settings, absl::Time started) {
  Json json = {{"engine", "sda-preprocessing"},
               {"threads", settings.threads},
               {"create_time", absl::FormatTime(absl::RFC3339_full, absl::Now(), absl::UTCTimeZone())},
               {"start_time", absl::FormatTime(absl::RFC3339_full, started, absl::UTCTimeZone())},
               {"inputs", Json::array()}};
  for (const Range& range : ranges) {
    json["inputs"].push_back({{"path", range.file.path},
                              {"bytes", range.file.bytes},
                              {"modified_nanos", range.file.modified_nanos},
                              {"split", kSplitNames[static_cast<size_t>(range.split)]}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<DatasetManifest> ImportMlperf(const DatasetSpec& spec, const std::string& name,
                                             const RunSettings& settings, DatasetOutput& output) {
  const absl::Time started = absl::Now();
  SDA_RETURN_IF_ERROR(ValidateSpec(spec));
  SDA_ASSIGN_OR_RETURN(const std::vector<Range> ranges, PlanRanges(spec));
  SDA_ASSIGN_OR_RETURN(const std::vector<int64_t> table_rows, GivenTableRows(spec));
  SDA_ASSIGN_OR_RETURN(const std::vector<RangeReport> reports,
                       RangeReader(ranges, table_rows, spec.mlperf.max_ind_range, settings).Run());
  DatasetManifest manifest;
  manifest.name = name;
  manifest.label_column = "label";
  manifest.id_order = "given";
  manifest.fit_scope = "given";
  manifest.shard_format = ShardFormat::kMlperfBinary;
  manifest.max_ind_range = spec.mlperf.max_ind_range;
  AddColumns(ranges, reports, table_rows, manifest);
  for (const char* split : kSplitNames) manifest.splits[split] = {};
  for (size_t r = 0; r < ranges.size(); ++r) {
    ManifestSplit& split = manifest.splits[kSplitNames[static_cast<size_t>(ranges[r].split)]];
    split.rows += ranges[r].rows;
    split.positive_rows += reports[r].positives;
    split.shards.push_back({.path = ranges[r].file.path,
                            .rows = ranges[r].rows,
                            .bytes = ranges[r].rows * kMlperfRowBytes,
                            .sha256 = reports[r].sha256,
                            .first_row = ranges[r].first});
  }
  const ManifestSplit& train = manifest.splits[kSplitNames[static_cast<size_t>(Split::kTrain)]];
  if (train.positive_rows == 0 || train.positive_rows == train.rows) {
    return InvalidField("label", absl::StrCat("is ", train.positive_rows == 0 ? 0 : 1, " in all of ",
                                              train.rows, " training rows; there is nothing to learn"));
  }
  manifest.options_json = OptionsOf(spec, manifest);
  manifest.digest = ComputeDatasetDigest(manifest);
  manifest.provenance_json = ProvenanceOf(ranges, settings, started);
  SDA_RETURN_IF_ERROR(output.Write(kManifestPath, ManifestToJson(manifest)));
  return manifest;
}

}  // namespace sda::preprocessing
