#include "services/trainer_worker/core/training/evaluation.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::trainer {

Evaluator::Evaluator(const DlrmLayout& layout, const SplitReader& split, int64_t batch_size, ThreadTeam& team,
                     std::optional<int64_t> group_by)
    : layout_(layout),
      split_(split),
      batch_size_(std::max<int64_t>(1, std::min(batch_size, split.rows()))),
      team_(team),
      logits_(split.rows()),
      labels_(split.rows()),
      group_by_(group_by),
      groups_(group_by ? split.rows() : 0) {
  for (int part = 0; part < team.size(); ++part) {
    workspaces_.push_back(std::make_unique<DlrmWorkspace>(layout, batch_size_, /*training=*/false));
    buffers_.emplace_back(split, batch_size_);
  }
}

int64_t Evaluator::Bytes(const DlrmLayout& layout, int64_t rows, int64_t batch_size, int threads) {
  const int64_t batch = std::min(batch_size, rows);
  // The metrics sort a copy of scores and labels.
  return threads * (DlrmWorkspace::Bytes(layout, batch, false) + BatchBuffer::Bytes(layout.inputs(), batch)) +
         rows * 24;
}

absl::StatusOr<SplitMetrics> Evaluator::Run(const DlrmWeights& weights, std::stop_token stop,
                                            const std::function<void(int64_t)>& progress) {
  std::vector<absl::Status> ended(team_.size());
  team_.Run([&](int part) { ended[part] = RunPart(weights, stop, part, progress); });
  for (const absl::Status& status : ended) SDA_RETURN_IF_ERROR(status);
  // The metrics take no NaN; a model that gives one has diverged.
  if (!std::all_of(logits_.begin(), logits_.end(), [](float logit) { return std::isfinite(logit); })) {
    SplitMetrics diverged;
    diverged.logloss = std::nan("");
    return diverged;
  }
  SplitMetrics metrics{ComputeMetrics(logits_, labels_)};
  if (group_by_) metrics.grouped = ComputeGroupedMetrics(logits_, labels_, groups_);
  return metrics;
}

absl::Status Evaluator::RunPart(const DlrmWeights& weights, std::stop_token stop, int part,
                                const std::function<void(int64_t)>& progress) {
  const auto [begin, end] = team_.Range(split_.rows(), part);
  for (int64_t row = begin; row < end; row += batch_size_) {
    if (stop.stop_requested()) return absl::CancelledError("evaluation was stopped");
    const int64_t last = std::min(end, row + batch_size_);
    SDA_ASSIGN_OR_RETURN(const Batch batch, buffers_[part].FillRange(row, last));
    DlrmForward(layout_, weights, batch, 0, batch.rows, {}, *workspaces_[part], &logits_[row]);
    std::copy(batch.labels.begin(), batch.labels.end(), labels_.begin() + row);
    if (group_by_) {
      const auto& ids = batch.tables[*group_by_].ids;
      std::copy(ids.begin(), ids.end(), groups_.begin() + row);
    }
    // The first thread's share stands for all: shares differ by a row.
    if (part == 0 && progress) progress(std::min(split_.rows(), (last - begin) * team_.size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<int64_t>> TableToGroupBy(const InputShape& inputs, const std::string& column,
                                                      const std::string& field) {
  if (column.empty()) return std::nullopt;
  const auto found = std::find(inputs.table_names.begin(), inputs.table_names.end(), column);
  if (found == inputs.table_names.end()) {
    return InvalidField(field,
                        absl::StrCat("is \"", column, "\"; must be a categorical column of the dataset"));
  }
  const int64_t table = found - inputs.table_names.begin();
  if (inputs.is_list(table)) {
    return InvalidField(field, absl::StrCat("is \"", column,
                                            "\", whose cells hold lists; must be a column with one "
                                            "value a row"));
  }
  return table;
}

std::map<std::string, double> MetricMap(const SplitMetrics& metrics) {
  const double undefined = std::nan("");
  const GroupedMetrics grouped =
      metrics.grouped.value_or(GroupedMetrics{.auc = undefined, .map = undefined, .ndcg = undefined});
  std::map<std::string, double> named;
  for (const auto& [name, value] : {std::pair{"auc", metrics.auc},
                                    {"logloss", metrics.logloss},
                                    {"normalized_entropy", metrics.normalized_entropy},
                                    {"accuracy", metrics.accuracy},
                                    {"calibration", metrics.calibration},
                                    {"grouped_auc", grouped.auc},
                                    {"map", grouped.map},
                                    {"ndcg", grouped.ndcg}}) {
    if (std::isfinite(value)) named[name] = value;
  }
  return named;
}

}  // namespace sda::trainer
