#include "services/preprocessing/core/profile/profile_data.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/base/row_hash.h"
#include "common/base/status_macros.h"
#include "common/storage/list_cell.h"
#include "services/preprocessing/core/block_runner.h"
#include "services/preprocessing/core/dataset_plan.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/profile/column_counts.h"
#include "services/preprocessing/core/profile/column_kind.h"
#include "services/preprocessing/core/profile/column_summary.h"
#include "services/preprocessing/core/profile/row_sample.h"
#include "services/preprocessing/core/schema_inference.h"

namespace sda::preprocessing {
namespace {

constexpr size_t kValuesOfAllColumns = size_t{1} << 20;
constexpr size_t kFewestExactValues = 1024;
constexpr size_t kSampleRows = size_t{1} << 15;
constexpr size_t kSampleBytes = size_t{64} << 20;

// Sets the folds and the sample apart from every other use of the seed.
constexpr uint64_t kProfileSalt = 0x70726f66696c6521;

struct ProfilePlan {
  DatasetSpec spec;
  Input input;
  std::vector<CountedColumn> columns;  // in input order
  std::vector<int> sampled;            // positions of categories
  int label = -1;
  int split_column = -1;
  bool by_split = false;
  double time_bound = 0;

  bool has_test() const { return by_split || !spec.test_uris.empty(); }
  MissingTest missing_test() const { return MissingTest(NullTokens(spec.format)); }
};

absl::Status PlanSplit(ProfilePlan& plan, const RunSettings& settings) {
  const SplitSpec& split = plan.spec.split;
  if (!plan.by_split || split.kind == SplitSpec::Kind::kFraction) return absl::OkStatus();
  const bool by_time = split.kind == SplitSpec::Kind::kTime;
  SDA_ASSIGN_OR_RETURN(plan.split_column, FindColumn(by_time ? "split.time_column" : "split.hash_column",
                                                     split.column, plan.input.layout.columns));
  if (!by_time) return absl::OkStatus();
  SDA_ASSIGN_OR_RETURN(plan.time_bound,
                       FindTimeBound(plan.input, plan.split_column, split.test_share, settings));
  return absl::OkStatus();
}

absl::StatusOr<ProfilePlan> Plan(const ProfileSpec& spec, const RunSettings& settings) {
  ProfilePlan plan;
  plan.spec = spec.data;
  plan.spec.pipeline.reset();  // raw columns are looked at, whatever is made of them
  plan.by_split = spec.by_split && spec.data.test_uris.empty();
  SDA_ASSIGN_OR_RETURN(const SchemaGuess guess, GuessSchema(plan.spec, kDefaultSampleRows));
  plan.input.layout = guess.layout;
  SDA_ASSIGN_OR_RETURN(plan.input.files, FindInputFiles(spec.data.data_uris));
  plan.input.first_test_file = static_cast<int>(plan.input.files.size());
  if (!spec.data.test_uris.empty()) {
    SDA_ASSIGN_OR_RETURN(std::vector<InputFile> test_files, FindInputFiles(spec.data.test_uris));
    for (InputFile& file : test_files) plan.input.files.push_back(std::move(file));
  }
  for (size_t i = 0; i < guess.schema.size(); ++i) {
    const Column& column = guess.schema[i];
    KindVerdict verdict = KindOf(column, guess.sample.columns[i]);
    const auto position = static_cast<int>(i);
    if (verdict.kind == ColumnKind::kLabel) plan.label = position;
    if (verdict.kind == ColumnKind::kCategory) plan.sampled.push_back(position);
    plan.columns.push_back({position, column.name, verdict.kind, std::move(verdict.reason),
                            verdict.time_units, column.list_separator, column.list_max_values});
  }
  SDA_RETURN_IF_ERROR(PlanSplit(plan, settings));
  return plan;
}

class ProfileWorker final : public BlockWorker {
 public:
  explicit ProfileWorker(const ProfilePlan& plan)
      : plan_(plan),
        labels_(plan.spec.positive_values, plan.missing_test()),
        splitter_(plan.spec, plan.time_bound),
        seed_(static_cast<uint64_t>(plan.spec.seed) ^ kProfileSalt),
        sample_(kSampleRows, kSampleBytes) {
    const size_t limit = ExactValuesOf(plan.columns.size());
    columns_.reserve(plan.columns.size());
    for (const CountedColumn& column : plan.columns)
      columns_.emplace_back(column, plan.missing_test(), limit);
  }

