#include "services/preprocessing/core/pipeline/create_pipeline_dataset.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/hashing_stream.h"
#include "services/preprocessing/core/memory_plan.h"
#include "services/preprocessing/core/partial_dataset.h"
#include "services/preprocessing/core/pipeline/note_passes.h"
#include "services/preprocessing/core/pipeline/pass_worker.h"
#include "services/preprocessing/core/pipeline/saved_pass.h"

namespace sda::preprocessing {
namespace {

class PipelineRun {
 public:
  PipelineRun(const DatasetPlan& plan, const std::string& key, const PipelineMemory& memory,
              const RunSettings& settings, RecordingOutput& output)
      : plan_(plan),
        key_(key),
        memory_(memory),
        settings_(settings),
        output_(output),
        state_(plan),
        schedule_(SchedulePasses(*plan.program)) {}

  absl::StatusOr<PipelineDataset> Run() {
    const size_t write = schedule_.passes.size() - 1;
    SDA_ASSIGN_OR_RETURN(size_t next, Resume());
    const bool fitted = next == write;
    for (; next < write; ++next) SDA_RETURN_IF_ERROR(Fit(next));

    const ShardColumns columns = ColumnsOf();
    const ShardSet::Forms forms{.parquet = plan_.spec.pipeline->output.parquet,
                                .mlperf = columns.mlperf_values > 0};
    std::map<ShardSet::Key, ManifestShard> finished;
    if (fitted) {
      SDA_ASSIGN_OR_RETURN(finished, FindShards(state_.split_rows, plan_.spec.shard_rows, output_));
    }
    dataset_.resumed_shards = finished.size();
    ShardSet shards(columns, state_.split_rows, plan_.spec.shard_rows, std::move(finished), forms, output_);
    SDA_RETURN_IF_ERROR(shards.FindExports());
    // Some may be there already, with or without their other forms.
    if (fitted) {
      for (const std::string& path : shards.Paths()) output_.Remember(path);
    }

    {
      SDA_ASSIGN_OR_RETURN(const Workers workers, Write(shards));
      SDA_RETURN_IF_ERROR(Describe(shards));
      DescribeColumns(workers);
    }
    ReleaseFreeMemory(settings_);
    SDA_RETURN_IF_ERROR(WriteFitted());
    return std::move(dataset_);
  }

 private:
  // Owns the workers through the base they run by.
  struct Workers {
    std::vector<std::unique_ptr<BlockWorker>> owned;
    std::vector<PassWorker*> all;
  };

  absl::StatusOr<Workers> RunPass(const PassWork& work, const std::string& stage) {
    Workers workers;
    for (int i = 0; i < settings_.threads; ++i) {
      auto worker = std::make_unique<PassWorker>(plan_, state_, work);
      workers.all.push_back(worker.get());
      workers.owned.push_back(std::move(worker));
    }
    // Every pass meets the same bad rows.
    dataset_.bad_rows = {};
    SDA_RETURN_IF_ERROR(
        RunBlocks(plan_.input, stage, rows_total_, settings_, workers.owned, {}, &dataset_.bad_rows));
    return workers;
  }

  // Takes over what an earlier attempt learned; the first pass that is still to be made.
  absl::StatusOr<size_t> Resume() {
    size_t pass = 0;
    for (; pass + 1 < schedule_.passes.size(); ++pass) {
      const absl::Status loaded = LoadPass(key_, schedule_.passes[pass], pass, Learning(), state_, output_);
      if (!loaded.ok()) break;
      Remember(pass);
      SDA_RETURN_IF_ERROR(NoteValues(pass));
    }
    // What another job left, or one that got nowhere, is of no use.
    if (pass == 0) SDA_RETURN_IF_ERROR(output_.Clear());
    CountRows();
    return pass;
  }

  absl::Status Fit(size_t number) {
    const PassSchedule::Pass& pass = schedule_.passes[number];
    {
      PassWork work{.pass = pass};
      work.learning_bytes = memory_.learning_bytes;
      work.scratch_folder = settings_.scratch_folder;
      SDA_ASSIGN_OR_RETURN(const Workers workers, RunPass(work, absl::StrCat("fit ", number + 1)));
      SDA_RETURN_IF_ERROR(TakeLearned(pass, workers));
      if (pass.count) {
        TakeCounts(workers);
        SDA_RETURN_IF_ERROR(CheckTrainable());
      }
    }
    ReleaseFreeMemory(settings_);
    SDA_RETURN_IF_ERROR(SavePass(key_, pass, number, state_, output_));
    Remember(number);
    return NoteValues(number);
  }

  void Remember(size_t pass) {
    for (std::string& path : SavedPaths(pass)) {
      output_.Remember(path);
      dataset_.saved.push_back(std::move(path));
    }
  }

  LearnSettings Learning() const {
    return {.table_bytes = memory_.table_bytes,
            .sort_bytes = memory_.sort_bytes,
            .scratch_folder = settings_.scratch_folder};
  }

