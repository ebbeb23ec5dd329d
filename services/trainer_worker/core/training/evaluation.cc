#include "services/trainer_worker/core/training/evaluation.h"

#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace sda::trainer {

Evaluator::Evaluator(const DlrmLayout& layout, const SplitReader& split, int64_t batch_size, ThreadTeam& team,
                     std::optional<int64_t> group_by, AucMethod method)
    : layout_(layout),
      split_(split),
      batch_size_(std::max<int64_t>(1, std::min(batch_size, split.rows()))),
      method_(method),
      team_(team),
      finite_(team.size()),
      group_by_(group_by),
      groups_(group_by ? split.rows() : 0) {
  const bool exact = method == AucMethod::kExact;
  logits_.resize(exact ? split.rows() : batch_size_ * team.size());
  if (exact) labels_.resize(split.rows());
  if (exact && split.weighted()) row_weights_.resize(split.rows());
  if (!exact) bounded_.resize(team.size());
  for (int part = 0; part < team.size(); ++part) {
    workspaces_.push_back(std::make_unique<DlrmWorkspace>(layout, batch_size_, /*training=*/false));
    buffers_.emplace_back(split, batch_size_);
  }
}

int64_t Evaluator::Bytes(const DlrmLayout& layout, int64_t rows, int64_t batch_size, int threads,
                         AucMethod method) {
  const int64_t batch = std::min(batch_size, rows);
  const int64_t a_thread =
      DlrmWorkspace::Bytes(layout, batch, false) + BatchBuffer::Bytes(layout.inputs(), batch);
  if (method == AucMethod::kHistogram) return threads * (a_thread + batch * 4 + BoundedMetrics::Bytes());
  // The metrics sort a copy of scores, labels and weights.
  return threads * a_thread + rows * 28;
}

absl::StatusOr<SplitMetrics> Evaluator::Run(const DlrmWeights& weights, std::stop_token stop,
                                            const std::function<void(int64_t)>& progress) {
  std::vector<absl::Status> ended(team_.size());
  team_.Run([&](int part) { ended[part] = RunPart(weights, stop, part, progress); });
  for (const absl::Status& status : ended) SDA_RETURN_IF_ERROR(status);
  // The metrics take no NaN; a model that gives one has diverged.
  if (!std::all_of(finite_.begin(), finite_.end(), [](char finite) { return finite != 0; })) {
    SplitMetrics diverged;
    diverged.logloss = std::nan("");
    return diverged;
  }
  if (method_ == AucMethod::kHistogram) {
    for (size_t part = 1; part < bounded_.size(); ++part) bounded_[0].Merge(bounded_[part]);
    return SplitMetrics{bounded_[0].Finish()};
  }
  SplitMetrics metrics{ComputeMetrics(logits_, labels_, row_weights_)};
  if (group_by_) metrics.grouped = ComputeGroupedMetrics(logits_, labels_, groups_);
  return metrics;
}

absl::Status Evaluator::RunPart(const DlrmWeights& weights, std::stop_token stop, int part,
                                const std::function<void(int64_t)>& progress) {
  const auto [begin, end] = team_.Range(split_.rows(), part);
  finite_[part] = 1;
  if (method_ == AucMethod::kHistogram) bounded_[part].Clear();
  for (int64_t row = begin; row < end; row += batch_size_) {
    if (stop.stop_requested()) return absl::CancelledError("evaluation was stopped");
    const int64_t last = std::min(end, row + batch_size_);
    SDA_RETURN_IF_ERROR(ScorePart(weights, part, row, last));
    // The first thread's share stands for all: shares differ by a row.
    if (part == 0 && progress) progress(std::min(split_.rows(), (last - begin) * team_.size()));
  }
  return absl::OkStatus();
}

absl::Status Evaluator::ScorePart(const DlrmWeights& weights, int part, int64_t begin, int64_t end) {
  SDA_ASSIGN_OR_RETURN(const Batch batch, buffers_[part].FillRange(begin, end));
  const bool exact = method_ == AucMethod::kExact;
  float* logits = logits_.data() + (exact ? begin : batch_size_ * part);
  DlrmForward(layout_, weights, batch, 0, batch.rows, {}, *workspaces_[part], logits);
  if (!std::all_of(logits, logits + batch.rows, [](float logit) { return std::isfinite(logit); })) {
    finite_[part] = 0;
    return absl::OkStatus();
  }
  if (!exact) {
    for (int64_t i = 0; i < batch.rows; ++i)
      bounded_[part].Add(logits[i], batch.labels[i], batch.weights.empty() ? 1.0 : batch.weights[i]);
    return absl::OkStatus();
  }
  std::copy(batch.labels.begin(), batch.labels.end(), labels_.begin() + begin);
  if (!batch.weights.empty())
    std::copy(batch.weights.begin(), batch.weights.end(), row_weights_.begin() + begin);
  if (group_by_) {
    const auto& ids = batch.tables[*group_by_].ids;
    std::copy(ids.begin(), ids.end(), groups_.begin() + begin);
  }
  return absl::OkStatus();
}

absl::Status CheckAucMethod(AucMethod method, const std::string& group_by, const std::string& field) {
  if (method == AucMethod::kExact || group_by.empty()) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("is \"", group_by,
                                          "\" beside auc_method histogram, which keeps no rows to group; use "
                                          "auc_method exact or no groups"));
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
  for (const auto& [name, value] :
       {std::pair{"auc", metrics.auc},
        {"auc_error_bound", metrics.auc_error_bound > 0 ? metrics.auc_error_bound : undefined},
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