  absl::Status Process(const CellBlock& cells, const BlockPlace& place) override {
    SDA_RETURN_IF_ERROR(Deal(cells, place));
    for (ColumnCounts& column : columns_) column.Add(cells, plan_.input, place, slots_);
    return absl::OkStatus();
  }

  const Tally& rows() const { return rows_; }
  int64_t test_positives() const { return test_positives_; }
  ColumnCounts& column(size_t i) { return columns_[i]; }
  RowSample& sample() { return sample_; }

 private:
  // Finds the slot of every row, and keeps the rows of the sample.
  absl::Status Deal(const CellBlock& cells, const BlockPlace& place) {
    slots_.resize(cells.rows);
    const bool in_test_file = place.file >= plan_.input.first_test_file;
    for (size_t row = 0; row < cells.rows; ++row) {
      const int64_t number = place.first_row + static_cast<int64_t>(row);
      bool positive = false;
      if (plan_.label >= 0) {
        const std::string_view field = cells.view(row, static_cast<size_t>(plan_.label));
        const auto label = labels_.Read(field);
        if (!label) {
          return error::BadCell(PlaceOf(plan_.input, place, cells.line(row), plan_.label), "BAD_LABEL",
                                labels_.Rule(field));
        }
        positive = *label;
      }
      size_t slot = kTestSlot;
      if (!IsTest(cells, row, number, in_test_file)) {
        const uint64_t hash = HashRow(seed_, RandomStream::kFold, static_cast<uint64_t>(number));
        slot = TrainSlot(static_cast<int>(hash & 1), positive);
        if (sample_.Wants(hash)) AddToSample(cells, row, hash);
      } else if (positive) {
        ++test_positives_;
      }
      slots_[row] = static_cast<uint8_t>(slot);
      ++rows_.counts[slot];
    }
    return absl::OkStatus();
  }

  bool IsTest(const CellBlock& cells, size_t row, int64_t number, bool in_test_file) const {
    if (!plan_.by_split) return in_test_file;
    const std::string_view key = plan_.split_column >= 0
                                     ? cells.view(row, static_cast<size_t>(plan_.split_column))
                                     : std::string_view();
    return splitter_.Assign(number, in_test_file, key) == Split::kTest;
  }

  void AddToSample(const CellBlock& cells, size_t row, uint64_t hash) {
    RowSample::Row sampled{.hash = hash, .text = {}, .ends = {}};
    for (const int position : plan_.sampled) {
      sampled.text.append(cells.view(row, static_cast<size_t>(position)));
      sampled.ends.push_back(static_cast<uint32_t>(sampled.text.size()));
    }
    sample_.Add(std::move(sampled));
  }

  const ProfilePlan& plan_;
  const LabelReader labels_;
  const Splitter splitter_;
  const uint64_t seed_;
  std::vector<ColumnCounts> columns_;
  RowSample sample_;
  Tally rows_;
  int64_t test_positives_ = 0;
  std::vector<uint8_t> slots_;
};

// Merges what the workers saw into the first of them and sums the columns up, several at a time.
class Finisher {
 public:
  Finisher(const ProfilePlan& plan, const std::vector<ProfileWorker*>& workers, DataProfile& profile)
      : plan_(plan), workers_(workers), profile_(profile) {
    profile_.columns.resize(plan.columns.size());
  }

  void Run(int threads) {
    RowSample& sample = workers_.front()->sample();
    for (size_t w = 1; w < workers_.size(); ++w) sample.Merge(std::move(workers_[w]->sample()));
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back([this] { Work(); });
    Work();
  }