  // What is left of the memory for tables.
  LearnSettings LearningMore() const {
    LearnSettings settings = Learning();
    if (settings.table_bytes > 0)
      settings.table_bytes = std::max<int64_t>(settings.table_bytes - state_.memory_bytes(), 1);
    return settings;
  }

  // Passes that note what the tables on disk, learned in one pass, give the rows.
  absl::Status NoteValues(size_t pass) {
    for (const std::vector<NoteUnit>& units : PlanNotes(schedule_.passes[pass], state_, memory_, settings_)) {
      SDA_ASSIGN_OR_RETURN(const NoteWork notes,
                           PrepareNotes(units, pass + 1, state_, settings_.scratch_folder));
      PassWork work{.pass = notes.pass};
      work.notes = notes.notes;
      SDA_RETURN_IF_ERROR(RunPass(work, absl::StrCat("notes ", ++note_passes_)).status());
      ReleaseFreeMemory(settings_);
    }
    return absl::OkStatus();
  }

  template <class Fitters>
  absl::Status Merge(const Fitters& fitters) const {
    int64_t bytes = 0;
    for (auto* fitter : fitters) bytes += fitter->bytes();
    // Merged in memory, tables take a multiple of what they take now.
    if (memory_.sort_bytes > 0 && bytes > memory_.sort_bytes / 2) {
      for (auto* fitter : fitters) SDA_RETURN_IF_ERROR(fitter->Spill(settings_.scratch_folder));
    }
    for (size_t w = 1; w < fitters.size(); ++w)
      SDA_RETURN_IF_ERROR(fitters.front()->Merge(*fitters[w], settings_.scratch_folder));
    return absl::OkStatus();
  }

  absl::Status TakeLearned(const PassSchedule::Pass& pass, const Workers& workers) {
    for (size_t node = 0; node < pass.learn.size(); ++node) {
      if (!pass.learn[node]) continue;
      if (state_.program.nodes[node].is_row_operation()) {
        std::vector<RowFitter*> fitters;
        for (PassWorker* worker : workers.all) fitters.push_back(worker->row_fitters()[node].get());
        SDA_RETURN_IF_ERROR(Merge(fitters));
        SDA_ASSIGN_OR_RETURN(state_.rows[node], fitters.front()->Finish(LearningMore()));
        for (PassWorker* worker : workers.all) worker->row_fitters()[node].reset();
        continue;
      }
      std::vector<Fitter*> fitters;
      for (PassWorker* worker : workers.all) fitters.push_back(worker->fitters()[node].get());
      SDA_RETURN_IF_ERROR(Merge(fitters));
      SDA_ASSIGN_OR_RETURN(Learned learned, fitters.front()->Finish(LearningMore()));
      for (PassWorker* worker : workers.all) worker->fitters()[node].reset();
      state_.Take(node, std::move(learned));
    }
    return absl::OkStatus();
  }

