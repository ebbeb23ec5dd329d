#include "services/preprocessing/core/pipeline/create_pipeline_dataset.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/preprocessing/core/pipeline/pass_worker.h"

namespace sda::preprocessing {
namespace {

class PipelineRun {
 public:
  PipelineRun(const DatasetPlan& plan, const RunSettings& settings, DatasetOutput& output, BadRows& bad_rows)
      : plan_(plan),
        settings_(settings),
        output_(output),
        bad_rows_(bad_rows),
        state_(plan),
        schedule_(SchedulePasses(*plan.program)) {}

  absl::StatusOr<DatasetManifest> Run() {
    for (size_t p = 0; p + 1 < schedule_.passes.size(); ++p) {
      const PassSchedule::Pass& pass = schedule_.passes[p];
      SDA_ASSIGN_OR_RETURN(const auto workers, RunPass(pass, absl::StrCat("fit ", p + 1), nullptr));
      TakeLearned(pass, workers);
      if (pass.count) {
        TakeCounts(workers);
        SDA_RETURN_IF_ERROR(CheckTrainable());
      }
    }
    const ShardColumns columns = ColumnsOf();
    const ShardSet::Forms forms{.parquet = plan_.spec.pipeline->output.parquet,
                                .mlperf = columns.mlperf_values > 0};
    ShardSet shards(columns, state_.split_rows, plan_.spec.shard_rows, /*finished=*/{}, forms, output_);
    SDA_ASSIGN_OR_RETURN(const auto workers, RunPass(schedule_.passes.back(), "encode", &shards));
    DatasetManifest manifest;
    SDA_RETURN_IF_ERROR(Describe(shards, manifest));
    DescribeColumns(workers, manifest);
    SDA_RETURN_IF_ERROR(WriteFitted(manifest));
    return manifest;
  }

 private:
  // Owns the workers through the base they run by.
  struct Workers {
    std::vector<std::unique_ptr<BlockWorker>> owned;
    std::vector<PassWorker*> all;
  };

  absl::StatusOr<Workers> RunPass(const PassSchedule::Pass& pass, const std::string& stage,
                                  ShardSet* shards) {
    Workers workers;
    for (int i = 0; i < settings_.threads; ++i) {
      auto worker = std::make_unique<PassWorker>(plan_, state_, pass, shards);
      workers.all.push_back(worker.get());
      workers.owned.push_back(std::move(worker));
    }
    // Every pass meets the same bad rows.
    bad_rows_ = {};
    SDA_RETURN_IF_ERROR(RunBlocks(plan_.input, stage, rows_total_, settings_, workers.owned, {}, &bad_rows_));
    return workers;
  }

  void TakeLearned(const PassSchedule::Pass& pass, const Workers& workers) {
    for (size_t node = 0; node < pass.learn.size(); ++node) {
      if (!pass.learn[node]) continue;
      PassWorker& first = *workers.all.front();
      for (size_t w = 1; w < workers.all.size(); ++w) {
        if (first.fitters()[node]) first.fitters()[node]->Merge(*workers.all[w]->fitters()[node]);
        if (first.row_fitters()[node]) first.row_fitters()[node]->Merge(*workers.all[w]->row_fitters()[node]);
      }
      if (first.fitters()[node]) {
        state_.nodes[node] = first.fitters()[node]->Finish();
        state_.executor.Prepare(node);
      } else {
        state_.rows[node] = first.row_fitters()[node]->Finish();
      }
    }
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
        rows_total_ += block.rows[s];
      }
      state_.block_offsets.push_back(state_.split_rows);
    }
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

  absl::Status Describe(const ShardSet& shards, DatasetManifest& manifest) const {
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

  void DescribeColumns(const Workers& workers, DatasetManifest& manifest) const {
    const pipeline::Program& program = state_.program;
    for (size_t f = 0; f < program.features.size(); ++f) {
      ManifestColumn& column = manifest.columns.emplace_back();
      column.name = FeatureSlot(f).name;
      if (f >= program.dense_features) {
        column.role = ColumnRole::kCategorical;
        // Says that the column holds lists; the text between their values in the log is the pipeline's
        // matter.
        if (FeatureSlot(f).type == pipeline::ColumnType::kIdList) column.list_separator = "|";
        column.table_rows = state_.executor.TableRows(program.features[f]);
        column.distinct_count = column.table_rows;
        for (const PassWorker* worker : workers.all)
          column.missing_rows += worker->zero_ids()[f - program.dense_features];
        continue;
      }
      column.role = ColumnRole::kDense;
      DenseStats& stats = workers.all.front()->profile()[f];
      for (size_t w = 1; w < workers.all.size(); ++w) stats.Merge(workers.all[w]->profile()[f]);
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

  absl::Status WriteFitted(DatasetManifest& manifest) const {
    pipeline::FittedPipeline fitted{*plan_.spec.pipeline, state_.program, state_.nodes};
    // New rows come with what a join would add; and where its files lay is nothing that was learned.
    fitted.pipeline.joins.clear();
    SDA_ASSIGN_OR_RETURN(const std::string bytes, pipeline::FittedPipelineToArrow(fitted));
    manifest.pipeline_path = pipeline::kFittedPipelinePath;
    manifest.pipeline_sha256 = Sha256Hex(bytes);
    return output_.Write(manifest.pipeline_path, bytes);
  }

  const DatasetPlan& plan_;
  const RunSettings& settings_;
  DatasetOutput& output_;
  BadRows& bad_rows_;
  PipelineState state_;
  const PassSchedule schedule_;
  int64_t rows_total_ = 0;  // for progress, once known
};

}  // namespace

absl::StatusOr<DatasetManifest> CreatePipelineDataset(const DatasetPlan& plan, const RunSettings& settings,
                                                      DatasetOutput& output, BadRows& bad_rows) {
  return PipelineRun(plan, settings, output, bad_rows).Run();
}

}  // namespace sda::preprocessing
