#include "services/advisor/core/advice.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "services/advisor/core/dlrm_knowledge.h"

namespace sda::advisor {
namespace {

// Below this, splits and batches are too small for any figure to mean something.
constexpr int64_t kMinTrainRows = 20;

// Share of the memory that trials may plan with; the rest is for data pages, the system and what an estimate
// misses.
constexpr double kMemoryShare = 0.8;

absl::Status Refuse(std::string_view reason, const std::string& message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, message,
                   {.reason = std::string(reason), .metadata = {}, .violations = {}});
}

// 1234567 as "1,234,567".
std::string Count(int64_t value) {
  std::string digits = absl::StrCat(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

std::string Gigabytes(double bytes) {
  return absl::StrCat(ToText(static_cast<double>(static_cast<int64_t>(bytes / 1e8)) / 10), " GB");
}

absl::Status CheckLearnable(const DatasetProfile& profile) {
  if (profile.dense_columns.empty() && profile.categorical_columns.empty()) {
    return Refuse("NO_FEATURES",
                  absl::StrCat(profile.dataset, " has no columns besides the label; encode it with some"));
  }
  if (profile.train_rows < kMinTrainRows || profile.validation_rows == 0) {
    return Refuse("TOO_FEW_ROWS", absl::StrCat(profile.dataset, " has ", profile.train_rows, " training and ",
                                               profile.validation_rows, " validation rows; at least ",
                                               kMinTrainRows, " and 1 are needed"));
  }
  if (profile.train_positives == 0 || profile.train_positives == profile.train_rows) {
    return Refuse("ONE_CLASS", absl::StrCat("all ", profile.train_rows, " training rows of ", profile.dataset,
                                            " have the same label; check label and positive values"));
  }
  return absl::OkStatus();
}

// To two significant digits, so that bounds read well.
double Rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1e", value);
  double rounded = value;
  ParseReal(text, &rounded);
  return rounded;
}

std::vector<std::string> ListTexts(const std::vector<std::vector<int64_t>>& lists) {
  std::vector<std::string> texts;
  for (const auto& list : lists) texts.push_back(ListText(list));
  return texts;
}

// Everything that is decided on the way from a request to its recipe.
class Adviser {
 public:
  explicit Adviser(const AdviceRequest& request)
      : request_(request),
        tables_(static_cast<int64_t>(request.profile.categorical_columns.size())),
        has_dense_(!request.profile.dense_columns.empty()),
        is_dlrm_(request.model == "dlrm"),
        preset_(PresetFor(request.profile.train_rows, tables_)) {
    recipe_.metrics = request.goal;
    if (recipe_.metrics.empty()) {
      recipe_.metrics = {{.name = "auc",
                          .strategy = Strategy::kOptimize,
                          .minimize = false,
                          .threshold = std::nullopt,
                          .noise_stddev = std::nullopt}};
    }
    target_auc_ = TargetAuc(recipe_.metrics);
    for (const Metric& metric : recipe_.metrics) {
      const KnownMetric* known = FindKnownMetric(metric.name);
      cost_counts_ |= known != nullptr && known->over_time && metric.strategy != Strategy::kStore;
    }
    if (cost_counts_) PreferCheap();
  }

  absl::StatusOr<Recipe> Advise() {
    SDA_RETURN_IF_ERROR(FitIntoMemory());
    recipe_.dataset = request_.profile.dataset;
    recipe_.observation_budget = request_.observation_budget;
    recipe_.parallel_bandwidth = request_.parallel_bandwidth;
    recipe_.seed = request_.seed;
    recipe_.machine = request_.worker.machine;
    ChooseParameters();
    WriteDefaults();
    recipe_.metrics = WithStoredMetrics(std::move(recipe_.metrics));
    recipe_.memory_required_bytes = static_cast<int64_t>(LargestTrialBytes());
    return std::move(recipe_);
  }

 private:
  // Where time is part of the goal, smaller models and larger batches join the choices, and training that
  // stops at the target is given more epochs to get there.
  void PreferCheap() {
    preset_.embedding_dims.insert(preset_.embedding_dims.begin(), preset_.embedding_dims.front() / 2);
    preset_.top_choices.insert(preset_.top_choices.begin(), {preset_.top_choices.front().back()});
    preset_.evaluations_per_epoch = 10;  // stops closer to the target
    if (target_auc_) preset_.epochs *= 2;
  }

  ModelShape ShapeWith(int64_t dim, const std::vector<int64_t>& bottom,
                       const std::vector<int64_t>& top) const {
    ModelShape shape = ShapeOf(request_.profile);
    shape.embedding_dim = dim;
    shape.bottom_layers = bottom;
    shape.top_layers = top;
    shape.dot = is_dlrm_ && preset_.dot;
    return shape;
  }

  double TrialBytes(int64_t dim, bool rowwise) const {
    return TrainingMemoryBytes(ShapeWith(dim, preset_.bottom_choices.back(), preset_.top_choices.back()),
                               StateOf("adam"), StateOf(rowwise ? "rowwise_adagrad" : "adagrad"),
                               2 * preset_.batch_size);
  }

  // Trials that may share the machine: the slots of one worker, or more where several workers run on it.
  int64_t TrialsAtOnce() const {
    const WorkerProfile& worker = request_.worker;
    const int64_t room = worker.machine.core_count / std::max<int64_t>(worker.threads_per_slot, 1);
    return std::max({worker.slots, std::min(request_.parallel_bandwidth, room), int64_t{1}});
  }

  std::optional<double> BytesPerTrial() const {
    const int64_t memory = request_.worker.machine.memory_bytes;
    if (memory <= 0) return std::nullopt;
    return kMemoryShare * static_cast<double>(memory) / static_cast<double>(TrialsAtOnce());
  }

  bool Fits(int64_t dim, bool rowwise) const {
    const std::optional<double> limit = BytesPerTrial();
    return !limit || TrialBytes(dim, rowwise) <= *limit;
  }

  // Narrows what the machine cannot hold: first the optimizer's state, then the embedding width.
  absl::Status FitIntoMemory() {
    if (tables_ == 0) return absl::OkStatus();
    if (!Fits(preset_.embedding_dim, preset_.rowwise)) preset_.rowwise = pruned_state_ = true;
    while (!Fits(preset_.embedding_dim, preset_.rowwise) && preset_.embedding_dim > 1) {
      preset_.embedding_dim /= 2;
      pruned_dim_ = true;
    }
    if (!Fits(preset_.embedding_dim, preset_.rowwise)) {
      return Refuse(
          "DOES_NOT_FIT",
          absl::StrCat(
              "the embedding tables of ", request_.profile.dataset, " have ",
              Count(static_cast<int64_t>(EmbeddingRows(ShapeWith(1, {}, {})))), " rows; a trial needs ",
              Gigabytes(TrialBytes(preset_.embedding_dim, true)), " at width ", preset_.embedding_dim,
              " and may use ", Gigabytes(*BytesPerTrial()),
              ": encode with a higher frequency threshold, use fewer slots a worker or a larger machine"));
    }
    std::vector<int64_t> dims = preset_.embedding_dims;
    for (int64_t dim = preset_.embedding_dim; dim >= 1 && dim >= preset_.embedding_dim / 2; dim /= 2)
      dims.push_back(dim);
    std::sort(dims.begin(), dims.end());
    dims.erase(std::unique(dims.begin(), dims.end()), dims.end());
    const size_t wanted = dims.size();
    dims.erase(
        std::remove_if(dims.begin(), dims.end(), [&](int64_t dim) { return !Fits(dim, preset_.rowwise); }),
        dims.end());
    pruned_dim_ |= dims.size() < wanted;
    preset_.embedding_dims = std::move(dims);
    return absl::OkStatus();
  }

  // Of the largest model and batch in the ranges.
  double LargestTrialBytes() const {
    return TrialBytes(tables_ > 0 ? preset_.embedding_dims.back() : preset_.embedding_dim, preset_.rowwise);
  }

  void Add(std::string name, Domain domain, Scale scale, std::string reason) {
    recipe_.parameters.push_back({.name = std::move(name),
                                  .domain = std::move(domain),
                                  .scale = scale,
                                  .prior = std::nullopt,
                                  .conditions = {},
                                  .reason = std::move(reason)});
  }

  // The most telling parameters first, as many as the budget can tell apart: two trials each, at least two.
  void ChooseParameters() {
    using Step = void (Adviser::*)();
    std::vector<Step> steps = {&Adviser::AddDenseRate};
    if (tables_ > 0) steps.push_back(&Adviser::AddSparseRate);
    if (is_dlrm_ && preset_.dot_is_doubtful) steps.push_back(&Adviser::AddInteraction);
    if (tables_ > 0 && preset_.embedding_dims.size() > 1) steps.push_back(&Adviser::AddEmbeddingDim);
    steps.push_back(&Adviser::AddTopLayers);
    if (cost_counts_) steps.push_back(&Adviser::AddBatchSize);
    steps.push_back(&Adviser::AddDropout);
    if (!cost_counts_) steps.push_back(&Adviser::AddBatchSize);
    if (!target_auc_) steps.push_back(&Adviser::AddEpochs);
    if (tables_ > 0) steps.push_back(&Adviser::AddSparseL2);
    if (has_dense_ && is_dlrm_) steps.push_back(&Adviser::AddBottomLayers);
    steps.push_back(&Adviser::AddDecay);
    const size_t wanted =
        std::max<size_t>(2, static_cast<size_t>(std::min<int64_t>(request_.observation_budget / 2, 100)));
    for (size_t i = 0; i < std::min(wanted, steps.size()); ++i) (this->*steps[i])();
  }

  void AddDenseRate() {
    Add("optimizer.dense.learning_rate",
        RealRange{Rounded(preset_.dense_rate * 0.3), Rounded(preset_.dense_rate * 3)}, Scale::kLog,
        absl::StrCat("The MLPs' Adam rate decides most; with batches of ", preset_.batch_size,
                     " it lies around ", ToText(preset_.dense_rate),
                     " and half a decade to either side covers what data of ",
                     Count(request_.profile.train_rows), " rows asks for."));
  }

  void AddSparseRate() {
    Add("optimizer.sparse.learning_rate",
        RealRange{Rounded(preset_.sparse_rate * 0.25), Rounded(preset_.sparse_rate * 2.5)}, Scale::kLog,
        absl::StrCat(
            "Embedding rows are seen rarely and need a rate of their own; Adagrad's lies around ",
            ToText(preset_.sparse_rate), ", and higher ones over-fit within an epoch.",
            pruned_state_ ? " It is row-wise because a sum for each weight would not fit into memory." : ""));
  }

  void AddEmbeddingDim() {
    Grid grid;
    for (const int64_t dim : preset_.embedding_dims) grid.values.push_back(static_cast<double>(dim));
    std::string reason =
        absl::StrCat("The tables have ", Count(static_cast<int64_t>(EmbeddingRows(ShapeWith(1, {}, {})))),
                     " rows for ", Count(request_.profile.train_rows),
                     " training rows; wider vectors than these find nothing to learn.");
    if (pruned_dim_) {
      reason = absl::StrCat(
          "The tables have ", Count(static_cast<int64_t>(EmbeddingRows(ShapeWith(1, {}, {})))),
          " rows; wider vectors would not fit into the ", Gigabytes(*BytesPerTrial()), " a trial may use.");
    }
    Add("model.embedding_dim", grid, Scale::kLinear, std::move(reason));
  }

  void AddTopLayers() {
    const ModelShape largest =
        ShapeWith(preset_.embedding_dim, preset_.bottom_layers, preset_.top_choices.back());
    const ModelShape smallest =
        ShapeWith(preset_.embedding_dim, preset_.bottom_layers, preset_.top_choices.front());
    Add("model.top_layers", Categories{ListTexts(preset_.top_choices)}, Scale::kLinear,
        absl::StrCat("From ", Count(static_cast<int64_t>(TrainingFlopsPerSample(smallest))), " to ",
                     Count(static_cast<int64_t>(TrainingFlopsPerSample(largest))),
                     " operations a sample, about ", Seconds(smallest), " to ", Seconds(largest),
                     " a trial on this machine; larger networks over-fit ",
                     Count(request_.profile.train_rows), " rows."));
  }

  // Of one whole training, rounded for people.
  std::string Seconds(const ModelShape& shape) const {
    const MachineRates rates{request_.worker.machine.matmul_gflops,
                             request_.worker.machine.memory_gb_per_second,
                             std::max<int64_t>(request_.worker.threads_per_slot, 1)};
    const double seconds =
        TrainingSeconds(shape, static_cast<double>(request_.profile.train_rows) * preset_.epochs, rates);
    return seconds < 1 ? "less than 1 s" : absl::StrCat(Count(std::llround(seconds)), " s");
  }

  void AddInteraction() {
    const int64_t pairs = (tables_ + 1) * tables_ / 2;
    Add("model.interaction", Categories{{"dot", "cat"}}, Scale::kLinear,
        absl::StrCat("Dot products make ", Count(pairs), " inputs of pairs, for which ",
                     Count(request_.profile.train_rows),
                     " rows are few; concatenation leaves them out and is often better on small data."));
  }

  void AddDropout() {
    Add("model.dropout", RealRange{0, 0.4}, Scale::kLinear,
        "Dropout holds back over-fitting of the top MLP; beyond 0.4 click models learn too little.");
  }

  void AddBatchSize() {
    Grid grid;
    for (const int64_t size : BatchSizes()) grid.values.push_back(static_cast<double>(size));
    Add("training.batch_size", grid, Scale::kLinear,
        absl::StrCat("Smaller batches generalise better, larger ones train faster; around ",
                     preset_.batch_size, " is usual for ", Count(request_.profile.train_rows), " rows."));
  }

  // Not above twice the preset: that is what fits into memory.
  std::vector<int64_t> BatchSizes() const {
    return {preset_.batch_size / 2, preset_.batch_size, 2 * preset_.batch_size};
  }

  void AddEpochs() {
    Add("training.epochs", RealRange{0.5 * preset_.epochs, 2 * preset_.epochs}, Scale::kLinear,
        "Click models over-fit after few passes; the weights of the best evaluation are kept, so longer "
        "costs time only.");
  }

  void AddSparseL2() {
    sparse_l2_ = 1e-6;
    Add("training.l2_sparse", RealRange{1e-7, 1e-3}, Scale::kLog,
        "A penalty on the rows a batch touches holds back values that are seen rarely.");
  }

  void AddBottomLayers() {
    Add("model.bottom_layers", Categories{ListTexts(preset_.bottom_choices)}, Scale::kLinear,
        absl::StrCat("The ", request_.profile.dense_columns.size(),
                     " dense columns need little; these sizes cover plain to rich."));
  }

  void AddDecay() {
    Add("optimizer.schedule.decay", Categories{{"none", "linear", "cosine"}}, Scale::kLinear,
        "Rates that fall towards the end settle the weights; worth a try once everything else is near.");
  }

  void WriteDefaults() {
    SpecValues& spec = recipe_.spec;
    spec["model.architecture"] = request_.model;
    spec["model.embedding_dim"] = preset_.embedding_dim;
    spec["model.bottom_layers"] = ListText(preset_.bottom_layers);
    spec["model.top_layers"] = ListText(preset_.top_layers);
    if (is_dlrm_) spec["model.interaction"] = std::string(preset_.dot ? "dot" : "cat");
    spec["model.dropout"] = 0.0;
    spec["training.batch_size"] = preset_.batch_size;
    spec["training.epochs"] = preset_.epochs;
    spec["training.evaluations_per_epoch"] = preset_.evaluations_per_epoch;
    spec["training.patience"] = preset_.evaluations_per_epoch;  // an epoch without progress ends training
    spec["training.keep"] = std::string("best");
    if (target_auc_) spec["training.target_auc"] = *target_auc_;
    if (sparse_l2_) spec["training.l2_sparse"] = *sparse_l2_;
    spec["optimizer.dense.algorithm"] = std::string("adam");
    spec["optimizer.dense.learning_rate"] = preset_.dense_rate;
    spec["optimizer.sparse.algorithm"] = std::string(preset_.rowwise ? "rowwise_adagrad" : "adagrad");
    spec["optimizer.sparse.learning_rate"] = preset_.sparse_rate;
    spec["optimizer.schedule.decay"] = std::string("none");
  }

  const AdviceRequest& request_;
  const int64_t tables_;
  const bool has_dense_;
  const bool is_dlrm_;
  DlrmPreset preset_;
  Recipe recipe_;
  std::optional<double> target_auc_;
  std::optional<double> sparse_l2_;
  bool cost_counts_ = false;
  bool pruned_dim_ = false;
  bool pruned_state_ = false;
};

}  // namespace

const std::vector<std::string>& KnownModels() {
  static const auto* const models = new std::vector<std::string>{"dlrm", "wide_deep", "deepfm", "dcnv2"};
  return *models;
}

std::string CheckKnownModel(const std::string& model) {
  const std::vector<std::string>& known = KnownModels();
  if (std::find(known.begin(), known.end(), model) != known.end()) return "";
  return absl::StrCat("is \"", model, "\"; must be one of ", absl::StrJoin(known, ", "));
}

ModelShape ShapeOf(const DatasetProfile& profile) {
  ModelShape shape;
  shape.dense_columns = static_cast<int64_t>(profile.dense_columns.size());
  for (const CategoricalColumn& column : profile.categorical_columns)
    shape.table_rows.push_back(column.table_rows);
  return shape;
}

absl::StatusOr<Recipe> Advise(const AdviceRequest& request) {
  if (const std::string problem = CheckKnownModel(request.model); !problem.empty())
    return InvalidField("model", problem);
  SDA_RETURN_IF_ERROR(CheckLearnable(request.profile));
  return Adviser(request).Advise();
}

}  // namespace sda::advisor