  void TakeCounts(const Workers& workers) {
    std::vector<PassWorker::BlockCounts> blocks;
    for (const PassWorker* worker : workers.all) {
      blocks.insert(blocks.end(), worker->counts().begin(), worker->counts().end());
    }
    std::sort(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
    state_.block_offsets.emplace_back();
    for (const PassWorker::BlockCounts& block : blocks) {
      for (size_t s = 0; s < kSplits; ++s) {
        state_.split_rows[s] += block.rows[s];
        state_.split_positives[s] += block.positives[s];
      }
      state_.block_offsets.push_back(state_.split_rows);
    }
    CountRows();
  }

  void CountRows() {
    rows_total_ = 0;
    for (const int64_t rows : state_.split_rows) rows_total_ += rows;
  }

  absl::Status CheckTrainable() const {
    const int64_t rows = state_.split_rows[static_cast<size_t>(Split::kTrain)];
    const int64_t positives = state_.split_positives[static_cast<size_t>(Split::kTrain)];
    if (state_.block_offsets.size() == 1)
      return error::InputEmpty(plan_.input.files.front().path, "has no rows");
    if (rows == 0)
      return InvalidField("pipeline.steps",
                          absl::StrCat("leave none of ", rows_total_, " remaining rows to train on"));
    if (positives == 0 || positives == rows) {
      return InvalidField("label", absl::StrCat("is ", positives == 0 ? 0 : 1, " in all of ", rows,
                                                " training rows; there is nothing to learn"));
    }
    return absl::OkStatus();
  }

  const pipeline::Slot& FeatureSlot(size_t f) const {
    return state_.program.slots[static_cast<size_t>(state_.program.features[f])];
  }

  ShardColumns ColumnsOf() const {
    const pipeline::Program& program = state_.program;
    ShardColumns columns;
    for (size_t f = 0; f < program.features.size(); ++f) {
      const pipeline::Slot& slot = FeatureSlot(f);
      if (f < program.dense_features) {
        columns.dense.push_back(slot.name);
        continue;
      }
      columns.categorical.push_back(slot.name);
      columns.lists.push_back(slot.type == pipeline::ColumnType::kIdList);
    }
    const size_t values = program.mlperf_integers.size() + program.mlperf_categories.size();
    columns.mlperf_values = values == 0 ? 0 : values + 1;
    return columns;
  }

  absl::StatusOr<Workers> Write(ShardSet& shards) {
    PassWork work{.pass = schedule_.passes.back()};
    work.shards = &shards;
    std::unique_ptr<RowStore> store;
    // Rows of a sorted dataset go to all shards at once, which memory may not hold.
    if (state_.sort_node >= 0 && settings_.memory_bytes > 0) {
      SDA_ASSIGN_OR_RETURN(store, RowStore::Create(shards.columns(), settings_.scratch_folder));
    }
    work.store = store.get();
    SDA_ASSIGN_OR_RETURN(Workers workers, RunPass(work, "encode"));
    if (store) SDA_RETURN_IF_ERROR(store->WriteShards(state_.split_rows, shards, settings_.stop));
    return workers;
  }

  absl::Status Describe(const ShardSet& shards) {
    DatasetManifest& manifest = dataset_.manifest;
    for (size_t s = 0; s < kSplits; ++s) {
      std::vector<ManifestShard> written = shards.Written(static_cast<Split>(s));
      int64_t rows = 0;
      for (const ManifestShard& shard : written) rows += shard.rows;
      if (rows != state_.split_rows[s]) return error::InputChanged(plan_.input.files.back().path);
      manifest.splits[kSplitNames[s]] = {rows, state_.split_positives[s], std::move(written)};
    }
    manifest.exports = shards.Exports();
    manifest.id_order = "pipeline";
    manifest.fit_scope = "pipeline";
    return absl::OkStatus();
  }

  void DescribeColumns(const Workers& workers) {
    const pipeline::Program& program = state_.program;
    for (size_t f = 0; f < program.features.size(); ++f) {
      ManifestColumn& column = dataset_.manifest.columns.emplace_back();
      column.name = FeatureSlot(f).name;
      if (f >= program.dense_features) {
        column.role = ColumnRole::kCategorical;
        // Says that the column holds lists; the text between their values in the log is the pipeline's
        // matter.
        if (FeatureSlot(f).type == pipeline::ColumnType::kIdList) column.list_separator = "|";
        column.table_rows = state_.TableRows(program.features[f]);
        column.distinct_count = column.table_rows;
        for (PassWorker* worker : workers.all)
          column.missing_rows += worker->writer().zero_ids()[f - program.dense_features];
        continue;
      }
      column.role = ColumnRole::kDense;
      DenseStats& stats = workers.all.front()->writer().profile()[f];
      for (size_t w = 1; w < workers.all.size(); ++w) stats.Merge(workers.all[w]->writer().profile()[f]);
      column.missing_rows = stats.missing();
      column.distinct_count = stats.distinct();
      if (stats.values() == 0) continue;
      column.raw_min = stats.min();
      column.raw_max = stats.max();
      const DenseStats::Moments moments = stats.RawMoments();
      column.raw_mean = moments.mean;
      column.raw_stddev = moments.stddev;
    }
  }

  // What was learned goes with it.
  absl::Status WriteFitted() {
    pipeline::FittedPipeline fitted{*plan_.spec.pipeline, state_.program, std::move(state_.nodes)};
    // New rows come with what a join would add; and where its files lay is nothing that was learned.
    fitted.pipeline.joins.clear();
    pipeline::StoredTables stored;
    for (size_t node = 0; node < state_.stored.size(); ++node) {
      if (!state_.stored[node]) continue;
      stored[node] = [table = state_.stored[node]](const pipeline::VisitTableEntry& visit) {
        return table->ForEach(
            [&](const TableEntry& entry) { return visit(entry.value, entry.count, entry.positives); });
      };
    }
    DatasetManifest& manifest = dataset_.manifest;
    manifest.pipeline_path = pipeline::kFittedPipelinePath;
    SDA_ASSIGN_OR_RETURN(const auto writer, output_.Create(manifest.pipeline_path));
    HashingStream stream(*writer);
    const absl::Status written = pipeline::WriteFittedPipeline(fitted, stored, stream);
    SDA_RETURN_IF_ERROR(stream.error());
    SDA_RETURN_IF_ERROR(written);
    SDA_RETURN_IF_ERROR(writer->Publish());
    manifest.pipeline_sha256 = stream.HexDigest();
    return absl::OkStatus();
  }

  const DatasetPlan& plan_;
  const std::string& key_;
  const PipelineMemory memory_;
  const RunSettings& settings_;
  RecordingOutput& output_;
  PipelineState state_;
  const PassSchedule schedule_;
  PipelineDataset dataset_;
  int64_t rows_total_ = 0;  // for progress, once known
  int note_passes_ = 0;
};

}  // namespace

absl::StatusOr<PipelineDataset> CreatePipelineDataset(const DatasetPlan& plan, const std::string& key,
                                                      const RunSettings& settings, RecordingOutput& output) {
  SDA_ASSIGN_OR_RETURN(const PipelineMemory memory, PlanPipelineMemory(plan, settings));
  return PipelineRun(plan, key, memory, settings, output).Run();
}

}  // namespace sda::preprocessing
