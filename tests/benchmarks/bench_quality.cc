#include "tests/benchmarks/bench_quality.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>

#include "common/base/status_macros.h"
#include "services/trainer_worker/core/serving/evaluate_model.h"
#include "services/trainer_worker/core/training/buffer_file.h"
#include "services/trainer_worker/core/training/training.h"
#include "tests/benchmarks/bench_report.h"
#include "tests/benchmarks/train_config.h"

namespace sda::bench {
namespace {

struct Options {
  std::string dataset;
  std::string work = "quality-work";
  int seeds = 3;
  int threads = 1;
  double epochs = 1;
  double learning_rate = 0.02;
  int64_t embedding_dim = 16;
  double bound = 5e-4;
  bool json = false;
};

// Nothing to tell anyone: only the end counts.
class Quiet : public trainer::TrainingObserver {
 public:
  bool OnMeasurement(const trainer::Measurement&) override { return true; }
};

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

struct Trained {
  std::map<std::string, double> test_metrics;
  std::map<std::string, double> stage_seconds;  // as in the model's model.json
  double train_seconds = 0;
};

// One training, and its model on the test rows.
absl::StatusOr<Trained> TrainAndTest(const Options& options, const DatasetManifest& manifest, uint64_t seed,
                                     trainer::Precision precision) {
  SDA_ASSIGN_OR_RETURN(const TrainConfig config, FindTrainConfig("kaggle"));
  trainer::TrainingJob job;
  job.manifest = manifest;
  job.dataset_folder = options.dataset;
  job.model = config.model;
  job.model.embedding_dim = options.embedding_dim;
  job.options.batch_size = config.batch;
  job.options.epochs = options.epochs;
  job.options.keep = trainer::Keep::kLast;
  job.options.checkpoint_interval = 0;
  job.options.precision = precision;
  job.optimizer.dense = {.algorithm = trainer::Algorithm::kAdagrad, .learning_rate = options.learning_rate};
  job.optimizer.sparse = {.algorithm = trainer::Algorithm::kRowwiseAdagrad,
                          .learning_rate = options.learning_rate};
  job.seed = seed;
  job.threads = options.threads;
  job.output_folder = options.work;
  std::filesystem::remove_all(options.work);
  Quiet observer;
  SDA_ASSIGN_OR_RETURN(const trainer::TrainingResult result, trainer::Train(job, observer, {}));
  if (result.model_folder.empty())
    return absl::InternalError("training ended without a model: " + result.message);
  Trained trained{.test_metrics = {},
                  .stage_seconds = result.stage_seconds,
                  .train_seconds = result.metrics.at("train_seconds")};
  SDA_ASSIGN_OR_RETURN(trained.test_metrics, trainer::EvaluateModel({.model_folder = result.model_folder,
                                                                     .manifest = manifest,
                                                                     .dataset_folder = options.dataset,
                                                                     .split = "test",
                                                                     .threads = options.threads,
                                                                     .progress = {}},
                                                                    {}));
  std::filesystem::remove_all(options.work);
  return trained;
}

absl::StatusOr<bool> Run(const Options& options) {
  if (trainer::UsablePrecision(trainer::Precision::kBf16) != trainer::Precision::kBf16)
    return absl::FailedPreconditionError("this CPU does not multiply bfloat16: nothing to compare");
  SDA_ASSIGN_OR_RETURN(const std::string text, trainer::ReadTextFile(options.dataset + "/manifest.json"));
  SDA_ASSIGN_OR_RETURN(const DatasetManifest manifest, ManifestFromJson(text, options.dataset));
  const auto begin = std::chrono::steady_clock::now();
  std::map<trainer::Precision, double> auc;
  double squares = 0, sum = 0;
  for (int seed = 1; seed <= options.seeds; ++seed) {
    std::map<trainer::Precision, double> pair;
    for (const trainer::Precision precision : {trainer::Precision::kFp32, trainer::Precision::kBf16}) {
      const auto started = std::chrono::steady_clock::now();
      SDA_ASSIGN_OR_RETURN(const Trained trained,
                           TrainAndTest(options, manifest, static_cast<uint64_t>(seed), precision));
      const auto& metrics = trained.test_metrics;
      if (!metrics.contains("auc")) return absl::FailedPreconditionError("the test rows have one class only");
      pair[precision] = metrics.at("auc");
      auc[precision] += metrics.at("auc") / options.seeds;
      auto report = BeginReport("quality", options.threads, Seconds(started));
      report["seed"] = seed;
      report["precision"] = Name(precision);
      report["test_auc"] = metrics.at("auc");
      report["test_logloss"] = metrics.at("logloss");
      report["train_seconds"] = trained.train_seconds;
      report["stage_seconds"] = trained.stage_seconds;
      // What steps waited for their batches: the loading that the prefetch did not hide.
      report["data_share"] = trained.stage_seconds.at("data") / trained.train_seconds;
      PrintReport(report, options.json);
      std::cout.flush();
    }
    const double difference = pair[trainer::Precision::kBf16] - pair[trainer::Precision::kFp32];
    sum += difference;
    squares += difference * difference;
  }
  const double mean = sum / options.seeds;
  auto report = BeginReport("quality", options.threads, Seconds(begin));
  report["pairs"] = options.seeds;
  report["test_auc_fp32"] = auc[trainer::Precision::kFp32];
  report["test_auc_bf16"] = auc[trainer::Precision::kBf16];
  report["difference"] = mean;
  if (options.seeds > 1) {
    const double variance = (squares - sum * mean) / (options.seeds - 1);
    report["difference_standard_error"] = std::sqrt(std::max(0.0, variance) / options.seeds);
  }
  report["bound"] = options.bound;
  report["within_bound"] = std::abs(mean) <= options.bound;
  PrintReport(report, options.json);
  return std::abs(mean) <= options.bound;
}

}  // namespace

int BenchQuality(int argc, char** argv) {
  Options options;
  CLI::App app("Compares the test AUC of training in bf16 with that in fp32", "sda-bench quality");
  app.add_option("--dataset", options.dataset, "folder of an encoded dataset with train and test rows")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--work", options.work, "folder for models, emptied before and after each training");
  app.add_option("--seeds", options.seeds, "pairs of trainings")->check(CLI::Range(1, 1000));
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--epochs", options.epochs, "passes over the rows")->check(CLI::PositiveNumber);
  app.add_option("--learning-rate", options.learning_rate, "of Adagrad")->check(CLI::PositiveNumber);
  app.add_option("--embedding-dim", options.embedding_dim,
                 "width of embeddings; with AMX, dot interactions of more than 16 are in bfloat16 too")
      ->check(CLI::Range(1, 1024));
  app.add_option("--bound", options.bound, "largest mean difference of AUC")->check(CLI::NonNegativeNumber);
  app.add_flag("--json", options.json, "one line of JSON a report");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::StatusOr<bool> within = Run(options);
  if (within.ok()) return *within ? 0 : 3;
  std::cerr << "sda-bench quality: " << std::string(within.status().message()) << "\n";
  return 1;
}

}  // namespace sda::bench