 private:
  void Work() {
    for (size_t i = next_++; i < plan_.columns.size(); i = next_++) Finish(i);
  }

  void Finish(size_t i) {
    ColumnCounts& counts = workers_.front()->column(i);
    for (size_t w = 1; w < workers_.size(); ++w) counts.Merge(workers_[w]->column(i));
    SummaryContext context{plan_.label >= 0, plan_.has_test(), {}};
    if (counts.categories() && !counts.categories()->exact()) context.sampled_values = SampledValues(i);
    profile_.columns[i] = SummariseColumn(plan_.columns[i], counts, context);
  }

  std::vector<std::string> SampledValues(size_t column) const {
    std::vector<std::string> values;
    const CountedColumn& counted = plan_.columns[column];
    const auto at = std::find(plan_.sampled.begin(), plan_.sampled.end(), counted.position);
    if (at == plan_.sampled.end()) return values;
    const auto index = static_cast<size_t>(at - plan_.sampled.begin());
    const MissingTest missing = plan_.missing_test();
    for (const RowSample::Row& row : workers_.front()->sample().rows()) {
      const std::string_view cell = row.value(index);
      if (!counted.list_separator.empty()) {
        ForEachListValue(cell, counted.list_separator, counted.list_max_values, missing,
                         [&](std::string_view value) { values.emplace_back(value); });
      } else if (!missing(cell)) {
        values.emplace_back(cell);
      }
    }
    return values;
  }

  const ProfilePlan& plan_;
  const std::vector<ProfileWorker*>& workers_;
  DataProfile& profile_;
  std::atomic<size_t> next_ = 0;
};

std::string DescribeSplit(const ProfilePlan& plan) {
  const SplitSpec& split = plan.spec.split;
  if (!plan.spec.test_uris.empty()) return "test files";
  if (!plan.by_split) return "";
  switch (split.kind) {
    case SplitSpec::Kind::kHash:
      return absl::StrCat(split.test_share, " of the rows by hash of ", split.column);
    case SplitSpec::Kind::kTime:
      return absl::StrCat("the latest ", split.test_share, " of the rows by ", split.column);
    case SplitSpec::Kind::kFraction:
      break;
  }
  return absl::StrCat(split.test_share, " of the rows at random");
}

}  // namespace

size_t ExactValuesOf(size_t columns) {
  return std::clamp(kValuesOfAllColumns / std::max<size_t>(columns, 1), kFewestExactValues, kExactValues);
}

absl::StatusOr<DataProfile> ProfileData(const ProfileSpec& spec, const RunSettings& settings) {
  SDA_ASSIGN_OR_RETURN(const ProfilePlan plan, Plan(spec, settings));
  std::vector<std::unique_ptr<BlockWorker>> workers;
  std::vector<ProfileWorker*> profilers;
  for (int i = 0; i < settings.threads; ++i) {
    auto worker = std::make_unique<ProfileWorker>(plan);
    profilers.push_back(worker.get());
    workers.push_back(std::move(worker));
  }
  SDA_RETURN_IF_ERROR(RunBlocks(plan.input, "profile", 0, settings, workers));

  DataProfile profile;
  for (const InputFile& file : plan.input.files) profile.files.push_back(file.path);
  profile.input_bytes = plan.input.total_bytes();
  profile.split = DescribeSplit(plan);
  if (plan.label >= 0) profile.label = plan.columns[static_cast<size_t>(plan.label)].name;
  Tally rows;
  for (ProfileWorker* worker : profilers) {
    rows += worker->rows();
    profile.test_positives += worker->test_positives();
  }
  profile.rows = rows.train();
  profile.test_rows = rows.test();
  profile.positives = rows.positives();
  Finisher(plan, profilers, profile).Run(settings.threads);
  profile.warnings = FindWarnings(profile, spec.bounds);
  return profile;
}

}  // namespace sda::preprocessing
